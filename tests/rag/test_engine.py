"""The engine: the order of its events, what becomes of a writer's words, and the kind of answer they make."""

from contextlib import aclosing
from dataclasses import replace

import pytest

from rag import serialize
from rag.engine import CitationEvent, Delta, Done, Sources
from rag.errors import BackendError, RequestError
from rag.types import Answer, GenerationInfo, StandaloneQuery, Turn, Usage
from tests.support.answers import CAFFEINE, CLAIM, QUESTION, Found, Says, engine, events, text
from tests.support.passages import Flat

FAILED = BackendError("openai:m: HTTP 500: oops", retryable=True, reason="HTTP 500")


async def answer(*pieces: str | GenerationInfo | Exception) -> Answer:
    return await engine(Says(*pieces)).ask(QUESTION)


async def test_a_citation_comes_as_its_sentence_is_grounded() -> None:
    found = await events(engine(Says(f"{CLAIM} [1]. ", "Green tea calms ", "the guests [2].")))
    kinds = [type(event) for event in found]
    assert kinds[0] is Sources and kinds[-1] is Done
    assert kinds.index(CitationEvent) < len(kinds) - 1 - kinds[::-1].index(Delta)


async def test_the_deltas_are_the_text_of_the_answer() -> None:
    found = await events(engine(Says("  Caffeine", " shortens sleep [9", "][", "1]. ", "It is [", "7] so.\n")))
    done = found[-1]
    assert isinstance(done, Done)
    assert text(found) == done.answer.text == "Caffeine shortens sleep [1]. It is so."
    assert [e.citation for e in found if isinstance(e, CitationEvent)] == list(done.answer.citations)


async def test_a_refusal_becomes_plain_words_with_the_nearest_papers() -> None:
    refused = await answer("I'm sorry, but the ", "provided abstracts do not mention this [1][2].")
    assert refused.outcome == "not_in_abstracts"
    assert refused.text.startswith("The abstracts do not say. The nearest papers are")
    assert refused.citations == () and refused.sentences[0].citations == ()


async def test_no_words_at_all_are_a_refusal() -> None:
    assert (await answer()).outcome == "not_in_abstracts"
    assert (await answer("", " \n")).outcome == "not_in_abstracts"


async def test_an_answer_that_leaves_something_open_is_partial() -> None:
    found = await answer(f"{CLAIM} [1]. The abstracts do not say for how long.")
    assert found.outcome == "partial"
    assert (await answer(f"{CLAIM} [1].")).outcome == "answered"


async def test_an_answer_that_broke_off_is_partial_and_says_why() -> None:
    generation = GenerationInfo(model="m", notice="m: cut off.", complete=False)
    found = await answer(f"{CLAIM} [1].", generation)
    assert (found.outcome, found.notice) == ("partial", "m: cut off.")


async def test_the_colophon_reaches_the_answer() -> None:
    generation = GenerationInfo(model="m", prompt="abc", usage=Usage(prompt_tokens=9, completion_tokens=2))
    shown = serialize.answer(await answer(f"{CLAIM} [1].", generation))
    assert (shown["model"], shown["prompt"], shown["notice"]) == ("m", "abc", "")
    assert shown["usage"] == {"prompt_tokens": 9, "completion_tokens": 2}


async def test_a_failing_writer_is_an_error() -> None:
    with pytest.raises(BackendError, match="HTTP 500"):
        await answer("Caff", FAILED)


async def test_where_a_writer_fails_at_once_the_other_one_answers_and_the_answer_says_so() -> None:
    second = Says(f"{CLAIM} [1].")
    second.name = "extractive"
    found = await engine(Says(FAILED), backup=second).ask(QUESTION)
    assert (found.text, found.model) == (f"{CLAIM} [1].", "extractive")
    assert found.notice == "script failed (HTTP 500); this is in the abstracts' own sentences."


async def test_where_a_writer_breaks_off_the_other_one_goes_on_in_a_paragraph_of_its_own() -> None:
    second = Says(f"{CLAIM} [1].")
    second.name = "extractive"
    found = await engine(Says("Caffeine is known to [", FAILED), backup=second).ask(QUESTION)
    assert found.text == f"Caffeine is known to…\n\n{CLAIM} [1]."
    assert found.model == "script+extractive"
    assert "broke off (HTTP 500)" in found.notice


@pytest.mark.parametrize("nothing", ["", "[1]", "[7] [9]"])
async def test_after_a_writer_that_says_nothing_the_other_one_answers(nothing: str) -> None:
    second = Says(f"{CLAIM} [1].")
    second.name = "extractive"
    found = await engine(Says(nothing), backup=second).ask(QUESTION)
    assert (found.text, found.model, found.outcome) == (f"{CLAIM} [1].", "extractive", "answered")
    assert found.notice == "script cited no abstract; this is in the abstracts' own sentences."


async def test_after_a_writer_that_cites_nothing_the_other_one_goes_on() -> None:
    second = Says(f"{CLAIM} [1].")
    second.name = "extractive"
    generation = GenerationInfo(model="m", prompt="abc", usage=Usage(prompt_tokens=9, completion_tokens=2))
    found = await engine(Says("Penguins can fly over the mountains.", generation), backup=second).ask(QUESTION)
    assert found.text == f"Penguins can fly over the mountains.\n\n{CLAIM} [1]."
    assert [sentence.support for sentence in found.sentences] == ["unsupported", "supported"]
    assert [citation.sentence for citation in found.citations] == [1]
    assert (found.model, found.prompt, found.usage) == ("m+extractive", "abc", generation.usage)
    assert found.notice == "m cited no abstract; the rest is in the abstracts' own sentences."


async def test_where_nothing_of_an_answer_may_be_shown_the_other_one_answers() -> None:
    second = Says(f"{CLAIM} [1].")
    asked = replace(engine(Says("Penguins can fly over the mountains."), backup=second), unsupported="drop")
    assert (await asked.ask(QUESTION)).text == f"{CLAIM} [1]."


@pytest.mark.parametrize("said", [f"{CLAIM} [1].", "Penguins can fly [2].", "The abstracts do not say."])
async def test_a_writer_that_cites_or_declines_is_left_alone(said: str) -> None:
    second = Says("Never.")
    found = await engine(Says(said), backup=second).ask(QUESTION)
    assert (found.model, found.notice) == ("script", "") and "Never" not in found.text


async def test_an_unsupported_sentence_is_flagged_or_dropped() -> None:
    said = Says(f"{CLAIM} [1]. Penguins can fly over the mountains.")
    flagged = await engine(said).ask(QUESTION)
    assert [s.support for s in flagged.sentences] == ["supported", "unsupported"]
    dropped = await replace(engine(said), unsupported="drop").ask(QUESTION)
    assert dropped.text == f"{CLAIM} [1]."


async def test_a_reader_who_leaves_stops_the_writer() -> None:
    says = Says("Caffeine ", "shortens ", "sleep.")
    async with aclosing(engine(says).stream(QUESTION)) as found:
        async for event in found:
            if isinstance(event, Delta):
                break
    assert says.closed


async def test_no_passages_are_an_empty_library_and_no_writer_is_asked() -> None:
    says = Says("Hm.")
    empty = replace(engine(says), retriever=Found(()))
    assert (await empty.ask(QUESTION)).outcome == "empty_library"
    assert says.shown == ()


class Rewrites:
    """Knows what is meant."""

    async def rewrite(self, question: str, history: object) -> StandaloneQuery:
        return StandaloneQuery(question=QUESTION, search="caffeine sleep", usage=Usage(prompt_tokens=5))


async def test_a_follow_up_is_searched_decided_and_written_standing_alone() -> None:
    found = Found((CAFFEINE,))
    asked = replace(engine(Says(f"{CLAIM} [1].")), retriever=found, rewriter=Rewrites(), vocabulary=Flat())
    done = await asked.ask("and it?", [Turn(role="user", content="caffeine?")])
    assert found.asked == ["caffeine sleep"]
    assert (done.question, done.standalone_question, done.outcome) == ("and it?", "caffeine sleep", "answered")
    assert done.usage.prompt_tokens == 5


@pytest.mark.parametrize(("question", "top_k"), [(" ", 8), ("q" * 4001, 8), ("q", 0), ("q", 51)])
async def test_a_question_that_can_not_be_used_says_why(question: str, top_k: int) -> None:
    with pytest.raises(RequestError):
        await engine(Says()).ask(question, top_k=top_k)
