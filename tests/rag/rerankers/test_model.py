"""The chat model as a reranker: its grades are the order, within few calls; what can't be read changes nothing."""

import json
import logging
import re
from pathlib import Path

import httpx
import pytest
import respx

from rag import rerankers
from rag.errors import BackendError, ConfigError
from rag.protocols import Reranker
from rag.types import Paper, Passage
from tests.conftest import QUESTION, settings
from tests.support.over_http import serve
from tests.support.wire import BASE_URL, URL, failed, router, said

__all__ = ["router"]


def passage(text: str) -> Passage:
    return Passage(number=0, paper=Paper(id=text, title=text, abstract=text), text=text, score=0.5)


def reranker(name: str) -> Reranker:
    chosen = settings(Path(), reranker="model", model=f"openai:{name}", model_base_url=BASE_URL)
    found = rerankers.reranker(chosen)
    assert found
    return found


def by_length(request: httpx.Request) -> httpx.Response:
    """A shorter title is better; none of those with an x gets a grade."""
    prompt = json.loads(request.content)["messages"][0]["content"]
    keys = re.findall(r'key="(p\w+)">\n(.+)\n', prompt)
    grades = [{"key": key, "grade": 10 - len(title), "why": "Short."} for key, title in keys if "x" not in title]
    return said(json.dumps({"grades": grades}))


async def test_the_grades_are_the_scores_in_the_order_of_the_passages(router: respx.MockRouter) -> None:
    router.post(URL).mock(side_effect=by_length)
    scores = await reranker("grades").rerank("q", [passage("aaaa"), passage("a"), passage("xx"), passage("aaaaaaaa")])
    assert scores == [6, 9, 3, 2]


async def test_the_calls_are_few(router: respx.MockRouter) -> None:
    route = router.post(URL).mock(side_effect=by_length)
    passages = [passage("a" * (1 + number % 9) + str(number)) for number in range(24)]
    assert len(await reranker("few").rerank("q", passages)) == 24
    assert len(route.calls) == 3


async def test_a_reply_that_is_none_is_an_error(router: respx.MockRouter) -> None:
    router.post(URL).mock(return_value=said("All of them are good."))
    with pytest.raises(BackendError, match="graded none of 2 passages") as error:
        await reranker("prose").rerank("q", [passage("a"), passage("b")])
    assert error.value.reason == "its reply can't be read"


def test_without_a_chat_model_there_is_none() -> None:
    with pytest.raises(ConfigError, match="SCHOLIAST_MODEL names no chat model; set it"):
        rerankers.reranker(settings(Path(), reranker="model"))


def test_where_it_fails_the_order_stays_and_the_log_says_so(
    router: respx.MockRouter, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = {"model": "openai:down", "model_base_url": BASE_URL}
    router.post(URL).mock(return_value=failed(400, "no"))
    with serve(home, **plain) as client:
        expected = [r["paper"]["id"] for r in client.get("/v1/search", params={"q": QUESTION}).json()["results"]]
    with caplog.at_level(logging.WARNING, "scholiast"), serve(home, reranker="model", **plain) as client:
        found = client.get("/v1/search", params={"q": QUESTION}).json()["results"]
        assert [result["paper"]["id"] for result in found] == expected
    assert "model:openai:down failed, the passages stay in the order of the search" in caplog.text
