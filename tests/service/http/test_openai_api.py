"""The OpenAI-compatible API, through the unmodified `openai` and LangChain clients on a real port."""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import httpx2
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import completion_create_params
from pydantic import SecretStr

from rag import serialize
from rag.errors import BackendError
from rag.types import Answer, Paper, Sentence, Usage
from service.http import openai_schemas
from service.http.app import create_app
from service.http.openai_schemas import ChatRequest, Completion, ending
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.running import Script, leave, running, wait_until, writes

KEY = "sk-test"
MESSAGES: Any = [{"role": "user", "content": QUESTION}]


ANSWER = Answer(
    id="ans_1",
    question=QUESTION,
    standalone_question=QUESTION,
    library="default",
    outcome="out_of_scope",
    text="Nothing.",
    sentences=(),
    citations=(),
    passages=(),
    confidence=0.0,
    model="extractive",
)


@dataclass(frozen=True)
class Server:
    """A server with a key, and a client of it."""

    url: str
    client: OpenAI

    def post(self, body: object, key: str = KEY) -> httpx2.Response:
        """Without a client library."""
        headers = {"authorization": f"Bearer {key}"}
        return httpx2.post(f"{self.url}/v1/chat/completions", json=body, headers=headers, timeout=20)


@pytest.fixture(scope="module")
def server(_built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = Path(shutil.copytree(_built_home, tmp_path_factory.mktemp("openai") / "home"))
    app = create_app(settings(home, api_keys=KEY, models="openai:gpt-5"), words())
    with running(app) as url, OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        yield Server(url, client)


@pytest.fixture
def client(server: Server) -> OpenAI:
    return server.client


def answer_of(completion: Any) -> dict[str, Any]:
    """The Answer in the extension field."""
    return cast(dict[str, Any], completion.model_extra["scholiast"])


# With OpenAI's own client


def test_a_completion_has_the_answer_its_marks_and_its_sources(client: OpenAI, papers: Sequence[Paper]) -> None:
    completion = client.chat.completions.create(model="scholiast", messages=MESSAGES)
    choice, answer = completion.choices[0], answer_of(completion)
    assert serialize.answer(serialize.parse_answer(answer)) == answer
    assert (answer["outcome"], choice.finish_reason, choice.message.role) == ("answered", "stop", "assistant")
    assert (completion.object, completion.model, choice.message.refusal) == ("chat.completion", "scholiast", None)
    text, _, sources = (choice.message.content or "").partition("\n\nSources:\n")
    assert text == answer["text"] and "[1]" in text
    assert sources.splitlines()[0] == f"[1] {papers[0].title} ({papers[0].year}) {papers[0].url or ''}".strip()
    assert {f"[{citation['number']}]" for citation in answer["citations"]} == set(
        re.findall(r"^\[\d+\]", sources, re.M)
    )


def test_usage_is_counted_where_no_model_counts(client: OpenAI) -> None:
    usage = client.chat.completions.create(model="scholiast", messages=MESSAGES).usage
    assert usage is not None
    assert 10 < usage.prompt_tokens < 30 < usage.completion_tokens < 400
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_usage_is_the_models_own_where_it_counts() -> None:
    completion = Completion("chatcmpl-1", 0, "scholiast", prompt_tokens=12)
    counted = replace(ANSWER, usage=Usage(prompt_tokens=700, completion_tokens=30))
    assert completion.usage(counted) == {"prompt_tokens": 700, "completion_tokens": 30, "total_tokens": 730}


def test_a_notice_follows_the_text_for_clients_that_show_only_text() -> None:
    with_notice = replace(ANSWER, notice="openai:gpt-5 failed; this is an extractive answer.")
    assert ending(with_notice) == "\n\n(openai:gpt-5 failed; this is an extractive answer.)"
    assert ending(ANSWER) == ""


def test_a_contradicted_sentence_is_named_below_the_text_and_is_no_part_of_the_history() -> None:
    false = Sentence(text="Tea keeps awake.", citations=(1,), support="contradicted", reason="it says 'tea'")
    added = ending(replace(ANSWER, sentences=(false,)))
    assert added == "\n\nContradicted by the abstracts:\n“Tea keeps awake.” (it says 'tea')"
    asked = [{"role": "assistant", "content": f"Tea keeps awake [1].{added}"}, {"role": "user", "content": "Why?"}]
    [turn] = ChatRequest.model_validate({"model": "scholiast", "messages": asked}).question_and_history()[1]
    assert turn.content == "Tea keeps awake [1]."


def test_a_stream_adds_up_to_the_completion(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="scholiast", messages=MESSAGES)
    chunks = list(client.chat.completions.create(model="scholiast", messages=MESSAGES, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks[-2:]] == [None, "stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    changing = {"id", "timings_ms"}
    streamed, plain = answer_of(chunks[-1]), answer_of(whole)
    assert {k: v for k, v in streamed.items() if k not in changing} == {
        k: v for k, v in plain.items() if k not in changing
    }
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_has_its_usage_in_a_last_chunk_when_that_is_requested(client: OpenAI) -> None:
    options: Any = {"include_usage": True}
    *chunks, last = client.chat.completions.create(
        model="scholiast", messages=MESSAGES, stream=True, stream_options=options
    )
    assert last.choices == [] and last.usage is not None and last.usage.completion_tokens > 30
    assert all(chunk.usage is None for chunk in chunks)
    assert answer_of(chunks[-1])["outcome"] == "answered"


async def test_the_asynchronous_client_works_too(server: Server) -> None:
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
        whole = await client.chat.completions.create(model="scholiast", messages=MESSAGES)
        stream = await client.chat.completions.create(model="scholiast", messages=MESSAGES, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == whole.choices[0].message.content


def test_the_clients_stream_helper_works_too(client: OpenAI) -> None:
    with client.chat.completions.stream(model="scholiast", messages=MESSAGES) as stream:
        final = stream.get_final_completion()
    assert "Sources:" in (final.choices[0].message.content or "")


def test_the_models_are_the_libraries_and_the_writers(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["scholiast", "scholiast/default", "extractive", "openai:gpt-5"]
    assert client.models.retrieve("scholiast/default").owned_by == "scholiast"
    for name in names[:3]:
        completion = client.chat.completions.create(model=name, messages=MESSAGES)
        assert (completion.model, answer_of(completion)["library"]) == (name, "default")


def test_the_messages_before_the_question_are_its_history(client: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = writes(monkeypatch, Script("Hydra++ is the best recipe [1]."))
    reply = client.chat.completions.create(model="scholiast", messages=MESSAGES).choices[0].message
    assert "Sources:" in (reply.content or "")
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages: Any = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "developer", "content": "Arr."},
        *MESSAGES,
        reply,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "42"},
        {"role": "user", "content": [{"type": "text", "text": QUESTION}, {"type": "text", "text": "In short."}]},
    ]
    completion = client.chat.completions.create(model="scholiast", messages=messages)
    assert answer_of(completion)["question"] == f"{QUESTION}\nIn short."
    assert [(turn.role, turn.content) for turn in writer.heard[-1]] == [
        ("user", QUESTION),
        ("assistant", "Hydra++ is the best recipe [1]."),
    ]


def test_parameters_that_mean_nothing_here_are_ignored(client: OpenAI) -> None:
    tool: Any = {"type": "function", "function": {"name": "f", "parameters": {}}}
    completion = client.chat.completions.create(
        model="scholiast",
        messages=MESSAGES,
        temperature=0,
        max_tokens=5,
        stop=["."],
        seed=1,
        n=1,
        tools=[tool],
        user="ann",
        extra_body={"metadata": {"a": "b"}, "tool_choice": "auto"},
    )
    assert answer_of(completion)["outcome"] == "answered"


def test_every_parameter_that_openai_documents_is_known() -> None:
    documented = set(completion_create_params.CompletionCreateParamsBase.__annotations__)
    assert documented - {"model", "messages", "n", "response_format", "stream_options"} == openai_schemas.IGNORED


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("temprature", 0, "did you mean `temperature`?"),
        ("nobody", "knows", "`nobody` is not known"),
        ("tool_choice", "required", "tool_choice"),
        ("tool_choice", {"type": "function", "function": {"name": "f"}}, "tool_choice"),
        ("logprobs", True, "logprobs"),
        ("modalities", ["text", "audio"], "audio"),
    ],
)
def test_what_the_client_would_miss_in_the_reply_is_refused(
    client: OpenAI, field: str, value: object, says: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=re.escape(says)):
        client.chat.completions.create(model="scholiast", messages=MESSAGES, extra_body={field: value})


def test_feedback_can_be_given_by_the_id_in_the_extension_field(server: Server) -> None:
    answer = answer_of(server.client.chat.completions.create(model="scholiast", messages=MESSAGES))
    path = f"{server.url}/v1/answers/{answer['id']}/feedback"
    headers = {"authorization": f"Bearer {KEY}"}
    assert httpx2.post(path, json={"verdict": "good"}, headers=headers).status_code == 200


# Failures


def test_a_wrong_key_is_an_authentication_error(server: Server) -> None:
    with OpenAI(base_url=f"{server.url}/v1", api_key="wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as raised:
            client.models.list()
        assert raised.value.code == "invalid_api_key"
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model="scholiast", messages=MESSAGES, stream=True)


@pytest.mark.parametrize("name", ["gpt-4o", "scholiast/none", "scholiast-2", ""])
@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_model_or_library_is_not_found(client: OpenAI, name: str, stream: bool) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        client.chat.completions.create(model=name, messages=MESSAGES, stream=stream)
    assert (raised.value.code, raised.value.type) == ("model_not_found", "invalid_request_error")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(name or "none")


_IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"n": 2}, "n is 2"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, "role is user"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, _IMAGE]}]}, "'image_url'"),
        ({"messages": [{"role": "user", "content": " "}]}, "empty"),
        ({"messages": [{"role": "user", "content": "a" * 4001}]}, "4,001 characters"),
        ({"messages": "hello"}, "messages"),
        ({"model": None}, "model"),
    ],
)
def test_a_request_that_can_not_be_used_is_a_bad_request(server: Server, wrong: dict[str, Any], says: str) -> None:
    for stream in (False, True):
        response = server.post({"model": "scholiast", "messages": MESSAGES, "stream": stream, **wrong})
        error = response.json()["error"]
        assert (response.status_code, error["type"]) == (400, "invalid_request_error")
        assert says in error["message"]
        assert set(error) == {"message", "type", "param", "code"}


def test_the_field_at_fault_is_named(server: Server) -> None:
    assert server.post({"model": "scholiast"}).json()["error"]["param"] == "messages"
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    broken = httpx2.post(f"{server.url}/v1/chat/completions", content=b"{", headers=headers)
    assert (broken.status_code, broken.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_backend_that_fails_is_a_server_error(client: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    writes(monkeypatch, Script(BackendError("the model hung up", retryable=True)))
    with pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(model="scholiast", messages=MESSAGES)
    assert (raised.value.status_code, raised.value.type) == (503, "server_error")
    assert raised.value.response.headers["retry-after"]
    writes(monkeypatch, Script(ZeroDivisionError("secret")))
    with pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(model="scholiast", messages=MESSAGES)
    assert raised.value.status_code == 500 and "secret" not in str(raised.value)


def test_a_failure_in_mid_stream_is_raised_by_the_client(client: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    writes(monkeypatch, Script("Hydra++ is the ", BackendError("secret", retryable=False, reason="it hung up")))
    stream = client.chat.completions.create(model="scholiast", messages=MESSAGES, stream=True)
    with pytest.raises(openai.APIError, match="it hung up"):
        list(stream)


def test_a_stream_ends_with_done_even_when_it_fails(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"model": "scholiast", "messages": MESSAGES, "stream": True}
    assert server.post(body).text.endswith("\n\ndata: [DONE]\n\n")
    writes(monkeypatch, Script("Hydra++ is the ", BackendError("secret", retryable=False, reason="it hung up")))
    *_, failed, done, _ = server.post(body).text.split("\n\n")
    assert json.loads(failed.removeprefix("data: "))["error"]["message"].endswith(": it hung up")
    assert done == "data: [DONE]"


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_stops_the_work(server: Server, monkeypatch: pytest.MonkeyPatch, stream: bool) -> None:
    writer = writes(monkeypatch, Script("Once upon a time", None))
    body = {"model": "scholiast", "messages": MESSAGES, "stream": stream}
    leave(f"{server.url}/v1/chat/completions", body, when=lambda: len(writer.heard) == 1, key=KEY)
    assert wait_until(lambda: writer.stopped == 1, 1)


# With LangChain's client


@pytest.fixture
def chat(server: Server) -> ChatOpenAI:
    return ChatOpenAI(model="scholiast", base_url=f"{server.url}/v1", api_key=SecretStr(KEY), max_retries=0)


def test_langchain_asks_and_streams(chat: ChatOpenAI) -> None:
    whole = chat.invoke(QUESTION)
    assert isinstance(whole.content, str) and "Sources:\n[1] " in whole.content
    assert whole.usage_metadata is not None and whole.usage_metadata["output_tokens"] > 30
    assert "".join(str(chunk.content) for chunk in chat.stream(QUESTION)) == whole.content


async def test_langchain_converses_asynchronously(chat: ChatOpenAI) -> None:
    before = [SystemMessage("Be brief."), HumanMessage(QUESTION), AIMessage("Hydra++ is [1].")]
    reply = await chat.ainvoke([*before, HumanMessage([{"type": "text", "text": QUESTION}])])
    assert "[1]" in str(reply.content)
    assert "".join([str(chunk.content) async for chunk in chat.astream(QUESTION)]).count("Sources:") == 1


def test_a_request_of_the_chat_interface_gets_no_paper(server: Server) -> None:
    task = f"### Task:\nGenerate a concise title.\n<chat_history>{'x' * 5_000}</chat_history>"
    found = server.post({"model": "scholiast", "messages": [{"role": "user", "content": task}]}).json()
    assert (found["scholiast"]["outcome"], found["scholiast"]["passages"]) == ("out_of_scope", [])
    assert "no titles" in found["choices"][0]["message"]["content"]
