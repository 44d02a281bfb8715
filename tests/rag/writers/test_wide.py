"""A model with room: all abstracts under keys, a reply by a schema, its own decision, and what it costs."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx

from rag.evidence import ModelReading
from rag.grounding.refusals import declines
from rag.types import Answer, Passage, Usage
from rag.writers import chat, models, prices, prompt_context
from rag.writers.extractive import ExtractiveWriter
from rag.writers.keys import CitationKeys, KeyFilter
from tests.support.answers import CAFFEINE, CLAIM, QUESTION, TEA, engine
from tests.support.deep_llm import DeepModel
from tests.support.passages import Flat, passage
from tests.support.wire import BASE_URL, URL, failed, router, said

__all__ = ["router"]

Respond = Callable[[list[str]], httpx.Response]
LIST = "Which papers are about caffeine or sleep?"
READING = ModelReading(ask_from=0.0, papers=48)


def names(body: dict[str, Any]) -> list[str]:
    return re.findall(r'key="(p\w+)">', body["messages"][-1]["content"])


def reply(outcome: str, *sentences: tuple[str, Sequence[str]], missing: str = "") -> httpx.Response:
    listed = [{"text": text, "abstracts": list(keys)} for text, keys in sentences]
    text = json.dumps({"outcome": outcome, "sentences": listed, "missing": missing})
    return said(text[:40], text[40:])


async def answered(
    router: respx.MockRouter,
    respond: Respond,
    *passages: Passage,
    question: str = QUESTION,
    model: str = "m",
    window: int = 64_000,
    backup: bool = False,
) -> Answer:
    router.post(URL).mock(side_effect=lambda request: respond(names(json.loads(request.content))))
    writer = chat.writer(f"openai:{model}", ExtractiveWriter(Flat()), BASE_URL, window, 5.0)
    second = ExtractiveWriter(Flat()) if backup else None
    return await replace(engine(writer, *passages, backup=second), reading=READING).ask(question)


def sent(router: respx.MockRouter) -> list[dict[str, Any]]:
    return [json.loads(call.request.content) for call in router.calls]


async def test_a_model_with_room_gets_all_abstracts_under_keys_and_the_schema(router: respx.MockRouter) -> None:
    found = await answered(router, lambda k: reply("answered", (f"{CLAIM}.", [k[0]])))
    [body] = sent(router)
    assert (found.text, found.outcome) == (f"{CLAIM} [1].", "answered")
    assert body["response_format"]["json_schema"]["strict"] is True and body["max_tokens"] > 0
    assert "number=" not in body["messages"][1]["content"] and "ceremony" in body["messages"][1]["content"]
    assert not re.search(r"\[\d", body["messages"][1]["content"])


@pytest.mark.parametrize(("model", "window"), [("m", 8_192), ("qwen2.5:1.5b", 64_000), ("coder-0.5B", 32_000)])
async def test_a_small_model_or_window_gets_the_narrow_prompt(
    model: str, window: int, router: respx.MockRouter
) -> None:
    found = await answered(router, lambda k: said(f"{CLAIM} [1]."), model=model, window=window)
    [body] = sent(router)
    assert found.text == f"{CLAIM} [1]." and 'number="1"' in body["messages"][1]["content"]
    assert "response_format" not in body


@pytest.mark.parametrize("status", [400, 422])
async def test_a_server_that_knows_no_schema_is_asked_in_plain_text_and_never_again(
    status: int, router: respx.MockRouter
) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if "response_format" in body:
            return failed(status, "response_format is not supported")
        return said(f"{CLAIM} [{names(body)[0]}].")

    router.post(URL).mock(side_effect=respond)
    for _ in range(2):
        writer = chat.writer(f"openai:plain-{status}", ExtractiveWriter(Flat()), BASE_URL, 64_000, 5.0)
        assert (await engine(writer).ask(QUESTION)).text == f"{CLAIM} [1]."
    with_schema = ["response_format" in body for body in sent(router)]
    assert with_schema == [True, False, False]
    assert "like [p0x0]" in sent(router)[-1]["messages"][0]["content"]


async def test_another_bad_request_is_not_taken_for_that(router: respx.MockRouter) -> None:
    for _ in range(2):
        await answered(router, lambda k: failed(400, "too long"), model="bad", backup=True)
    assert ["response_format" in body for body in sent(router)] == [True, False] * 2


async def test_sentences_are_shown_as_they_are_complete(router: respx.MockRouter) -> None:
    router.post(URL).mock(
        side_effect=lambda request: said(
            '{"outcome": "answered", "sentences": [{"text": "' + CLAIM + '.", ',
            f'"abstracts": ["{names(json.loads(request.content))[0]}"]}}',
            ', {"text": "Half a sen',
            finish="length",
        )
    )
    writer = chat.writer("openai:m", ExtractiveWriter(Flat()), BASE_URL, 64_000, 5.0)
    pieces = [piece async for piece in writer.write(QUESTION, (CAFFEINE, TEA)) if isinstance(piece, str)]
    assert pieces == [f"{CLAIM} [1]."]


async def test_the_outcome_of_a_model_is_lowered_and_never_raised(router: respx.MockRouter) -> None:
    partial = await answered(router, lambda k: reply("partial", (f"{CLAIM}.", [k[0]]), missing="for how long"))
    assert (partial.outcome, partial.text) == ("partial", f"{CLAIM} [1].\n\nThe abstracts do not say: “for how long”")
    no = await answered(router, lambda k: reply("not_in_abstracts", (f"{CLAIM}.", [k[0]])))
    assert (no.outcome, no.citations) == ("not_in_abstracts", ())
    opposite = "Caffeine lengthens the sleep of shift workers by 34%."
    wrong = await answered(router, lambda k: reply("answered", (opposite, [k[0]])))
    assert (wrong.outcome, wrong.sentences[0].support) == ("partial", "contradicted")


# Near misses

FAR = passage("Bees", "Bees dance in the hive.", similarity=[0.2], score=0.2)


async def test_a_near_miss_goes_to_the_model_and_what_its_abstract_supports_is_an_answer(
    router: respx.MockRouter,
) -> None:
    found = await answered(router, lambda k: reply("answered", ("Bees dance in the hive.", [k[0]])), FAR, backup=True)
    assert (found.outcome, found.text) == ("answered", "Bees dance in the hive [1].")


async def test_of_a_near_miss_nothing_is_shown_that_no_abstract_supports(router: respx.MockRouter) -> None:
    invented = lambda k: reply("answered", ("Caffeine shortens sleep by 50%.", [k[0]]), ("It is bad.", [k[0]]))  # noqa: E731
    found = await answered(router, invented, FAR, backup=True)
    assert (found.outcome, found.model) == ("not_in_abstracts", "openai:m")
    assert "50%" not in found.text and found.citations == ()


async def test_where_the_model_fails_a_near_miss_is_declined(router: respx.MockRouter) -> None:
    found = await answered(router, lambda k: failed(500, "no luck"), FAR, backup=True)
    assert (found.outcome, found.notice) == ("not_in_abstracts", "openai:m failed (HTTP 500).")


async def test_what_is_plainly_about_something_else_is_not_asked(router: respx.MockRouter) -> None:
    writer = chat.writer("openai:m", ExtractiveWriter(Flat()), BASE_URL, 64_000, 5.0)
    far = replace(engine(writer, FAR), reading=replace(READING, ask_from=0.9))
    assert (await far.ask(QUESTION)).outcome in ("not_in_abstracts", "out_of_scope")
    assert router.calls.call_count == 0


# Lists

MANY = [
    passage(f"Caffeine {n}", f"Caffeine keeps group {n} awake. " + "It is a long abstract about sleep. " * 40,
            number=n, score=1 - n / 100)
    for n in range(1, 31)
]  # fmt: skip


async def test_more_abstracts_than_fit_are_graded_in_parts_and_the_best_are_read(router: respx.MockRouter) -> None:
    model = DeepModel([], {"Caffeine 29": 9, "Caffeine 3": 8}, [("Caffeine keeps group 29 awake.", "Caffeine 29")])
    router.post(URL).mock(side_effect=model.respond)
    writer = chat.writer("openai:deep-list", ExtractiveWriter(Flat()), BASE_URL, 12_500, 5.0)
    found = await replace(engine(writer, *MANY), reading=READING).ask(LIST)
    assert model.asked == ["grade"] * 3 + ["write"]
    assert names(sent(router)[-1]) and len(names(sent(router)[-1])) == 2
    assert found.text == "Caffeine keeps group 29 awake [29]."
    assert found.usage.prompt_tokens == 4 * 900


async def test_a_question_for_one_paper_says_how_many_abstracts_were_read(router: respx.MockRouter) -> None:
    router.post(URL).mock(return_value=reply("not_in_abstracts"))
    writer = chat.writer("openai:m", ExtractiveWriter(Flat()), BASE_URL, 4_000, 5.0, prompt="wide")
    found = await replace(engine(writer, *MANY[:8]), reading=READING).ask("What keeps group 1 awake?")
    assert re.search(r"\d of 8 abstracts were read\.", found.notice)


# Keys, tokens, money


def test_a_key_is_the_same_in_every_prompt_and_different_for_every_paper() -> None:
    many = [replace(TEA, number=n, paper=replace(TEA.paper, id=f"paper-{n}")) for n in range(1, 400)]
    keys = CitationKeys(many)
    assert len({keys.of(n) for n in range(1, 400)}) == 399
    assert CitationKeys(many[:3]).of(3) == keys.of(3)
    assert all(re.fullmatch(r"p\d([a-z]\d)+", keys.of(n)) for n in range(1, 400))


def test_text_without_keys_is_not_held_back_and_long_texts_cost_in_proportion() -> None:
    keys = CitationKeys([TEA])
    assert KeyFilter(keys).feed("Sleep gets shorter") == ["Sleep gets shorter"]
    stage = KeyFilter(keys)
    out = "".join(piece for _ in range(2_000) for piece in stage.feed("[p1a2 ("))
    assert len(out + "".join(stage.flush())) > 0


async def test_what_does_not_change_between_questions_comes_first(router: respx.MockRouter) -> None:
    for question in (QUESTION, "What does green tea do to the guests of a ceremony?"):
        await answered(router, lambda k: reply("answered", (f"{CLAIM}.", [k[0]])), question=question)
    one, two = (body["messages"] for body in sent(router))
    assert one[0] == two[0]
    assert one[1]["content"].split("\n\nQuestion:")[0] == two[1]["content"].split("\n\nQuestion:")[0]


def test_the_price_is_that_of_the_model_its_date_aside() -> None:
    usage = Usage(prompt_tokens=1_000_000, completion_tokens=1_000_000, cached_tokens=400_000)
    assert prices.priced("openai:gpt-4o-mini", usage).cost_usd == pytest.approx(0.6 * 0.15 + 0.4 * 0.075 + 0.60)
    assert prices.priced("openai:gpt-4o-mini-2024-07-18", usage) == prices.priced("openai:gpt-4o-mini", usage)
    assert prices.priced("openai:mine", usage).cost_usd is None
    both = prices.priced("openai:gpt-4o-mini", usage) + Usage(prompt_tokens=5)
    assert (both.cost_usd, both.prompt_tokens) == (None, 1_000_005)


def test_sizes_in_names_tell_small_models() -> None:
    assert [models.is_small(n) for n in ("openai:qwen2.5:1.5b", "ollama:gemma-3-4b-it", "openai:llama3.1:8b", "m")] == [
        True, True, False, False]  # fmt: skip


def test_what_stands_for_no_answer_is_understood_as_one() -> None:
    assert declines("The abstracts do not say.") and prompt_context.STABLE_TAG.startswith("abstract-")
