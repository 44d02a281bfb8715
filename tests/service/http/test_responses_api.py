"""OpenAI's Responses API, through the unmodified `openai` client on a real port."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import response_create_params

from rag.errors import BackendError
from rag.types import Paper
from service.http.app import create_app
from service.http.responses_schemas import IGNORED, ResponseRequest
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.running import Script, leave, running, wait_until, writes

KEY, OTHER_KEY = "sk-test", "sk-other"


@pytest.fixture(scope="module")
def url(_built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = Path(shutil.copytree(_built_home, tmp_path_factory.mktemp("responses") / "home"))
    with running(create_app(settings(home, api_keys=f"{KEY},{OTHER_KEY}"), words())) as url:
        yield url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def refusal(client: OpenAI, **others: Any) -> str:
    with pytest.raises(openai.BadRequestError) as failed:
        client.responses.create(**{"model": "scholiast", "input": QUESTION, **others})
    return str(failed.value)


def test_a_response_has_the_answer_with_an_annotation_for_each_mark(client: OpenAI, papers: Sequence[Paper]) -> None:
    response = client.responses.create(model="scholiast", input=QUESTION, instructions="Rhyme.", metadata={"a": "b"})
    assert (response.status, response.object, response.model) == ("completed", "response", "scholiast")
    assert (response.instructions, response.metadata) == ("Rhyme.", {"a": "b"})
    answer: Any = (response.model_extra or {})["scholiast"]
    assert answer["outcome"] == "answered"
    text, _, sources = response.output_text.partition("\n\nSources:\n")
    assert text == answer["text"] and sources.startswith(f"[1] {papers[0].title}")
    message: Any = response.output[0]
    annotations = message.content[0].annotations
    assert {text[annotation.start_index : annotation.end_index] for annotation in annotations} == {"[1]"}
    assert [annotation.scholiast for annotation in annotations] == answer["citations"]
    assert response.usage and response.usage.total_tokens > response.usage.input_tokens > 10


def test_a_stream_has_its_events_in_order_and_adds_up_to_the_response(client: OpenAI) -> None:
    whole = client.responses.create(model="scholiast", input=QUESTION)
    events: list[Any] = list(client.responses.create(model="scholiast", input=QUESTION, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    names = list(dict.fromkeys(event.type.removeprefix("response.") for event in events))
    assert names == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.annotation.added",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    last = events[-1].response
    assert text == last.output_text == whole.output_text
    assert events[0].response.id == last.id and events[0].response.status == "in_progress"
    assert last.model_extra["scholiast"]["text"] in text


def test_the_clients_stream_helper_works(client: OpenAI) -> None:
    with client.responses.stream(model="scholiast", input=QUESTION) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[-1] == "response.completed" and "[1]" in final.output_text


async def test_the_asynchronous_client_works_too(url: str) -> None:
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY) as client:
        stream = await client.responses.create(model="scholiast", input=QUESTION, stream=True)
        assert [event.type async for event in stream][-1] == "response.completed"


def test_messages_are_the_question_and_its_history(url: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    writer = writes(monkeypatch, Script("Hydra++ is the best recipe [1]."))
    said = "Heads [1].\n\nSources:\n[1] Hydra"
    given: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "What is Hydra?"}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": said}],
        },
        {"role": "user", "content": QUESTION},
    ]
    with running(create_app(settings(home), words())) as url, OpenAI(base_url=f"{url}/v1", api_key="x") as client:
        client.responses.create(model="scholiast", input=given)
    assert [(turn.role, turn.content) for turn in writer.heard[0]] == [
        ("user", "What is Hydra?"),
        ("assistant", "Heads [1]."),
    ]


def test_a_response_goes_on_from_an_earlier_one_of_the_same_key(
    client: OpenAI, url: str, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    writer = writes(monkeypatch, Script("Hydra++ is the best recipe [1]."))
    with running(create_app(settings(home, api_keys=f"{KEY},{OTHER_KEY}"), words())) as own:
        mine = OpenAI(base_url=f"{own}/v1", api_key=KEY, max_retries=0)
        first = mine.responses.create(model="scholiast", input=QUESTION)
        events: Any = mine.responses.create(
            model="scholiast", input=QUESTION, previous_response_id=first.id, stream=True
        )
        second = list(events)[-1].response
        third = mine.responses.create(model="scholiast", input=QUESTION, previous_response_id=second.id)
        assert third.previous_response_id == second.id
        assert [len(turns) for turns in writer.heard] == [0, 2, 4]
        assert writer.heard[1][0].content == QUESTION and writer.heard[1][1].content == first.output_text.split("\n")[0]
        theirs = OpenAI(base_url=f"{own}/v1", api_key=OTHER_KEY, max_retries=0)
        assert "no response to this key has that id" in refusal(theirs, previous_response_id=first.id)
    assert "no response to this key has that id" in refusal(client, previous_response_id="resp_0")
    assert "ids begin with resp_" in refusal(client, previous_response_id="conv_1")


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ({"text": {"format": {"type": "json_schema", "name": "a", "schema": {}}}}, "text.format"),
        ({"tool_choice": "required"}, "only text is answered"),
        ({"tool_choice": {"type": "function", "name": "f"}}, "only text is answered"),
        ({"top_logprobs": 2}, "logprobs"),
        ({"include": ["message.output_text.logprobs"]}, "logprobs"),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "previous_response_id"),
        ({"prompt": {"id": "pmpt_1"}}, "send the question as input"),
        ({"store": False}, "every answer is stored"),
        ({"input": []}, "no message whose role is user"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input[0] is of type"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, "input[0].content[0]"),
        ({"extra_body": {"temprature": 1}}, "temprature"),
        ({"input": " "}, "question is empty"),
    ],
)
def test_what_a_client_would_miss_is_refused(client: OpenAI, others: dict[str, Any], told: str) -> None:
    assert told in refusal(client, **others)


def test_what_has_no_meaning_here_is_ignored(client: OpenAI) -> None:
    tools: Any = [{"type": "function", "name": "f", "parameters": {}, "strict": True}]
    response = client.responses.create(
        model="scholiast", input=QUESTION, temperature=0.1, tools=tools, tool_choice="auto", store=True,
        text={"format": {"type": "text"}}, max_output_tokens=5, reasoning={"effort": "low"},
    )  # fmt: skip
    assert response.status == "completed" and response.tools == []


def test_every_parameter_of_the_client_is_known() -> None:
    documented = set(response_create_params.ResponseCreateParamsBase.__annotations__)
    assert documented <= IGNORED | set(ResponseRequest.model_fields) | {"stream"}


def test_an_unknown_model_and_a_wrong_key_are_what_the_client_expects(client: OpenAI, url: str) -> None:
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="gpt-99", input=QUESTION)
    with pytest.raises(openai.AuthenticationError):
        OpenAI(base_url=f"{url}/v1", api_key="wrong", max_retries=0).responses.create(model="scholiast", input=QUESTION)


def test_a_failure_in_the_middle_is_a_failed_response(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    writes(
        monkeypatch,
        Script("Hydra++ is the best recipe [1]. ", BackendError("at /a/path", retryable=False, reason="it broke")),
    )
    with running(create_app(settings(home), words())) as url, OpenAI(base_url=f"{url}/v1", api_key="x") as client:
        events: Any = list(client.responses.create(model="scholiast", input=QUESTION, stream=True))
    assert events[-1].type == "response.failed"
    assert events[-1].response.error.message == "an embedder, a model or a source can't be used: it broke"
    assert events[-1].response.status == "failed"


def test_leaving_cancels_the_answer(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    writer = writes(monkeypatch, Script("Hydra++ is the best recipe [1]. ", None))
    with running(create_app(settings(home), words())) as url:
        body = {"model": "scholiast", "input": QUESTION, "stream": True}
        leave(f"{url}/v1/responses", body, when=lambda: bool(writer.heard))
        assert wait_until(lambda: writer.stopped == 1)


def test_the_limits_of_a_key_hold_here_too(home: Path) -> None:
    app = create_app(settings(home, api_keys=KEY, key_requests_per_minute="1"), words())
    with running(app) as url, OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        client.responses.create(model="scholiast", input=QUESTION)
        with pytest.raises(openai.RateLimitError):
            client.responses.create(model="scholiast", input=QUESTION)
