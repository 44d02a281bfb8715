"""OpenAI's API as it was recorded, for tests at the wire."""

import json
from collections.abc import Iterator

import httpx
import pytest
import respx

from tests.support.scripted_llm import chunk, usage

URL = "http://llm.test/v1/chat/completions"
BASE_URL = "http://llm.test/v1"


@pytest.fixture
def router() -> Iterator[respx.MockRouter]:
    """Nothing reaches the network, neither through httpx2 nor through httpx."""
    with respx.mock(using="httpcore2") as router, respx.mock(using="httpcore", assert_all_called=False):
        yield router


def said(*pieces: str, finish: str | None = "stop", lines: tuple[str, ...] = (), done: bool = True) -> httpx.Response:
    """A streamed reply; `lines` come after the pieces as they are."""
    first = chunk("").replace('"content": ""', '"role": "assistant", "content": "", "refusal": null')
    end = [chunk(finish=finish), usage()] if finish else []
    stream = [first, *map(chunk, pieces), *lines, *end, *(["data: [DONE]"] if done else [])]
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, text="\n\n".join(stream) + "\n\n")


def failed(status: int, message: str, code: str | None = None) -> httpx.Response:
    """A failure, which may be tried again at once."""
    body = {"error": {"message": message, "type": "error", "param": None, "code": code}}
    return httpx.Response(status, headers={"retry-after-ms": "1"}, content=json.dumps(body))
