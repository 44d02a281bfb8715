"""A deep answer: parts, searches, grades, a second round, and bounds; with the real SDK at the wire."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

import httpx
import pytest
import respx

from rag import model_verifier, serialize
from rag.deep.budget import Limits
from rag.deep.research import DeepResearcher
from rag.engine import Done, Engine, Sources
from rag.errors import BackendError, RequestError
from rag.types import EVERYTHING, Answer, Filters, Passage, Step
from rag.writers import chat
from rag.writers.extractive import ExtractiveWriter
from tests.support.answers import CAFFEINE, CLAIM, TEA, Says, engine, events
from tests.support.deep_llm import DeepModel
from tests.support.passages import Flat, passage
from tests.support.wire import BASE_URL, URL, failed, router

__all__ = ["router"]

NAPS = passage("Naps at work", "Short naps help nurses to stay awake.", number=3)
QUESTION = "How do caffeine and tea affect nurses at night?"
LIMITS = Limits(calls=16, tokens=100_000, seconds=30, cost_usd=1.0)
CAFFEINE_PART, TEA_PART = "What does caffeine do?", "What does tea do?"
PARTS = {CAFFEINE_PART: ["caffeine sleep", "coffee night shift"], TEA_PART: ["green tea"]}
GRADES = {CAFFEINE.paper.title: 9, TEA.paper.title: 7}
TEA_CLAIM = "Green tea calms the guests of a ceremony within 20 minutes"
ANSWER = [(f"{CLAIM}.", CAFFEINE.paper.title), (f"{TEA_CLAIM}.", TEA.paper.title)]


class Shelf:
    """Finds the passages whose title has a word of the search, and naps for any; all of them are numbered from 1."""

    def __init__(self) -> None:
        self.searches: list[str] = []

    async def retrieve(self, question: str, limit: int, filters: Filters = EVERYTHING) -> Sequence[Passage]:
        self.searches.append(question)
        words = question.lower().split()
        found = [p for p in (CAFFEINE, TEA) if any(word in p.paper.title.lower().split() for word in words)]
        return [replace(p, number=n) for n, p in enumerate([*found, NAPS], start=1)]


def deep(limits: Limits = LIMITS, backup: bool = False, model: str = "deep") -> tuple[Engine, Shelf]:
    writer = chat.writer(f"openai:{model}", ExtractiveWriter(Flat()), BASE_URL, 64_000, 5.0)
    shelf = Shelf()
    reviewer = model_verifier.verifier(f"openai:{model}", BASE_URL, 5.0)
    researcher = DeepResearcher(writer.client, shelf, limits, reviewer)
    second = ExtractiveWriter(Flat()) if backup else None
    return replace(engine(writer, backup=second), retriever=shelf, researcher=researcher), shelf


async def asked(engine: Engine) -> Answer:
    return await engine.ask(QUESTION, effort="deep")


async def test_each_part_is_searched_in_several_wordings_and_the_answer_has_its_evidence(
    router: respx.MockRouter,
) -> None:
    model = DeepModel([PARTS], GRADES, ANSWER)
    router.post(URL).mock(side_effect=model.respond)
    researching, shelf = deep()
    answer = await asked(researching)
    assert {QUESTION, "caffeine sleep", "coffee night shift", "green tea"} <= set(shelf.searches)
    assert answer.text == f"{CLAIM} [1]. {TEA_CLAIM} [2]." and answer.outcome == "answered"
    assert [(row.number, row.grade) for row in answer.evidence] == [(1, 9), (2, 7)]
    assert (answer.evidence[0].part, answer.evidence[0].why) == (CAFFEINE_PART, f"About {CAFFEINE.paper.title}.")
    assert [p.paper.id for p in answer.passages] == [CAFFEINE.paper.id, TEA.paper.id]
    assert model.asked == ["plan", "grade", "grade", "write", "verify"]
    assert answer.usage.prompt_tokens == 4 * 900
    assert serialize.parse_answer(serialize.answer(answer)).evidence == answer.evidence


async def test_the_steps_come_before_the_sources_and_say_what_is_done(router: respx.MockRouter) -> None:
    router.post(URL).mock(side_effect=DeepModel([PARTS], GRADES, ANSWER).respond)
    found = [event async for event in deep()[0].stream(QUESTION, effort="deep")]
    steps = [event for event in found if isinstance(event, Step)]
    assert [step.name for step in steps] == ["plan", "search", "grade", "write"]
    assert "“green tea”" in steps[1].text and steps[2].text == "3 abstracts are read and graded."
    assert isinstance(found[len(steps)], Sources) and isinstance(found[-1], Done)


async def test_a_part_without_evidence_is_searched_again_and_then_named_as_missing(router: respx.MockRouter) -> None:
    again = {TEA_PART: ["matcha calm"]}
    model = DeepModel([PARTS, again], {CAFFEINE.paper.title: 9}, ANSWER[:1])
    router.post(URL).mock(side_effect=model.respond)
    researching, shelf = deep()
    answer = await asked(researching)
    assert "matcha calm" in shelf.searches and model.asked.count("plan") == 2
    assert answer.outcome == "partial"
    assert answer.text == f"{CLAIM} [1].\n\nThe abstracts do not say: “{TEA_PART}”"


@pytest.mark.parametrize("missing", ["what green tea does", "What does tea do?", "the effect of tea"])
async def test_a_missing_part_that_the_model_names_is_not_named_again(missing: str, router: respx.MockRouter) -> None:
    model = DeepModel([PARTS, {}], {CAFFEINE.paper.title: 9}, ANSWER[:1], outcome="partial", missing=missing)
    router.post(URL).mock(side_effect=model.respond)
    answer = await asked(deep()[0])
    assert answer.text == f"{CLAIM} [1].\n\nThe abstracts do not say: “{missing.strip('.')}”"


async def test_what_the_model_misses_elsewhere_does_not_hide_a_missing_part(router: respx.MockRouter) -> None:
    model = DeepModel([PARTS, {}], {CAFFEINE.paper.title: 9}, ANSWER[:1], outcome="partial", missing="the dose in mg")
    router.post(URL).mock(side_effect=model.respond)
    text = (await asked(deep()[0])).text
    assert text.count("The abstracts do not say") == 2 and TEA_PART in text and "the dose in mg" in text


async def test_a_part_that_is_planned_twice_is_named_once(router: respx.MockRouter) -> None:
    twice = {CAFFEINE_PART: ["caffeine"], TEA_PART: ["green tea"], "What is it that tea does?": ["tea effects"]}
    router.post(URL).mock(side_effect=DeepModel([twice, {}], {CAFFEINE.paper.title: 9}, ANSWER[:1]).respond)
    assert (await asked(deep()[0])).text == f"{CLAIM} [1].\n\nThe abstracts do not say: “{TEA_PART}”"


async def test_where_no_abstract_helps_nothing_is_written(router: respx.MockRouter) -> None:
    model = DeepModel([PARTS], {CAFFEINE.paper.title: 2}, ANSWER)
    router.post(URL).mock(side_effect=model.respond)
    answer = await asked(deep()[0])
    assert (answer.outcome, answer.citations) == ("not_in_abstracts", ())
    assert "write" not in model.asked and answer.text.startswith("The abstracts do not say.")
    assert max(row.grade for row in answer.evidence) == 2


async def test_a_contradicted_claim_is_called_so_by_the_verification(router: respx.MockRouter) -> None:
    verdicts = '{"1": "contradicted", "2": "supported"}'
    router.post(URL).mock(side_effect=DeepModel([PARTS], GRADES, ANSWER, verdicts).respond)
    answer = await asked(deep()[0])
    assert [s.support for s in answer.sentences] == ["contradicted", "supported"]
    assert answer.outcome == "partial"


@pytest.mark.parametrize(
    ("limits", "notice"),
    [
        (replace(LIMITS, calls=3), "1 calls"),
        (replace(LIMITS, tokens=900), "900 tokens"),
        (replace(LIMITS, seconds=0.000001), "1e-06 seconds"),
    ],
)
async def test_a_limit_stops_the_search_and_the_answer_says_so(
    limits: Limits, notice: str, router: respx.MockRouter
) -> None:
    model = DeepModel([PARTS], GRADES, ANSWER)
    router.post(URL).mock(side_effect=model.respond)
    answer = await asked(deep(limits)[0])
    assert "grade" not in model.asked
    assert f"The search stopped at its limit of {notice}" in answer.notice


async def test_the_cost_is_bounded_where_the_price_is_known(router: respx.MockRouter) -> None:
    model = DeepModel([PARTS], GRADES, ANSWER)
    router.post(URL).mock(side_effect=model.respond)
    answer = await asked(deep(replace(LIMITS, cost_usd=0.0001), model="gpt-4o-mini")[0])
    assert answer.usage.cost_usd == pytest.approx(2 * (900 * 0.15 + 30 * 0.60) / 1e6)
    assert "limit of 0.0001 US dollars" in answer.notice


async def test_a_plan_that_is_none_searches_for_the_question_itself(router: respx.MockRouter) -> None:
    model = DeepModel([{}], GRADES, ANSWER)
    router.post(URL).mock(side_effect=model.respond)
    researching, shelf = deep()
    assert (await asked(researching)).outcome == "answered"
    assert set(shelf.searches) == {QUESTION}


async def test_a_model_that_fails_leaves_a_quick_answer_that_says_so(router: respx.MockRouter) -> None:
    router.post(URL).mock(return_value=failed(500, "no luck"))
    answer = await asked(deep(backup=True)[0])
    assert answer.model == "extractive"
    assert "The deep search failed (HTTP 500); this is a quick answer." in answer.notice
    with pytest.raises(BackendError):
        await asked(deep()[0])


async def test_without_a_chat_model_a_deep_answer_is_refused() -> None:
    with pytest.raises(RequestError, match="needs a chat model, and script is none; set SCHOLIAST_MODEL"):
        await asked(engine(Says(f"{CLAIM} [1].")))


async def test_a_reader_who_leaves_stops_the_search(router: respx.MockRouter) -> None:
    model = DeepModel([PARTS], GRADES, ANSWER)
    router.post(URL).mock(side_effect=model.respond)
    async with aclosing(deep()[0].stream(QUESTION, effort="deep")) as stream:
        async for event in stream:
            if isinstance(event, Step) and event.name == "search":
                break
    assert model.asked == ["plan"]


async def test_a_quick_answer_has_no_steps_and_no_evidence() -> None:
    found = await events(engine(Says(f"{CLAIM} [1].")))
    assert not any(isinstance(event, Step) for event in found)
    done = found[-1]
    assert isinstance(done, Done) and serialize.answer(done.answer)["evidence"] == []


async def test_grades_that_are_wrong_in_form_count_for_nothing(router: respx.MockRouter) -> None:
    model = DeepModel([PARTS], GRADES | {CAFFEINE.paper.title: 99, NAPS.paper.title: -4}, ANSWER)

    def respond(request: httpx.Request) -> httpx.Response:
        return model.respond(request)

    router.post(URL).mock(side_effect=respond)
    answer = await asked(deep()[0])
    assert [row.grade for row in answer.evidence] == [10, 7]
