"""Chat models: OpenAI's API at the wire in every mood, the prompt, the window, and models that behave badly."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import httpx
import pytest
import respx
from langchain_core.language_models import FakeListChatModel

from rag.errors import BackendError, ConfigError
from rag.text import tokens
from rag.types import Answer, GenerationInfo, Passage, Turn, Usage
from rag.writers import chat, models, prompt_context
from rag.writers.chat import ChatWriter
from rag.writers.client import ChatClient
from rag.writers.extractive import ExtractiveWriter
from tests.support.answers import CAFFEINE, CLAIM, QUESTION, TEA, engine
from tests.support.passages import Flat, passage
from tests.support.scripted_llm import Script, scripted_llm
from tests.support.wire import BASE_URL, URL, failed, router, said

__all__ = ["router"]

HISTORY = (Turn(role="user", content="caffeine and sleep?"), Turn(role="assistant", content="It is shorter [1]."))


def openai(name: str = "m", base_url: str = BASE_URL, seconds: float = 5.0, window: int = 0) -> ChatWriter:
    return chat.writer(f"openai:{name}", ExtractiveWriter(Flat()), base_url, window, seconds)


async def written(writer: ChatWriter, passages: Sequence[Passage] = (CAFFEINE, TEA)) -> tuple[str, GenerationInfo]:
    pieces = [piece async for piece in writer.write(QUESTION, passages)]
    assert isinstance(pieces[-1], GenerationInfo)
    return "".join(piece for piece in pieces if isinstance(piece, str)), pieces[-1]


async def answered(response: httpx.Response, router: respx.MockRouter) -> Answer:
    router.post(URL).mock(return_value=response)
    return await engine(openai()).ask(QUESTION)


def sent(router: respx.MockRouter) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(router.calls.last.request.content)
    return body


# A model that behaves


async def test_an_answer_is_streamed_with_its_tokens_and_the_version_of_its_prompt(router: respx.MockRouter) -> None:
    found = await answered(said("Caffeine shortens the sleep ", "of shift workers by 34% [", "1]."), router)
    assert (found.text, found.outcome, found.model) == (f"{CLAIM} [1].", "answered", "openai:m")
    assert found.usage == Usage(prompt_tokens=900, completion_tokens=30)
    assert len(found.prompt) == 12 and found.notice == ""


async def test_a_compatible_server_is_asked_in_words_that_it_knows(router: respx.MockRouter) -> None:
    await answered(said("Yes [1]."), router)
    body = sent(router)
    assert (body["model"], body["stream"], body["temperature"]) == ("m", True, 0)
    assert body["stream_options"] == {"include_usage": True}
    assert body["max_tokens"] > 0 and "max_completion_tokens" not in body
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


async def test_openai_itself_is_asked_with_the_newer_limit_and_no_temperature_that_it_refuses(
    router: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    router.post("https://api.openai.com/v1/chat/completions").mock(return_value=said("Yes [1]."))
    await written(openai("gpt-5-mini", base_url=""))
    body = sent(router)
    assert body["max_completion_tokens"] == models.MAX_ANSWER_TOKENS
    assert "temperature" not in body and "max_tokens" not in body


async def test_the_conversation_is_told_without_its_marks(router: respx.MockRouter) -> None:
    router.post(URL).mock(return_value=said("Yes [1]."))
    async for _ in openai().write("and at night?", (CAFFEINE,), HISTORY):
        pass
    asked = sent(router)["messages"][1]["content"]
    assert "User: caffeine and sleep?\nAssistant: It is shorter." in asked
    assert "\n\nQuestion: and at night?" in asked


async def test_thoughts_are_not_part_of_an_answer(router: respx.MockRouter) -> None:
    found = await answered(said("<thi", "nk>The user wants [2]...", "</think>\n\n", f"{CLAIM} [1]."), router)
    assert found.text == f"{CLAIM} [1]."


async def test_any_langchain_chat_model_will_do() -> None:
    model = FakeListChatModel(responses=[f"{CLAIM} [1]."])
    text, generation = await written(ChatWriter(ChatClient("fake:m", model, 8192, 60.0), ExtractiveWriter(Flat())))
    assert (text, generation.complete) == (f"{CLAIM} [1].", True)


# The window


def test_passages_are_packed_best_first_in_whole_sentences() -> None:
    long = passage("Long", *(f"Sentence number {n} is about sleep." for n in range(40)), number=3,
                   similarity=[n / 40 for n in range(40)])  # fmt: skip
    room = tokens.count(prompt_context.pack([CAFFEINE], 9999, "abstract").text) + 120
    packed = prompt_context.pack([CAFFEINE, long, TEA], room, "abstract")
    assert packed.numbers[:2] == (1, 3)
    assert tokens.count(packed.text) <= room
    assert "Sentence number 39 is about sleep." in packed.text and "number 0 " not in packed.text
    assert all(line.endswith(".") for line in packed.text.splitlines() if line.startswith("Sentence"))


async def test_a_passage_for_which_there_was_no_room_cannot_be_cited(router: respx.MockRouter) -> None:
    big = replace(TEA, text="tea " * 3000, sentences=(replace(TEA.sentences[0], text="tea " * 3000),))
    router.post(URL).mock(return_value=said(f"{CLAIM} [1][2]."))
    assert (await written(openai(window=3000), (CAFFEINE, big)))[0] == f"{CLAIM} [1]."


@pytest.mark.parametrize(("question", "shown"), [(QUESTION, False), ("Which papers are about caffeine or tea?", True)])
async def test_a_passage_far_below_the_best_is_shown_if_several_are_wanted(
    question: str, shown: bool, router: respx.MockRouter
) -> None:
    route = router.post(URL).mock(return_value=said(f"{CLAIM} [1][2]."))
    pieces = openai().write(question, (CAFFEINE, replace(TEA, score=0.65)))
    text = "".join([piece async for piece in pieces if isinstance(piece, str)])
    assert text == (f"{CLAIM} [1][2]." if shown else f"{CLAIM} [1].")
    assert ("ceremony" in route.calls.last.request.content.decode()) == shown


async def test_a_window_without_room_for_a_sentence_says_which_setting_to_mend() -> None:
    with pytest.raises(ConfigError, match="SCHOLIAST_MODEL_CONTEXT_TOKENS"):
        await written(openai(window=300))


# A server that fails


@pytest.mark.parametrize(
    ("status", "code", "retryable", "requests"),
    [
        (401, "invalid_api_key", False, 1),
        (400, None, False, 1),
        (404, "model_not_found", False, 1),
        (500, None, True, 3),
        (503, None, True, 3),
        (429, "rate_limit_exceeded", True, 3),
    ],
)
async def test_a_failure_says_whether_to_try_again_and_only_the_sdk_did(
    router: respx.MockRouter, status: int, code: str | None, retryable: bool, requests: int
) -> None:
    router.post(URL).mock(return_value=failed(status, "no luck", code))
    with pytest.raises(BackendError, match=f"openai:m: HTTP {status}.*no luck") as caught:
        await written(openai())
    assert (caught.value.retryable, caught.value.reason) == (retryable, f"HTTP {status}")
    assert router.calls.call_count == requests


async def test_an_account_without_credit_is_not_asked_again_later(router: respx.MockRouter) -> None:
    router.post(URL).mock(return_value=failed(429, "pay first", "insufficient_quota"))
    with pytest.raises(BackendError) as caught:
        await written(openai())
    assert not caught.value.retryable


async def test_a_server_that_asks_for_patience_gets_it(router: respx.MockRouter) -> None:
    busy = httpx.Response(429, headers={"retry-after": "1"}, json={"error": {"message": "slow down"}})
    router.post(URL).mock(side_effect=[busy, said(f"{CLAIM} [1].")])
    start = perf_counter()
    assert (await written(openai()))[0] == f"{CLAIM} [1]."
    assert perf_counter() - start >= 1


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (said("Caff", finish=None, lines=("data: {not json",)), "JSONDecodeError"),
        (said("Caff", finish=None, lines=('data: {"error": {"message": "boom"}}',)), "APIError"),
        (said("Caff", finish=None), "it stopped midway"),
        (said("Caff", finish=None, done=False), "it stopped midway"),
        (httpx.Response(200, text="<html>busy</html>"), "ValueError"),
    ],
)
async def test_a_stream_that_goes_wrong_is_a_failure(
    router: respx.MockRouter, response: httpx.Response, reason: str
) -> None:
    router.post(URL).mock(return_value=response)
    with pytest.raises(BackendError) as caught:
        await written(openai())
    assert caught.value.reason == reason


@pytest.mark.slow
@pytest.mark.parametrize(
    "script",
    [Script(hang="headers"), Script(pieces=["Caff"], hang="body"), Script(pieces=["a "] * 99, seconds_between=0.1)],
)
async def test_a_model_has_a_total_deadline(script: Script) -> None:
    async with scripted_llm({"m": script}) as llm:
        start = perf_counter()
        with pytest.raises(
            BackendError, match=r"no whole answer within 0\.3 s; SCHOLIAST_MODEL_TIMEOUT_SECONDS"
        ) as caught:
            await written(openai(base_url=llm.base_url, seconds=0.3))
        assert caught.value.retryable and perf_counter() - start < 2
        await _until(lambda: llm.open == 0)


async def test_a_dropped_connection_is_a_failure() -> None:
    async with scripted_llm({"m": Script(pieces=["Caff"], drop=True)}) as llm:
        with pytest.raises(BackendError) as caught:
            await written(openai(base_url=llm.base_url))
    assert caught.value.retryable


async def test_a_failing_model_degrades_to_sentences_of_the_abstracts(router: respx.MockRouter) -> None:
    router.post(URL).mock(return_value=failed(500, "oops"))
    found = await engine(openai(), backup=ExtractiveWriter(Flat())).ask(QUESTION)
    assert (found.model, found.outcome) == ("extractive", "answered")
    assert found.notice == "openai:m failed (HTTP 500); this is in the abstracts' own sentences."
    assert [s.support for s in found.sentences] == ["supported"] * len(found.sentences)


async def test_a_reader_who_leaves_takes_the_model_along() -> None:
    async with scripted_llm({"m": Script(pieces=["word "] * 500, seconds_between=0.02)}) as llm:
        pieces = openai(base_url=llm.base_url).write(QUESTION, (CAFFEINE,))
        assert await anext(pieces) is not None
        await pieces.aclose()
        await _until(lambda: llm.left == 1)


async def _until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(1):
        while not done():  # noqa: ASYNC110  # the server counts, it does not tell
            await asyncio.sleep(0.01)


# A model that misbehaves


async def test_an_answer_that_the_filter_stops_before_a_word_is_no_answer(router: respx.MockRouter) -> None:
    found = await answered(said(finish="content_filter"), router)
    assert (found.outcome, found.citations) == ("not_in_abstracts", ())
    assert "content filter" in found.notice


async def test_an_empty_answer_is_no_answer(router: respx.MockRouter) -> None:
    found = await answered(said(), router)
    assert (found.outcome, found.notice) == ("not_in_abstracts", "openai:m: the model wrote nothing.")


@pytest.mark.parametrize(("finish", "why"), [("length", "cut off"), ("content_filter", "content filter")])
async def test_an_answer_that_is_cut_off_shows_it(router: respx.MockRouter, finish: str, why: str) -> None:
    found = await answered(said(f"{CLAIM} [1]. It is also [", finish=finish), router)
    assert found.text == f"{CLAIM} [1]. It is also…"
    assert found.outcome == "partial" and why in found.notice


async def test_four_megabytes_are_cut_off(router: respx.MockRouter) -> None:
    pieces = [f"word{n} and " for n in range(300)] + ["x" * 4_000_000]
    found = await answered(said(*pieces), router)
    assert len(found.text) <= 8_001 and found.outcome == "partial"
    assert "cut off at 8,000 characters" in found.notice


async def test_endless_repetition_is_stopped(router: respx.MockRouter) -> None:
    found = await answered(said(*[f"{CLAIM} [1]. "] * 5000), router)
    assert found.text.count(CLAIM) < 10
    assert "repeat" in found.notice


async def test_marks_of_passages_that_are_not_there_are_taken_out(router: respx.MockRouter) -> None:
    found = await answered(said(f"{CLAIM} [", "99][1", "][3].", " [7]"), router)
    assert found.text == f"{CLAIM} [1]."


async def test_a_model_that_cites_nothing_gets_its_citations(router: respx.MockRouter) -> None:
    found = await answered(said(f"{CLAIM}. ", "Green tea calms the guests of a ceremony within 20 minutes."), router)
    assert [s.citations for s in found.sentences] == [(1,), (2,)]
    assert found.text == f"{CLAIM} [1]. Green tea calms the guests of a ceremony within 20 minutes [2]."


async def test_a_model_that_answers_in_french_is_flagged_and_its_citation_is_valid(router: respx.MockRouter) -> None:
    found = await answered(said("La caféine réduit de 34% le sommeil des travailleurs postés [1]."), router)
    assert found.sentences[0].citations == (1,)
    assert found.citations[0].quote in CAFFEINE.paper.abstract
    assert found.sentences[0].support != "supported"


# Follow-ups


@pytest.mark.parametrize(
    ("text", "support"),
    [
        ("Koffein verkürzt den Schlaf von Schichtarbeitern um 34 % [1].", "partial"),
        ("咖啡因使轮班工人的睡眠缩短了34%[1]。", "partial"),
        ("咖啡因使轮班工人的睡眠缩短[1]。", "unsupported"),
        ("咖啡因使轮班工人的睡眠缩短了35%[1]。", "unsupported"),
    ],
)
async def test_marks_survive_in_another_language(text: str, support: str, router: respx.MockRouter) -> None:
    found = await answered(said(text), router)
    assert found.text == text
    assert [(s.citations, s.support) for s in found.sentences] == [((1,), support)]
    assert [c.number for c in found.citations] == [1]
    assert "another language" in found.sentences[0].reason or "35" in found.sentences[0].reason


async def test_a_follow_up_is_rewritten_by_the_model(router: respx.MockRouter) -> None:
    router.post(URL).mock(return_value=said('Rewritten question: "Does caffeine shorten sleep at night?"\nIt is...'))
    found = await openai().rewrite("and at night?", HISTORY)
    assert found.question == found.search == "Does caffeine shorten sleep at night?"


@pytest.mark.parametrize(
    "reply",
    [
        failed(401, "no"),
        said(),
        said("x" * 900),
        said("I cannot help with that."),
        said("Bees dance in the dark hive?"),
        said("And at night?"),
        said("Caffeine shortens sleep at night."),
    ],
)
async def test_a_follow_up_that_the_model_can_not_rewrite_goes_by_the_rules(
    router: respx.MockRouter, reply: httpx.Response
) -> None:
    router.post(URL).mock(return_value=reply)
    found = await openai().rewrite("and at night?", HISTORY)
    assert found.question == "and at night?" and "caffeine" in found.search


async def test_a_question_that_stands_alone_costs_no_request(router: respx.MockRouter) -> None:
    question = "Which optimizer converges fastest on convex quadratic problems with noisy gradients?"
    assert (await openai().rewrite(question, HISTORY)).search == question
    assert router.calls.call_count == 0


# Names


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("anthropic:claude", "pip install langchain-anthropic"),
        ("ollama:llama3", "pip install langchain-ollama"),
        ("google_genai:gemini", "pip install langchain-google-genai"),
        ("gpt-4o", "SCHOLIAST_MODEL=openai:"),
        ("openai:", "SCHOLIAST_MODEL=openai:"),
        ("nobody:m", "nobody"),
    ],
)
def test_a_model_that_can_not_be_made_says_what_to_do(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        chat.writer(name, ExtractiveWriter(Flat()))


def test_openai_without_a_key_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        chat.writer("openai:gpt-without-a-key", ExtractiveWriter(Flat()))


@pytest.mark.slow
def test_langchain_is_imported_only_for_a_chat_model() -> None:
    script = "import rag.workspace, sys; print({'langchain', 'langchain_core', 'openai'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "set()"
