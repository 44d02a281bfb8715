"""Citations as OpenAI's annotations, through the unmodified clients of OpenAI and LangChain."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_openai import ChatOpenAI
from openai import OpenAI
from pydantic import SecretStr

from rag.types import Sentence
from service.http import annotations
from service.http.app import create_app
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.running import running

KEY = "sk-test"


@pytest.fixture(scope="module")
def url(_built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = Path(shutil.copytree(_built_home, tmp_path_factory.mktemp("annotations") / "home"))
    with running(create_app(settings(home, api_keys=KEY), words())) as url:
        yield f"{url}/v1"


@pytest.fixture
def client(url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def chat(url: str) -> ChatOpenAI:
    return ChatOpenAI(model="scholiast", base_url=url, api_key=SecretStr(KEY), max_retries=0, use_responses_api=True)


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
