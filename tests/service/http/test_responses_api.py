"""OpenAI's Responses API and the annotations of both APIs, through the unmodified `openai` and LangChain clients."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import openai
import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_openai import ChatOpenAI
from openai import OpenAI
from openai.types.responses import Response, ResponseOutputMessage, ResponseOutputText, response_create_params
from pydantic import SecretStr

from rag.errors import BackendError
from rag.types import Sentence
from service.http import annotations, responses_schemas
from service.http.app import create_app
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.running import Script, running, writes

KEY = "sk-test"


@pytest.fixture(scope="module")
def url(_built_home: Path) -> Iterator[str]:
    with running(create_app(settings(_built_home, api_keys=KEY), words())) as url:
        yield f"{url}/v1"


@pytest.fixture
def client(url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def chat(url: str) -> ChatOpenAI:
    return ChatOpenAI(model="scholiast", base_url=url, api_key=SecretStr(KEY), max_retries=0, use_responses_api=True)


def part_of(response: Response) -> ResponseOutputText:
    [message] = response.output
    assert isinstance(message, ResponseOutputMessage)
    [part] = message.content
    assert isinstance(part, ResponseOutputText)
    return part


def check(text: str, cited: list[dict[str, Any]], answer: dict[str, Any]) -> None:
    """Every citation of the Answer is annotated where its mark stands."""
    assert [annotation["scholiast"] for annotation in cited] == answer["citations"] != []
    for annotation in cited:
        mark = text[annotation["start_index"] : annotation["end_index"]]
        assert mark == f"[{annotation['scholiast']['number']}]"
        assert annotation["title"] == annotation["scholiast"]["paper"]["title"]
        assert annotation["url"] == (annotation["scholiast"]["paper"]["url"] or "")


# Annotations


def test_a_mark_belongs_to_the_sentence_that_it_stands_in_or_behind() -> None:
    told = [Sentence(text=text, citations=(1,), support="supported") for text in ("Tea [sic] helps.", "Tea helps.")]
    found = list(annotations.marks("Tea [sic] helps [1][2]. Tea [1] helps [3].\n\nSo [4].", told))
    assert [(mark.number, mark.sentence) for mark in found] == [(1, 0), (2, 0), (1, 1), (3, 1), (4, -1)]
    assert found[0][:2] == (16, 19)


def test_a_chat_completion_and_its_stream_have_the_citations_as_annotations(client: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": QUESTION}]
    completion = client.chat.completions.create(model="scholiast", messages=messages)
    message = completion.choices[0].message
    cited = [annotation.url_citation.model_dump() for annotation in message.annotations or []]
    check(message.content or "", cited, cast(dict[str, Any], (completion.model_extra or {})["scholiast"]))
    *_, last = client.chat.completions.create(model="scholiast", messages=messages, stream=True)
    streamed = (last.choices[0].delta.model_extra or {})["annotations"]
    assert [annotation["url_citation"]["start_index"] for annotation in streamed] == [c["start_index"] for c in cited]


# With OpenAI's own client


def test_a_response_has_the_text_the_citations_and_the_answer(client: OpenAI) -> None:
    response = client.responses.create(model="scholiast", input=QUESTION)
    answer = cast(dict[str, Any], (response.model_extra or {})["scholiast"])
    assert (response.status, response.error, response.object) == ("completed", None, "response")
    assert response.output_text.startswith(answer["text"]) and "\n\nSources:\n[1] " in response.output_text
    check(response.output_text, [annotation.model_dump() for annotation in part_of(response).annotations], answer)
    assert response.usage is not None and response.usage.output_tokens > 30
    assert response.metadata == {"scholiast_answer": answer["id"], "scholiast_outcome": "answered"}


def test_a_streamed_response_is_told_by_its_events_and_ends_with_the_whole(client: OpenAI) -> None:
    with client.responses.stream(model="scholiast", input=QUESTION) as stream:
        events = list(stream)
        final = stream.get_final_response()
    kinds = list(dict.fromkeys(event.type for event in events))
    assert kinds[:4] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
    ]  # fmt: skip
    assert kinds[-1] == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == final.output_text == part_of(final).text
    added = [event.annotation for event in events if event.type == "response.output_text.annotation.added"]
    assert len(added) == len(part_of(final).annotations) > 0


def test_a_conversation_is_the_messages_of_its_two_sides(client: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    first = client.responses.create(model="scholiast", input=QUESTION)
    writer = writes(monkeypatch, Script("Hydra++ is the best recipe [1]."))
    input: Any = [
        {"role": "developer", "content": "You are a pirate."},
        {"role": "user", "content": [{"type": "input_text", "text": QUESTION}]},
        *first.output,
        {"type": "function_call_output", "call_id": "c", "output": "42"},
        {"role": "user", "content": QUESTION},
    ]
    client.responses.create(model="scholiast", input=input, instructions="Arr.", temperature=0, store=False)
    assert [(turn.role, turn.content) for turn in writer.heard[-1]] == [
        ("user", QUESTION),
        ("assistant", first.output_text.partition("\n\nSources:")[0]),
    ]


def test_every_parameter_that_openai_documents_is_known() -> None:
    documented = set(response_create_params.ResponseCreateParamsBase.__annotations__)
    assert documented - {"model", "input"} == responses_schemas.IGNORED | responses_schemas.REFUSED.keys()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("temprature", 0, "did you mean `temperature`?"),
        ("previous_response_id", "resp_1", "in input"),
        ("background", True, "background"),
        ("tool_choice", "required", "tool_choice"),
        ("text", {"format": {"type": "json_object"}}, "format"),
        ("input", [{"role": "assistant", "content": "So."}], "input has no message whose role is user"),
        ("input", [{"role": "user", "content": [{"type": "input_image"}]}], "input[0].content[0]"),
    ],
)
def test_what_the_client_would_miss_in_the_reply_is_refused(
    client: OpenAI, field: str, value: object, says: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=re.escape(says)):
        client.responses.create(model="scholiast", input=QUESTION, extra_body={field: value})


def test_what_asks_for_nothing_is_let_pass(client: OpenAI) -> None:
    nothing: Any = {
        "text": {"format": {"type": "text"}, "verbosity": "low"},
        "tool_choice": "auto",
        "background": False,
    }
    assert client.responses.create(model="scholiast", input=QUESTION, **nothing).status == "completed"


def test_a_failure_has_openais_shape_and_within_a_stream_is_its_last_event(
    client: OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        client.responses.create(model="gpt-5", input=QUESTION)
    writes(monkeypatch, Script("Hydra ", BackendError("the model hung up", retryable=True)))
    *_, last = client.responses.create(model="scholiast", input=QUESTION, stream=True)
    assert last.type == "error" and last.message == "the model hung up"


# With LangChain's client


def test_langchain_keeps_the_citations(chat: ChatOpenAI) -> None:
    message = chat.invoke(QUESTION)
    [block] = message.content_blocks
    assert block["type"] == "text"
    cited: list[Any] = block["annotations"]
    assert {annotation["type"] for annotation in cited} == {"citation"}
    first = cited[0]
    assert block["text"][first["start_index"] : first["end_index"]] == "[1]"
    quote = first["extras"]["scholiast"]["quote"]
    assert first["title"] and quote
    assert message.response_metadata["metadata"]["scholiast_outcome"] == "answered"


def test_langchain_keeps_them_in_a_stream_and_takes_them_back_as_history(chat: ChatOpenAI) -> None:
    whole = AIMessageChunk(content="")
    for chunk in chat.stream(QUESTION):
        whole = whole + chunk if whole.content else chunk
    [block] = whole.content_blocks
    [asked] = chat.invoke(QUESTION).content_blocks
    assert block["type"] == asked["type"] == "text"
    assert (block["text"], block["annotations"]) == (asked["text"], asked["annotations"])
    again = chat.invoke([HumanMessage(QUESTION), whole, HumanMessage("How much faster is it?")])
    assert again.text
