"""A change of subject is recognised by what the question finds alone, whatever its words are."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rag.engine import Engine
from rag.topic import leans_by_words
from rag.types import Turn
from rag.workspace import Workspace
from tests.conftest import QUESTION, settings
from tests.support.command import words

HISTORY = (
    Turn(role="user", content=QUESTION),
    Turn(role="assistant", content="Hydra: Hydra++ is a carefully tuned recipe for Hydra heads [1]."),
)


@pytest.fixture
async def engine(home: Path) -> AsyncIterator[Engine]:
    async with Workspace(settings(home), words()) as workspace:
        yield await workspace.engine()


@pytest.mark.parametrize("question", ["and at night?", "What about women?", "How fast is it?", "Do they sleep?"])
def test_words_that_continue_lean_on_the_exchange(question: str) -> None:
    assert leans_by_words(question)


@pytest.mark.parametrize(
    "question",
    ["Is it known that bees sleep?", "Which papers show that bees sleep?", "Do honey bees use the sun when it is low?"],
)
def test_words_that_only_look_like_pointing_back_do_not(question: str) -> None:
    assert not leans_by_words(question)


async def test_a_question_about_another_paper_is_asked_alone(engine: Engine) -> None:
    answer = await engine.ask("What does FlowSep use?", HISTORY)
    assert answer.standalone_question == "What does FlowSep use?"
    assert answer.passages[0].paper.title.startswith("FlowSep")


async def test_a_question_that_goes_on_is_asked_with_the_exchange(engine: Engine) -> None:
    answer = await engine.ask("and how large is it?", HISTORY)
    assert "Hydra" in answer.standalone_question
    assert answer.passages[0].paper.title.startswith("Hydra")


@pytest.mark.parametrize("question", ["What about coral bleaching?", "and for honey bees?", "How about glaciers?"])
async def test_the_same_asked_of_what_no_paper_has_is_not_answered_about_the_old_subject(
    engine: Engine, question: str
) -> None:
    answer = await engine.ask(question, HISTORY)
    assert (answer.outcome == "answered", answer.standalone_question) == (False, question)


@pytest.mark.parametrize("question", ["why?", "how large is the improvement?"])
async def test_what_goes_on_from_a_decline_is_held_to_what_was_declined(engine: Engine, question: str) -> None:
    asked = "How do draft heads of cattle grow?"
    declined = (Turn(role="user", content=asked), Turn(role="assistant", content="The abstracts do not say."))
    assert (await engine.ask(question, declined)).outcome != "answered"


async def test_the_same_asked_of_what_another_paper_has_is_asked_alone(engine: Engine) -> None:
    answer = await engine.ask("and for FlowSep?", HISTORY)
    assert answer.passages[0].paper.title.startswith("FlowSep")


async def test_after_a_change_of_subject_the_first_one_is_forgotten(engine: Engine) -> None:
    changed = (*HISTORY, Turn(role="user", content="What does FlowSep use?"))
    assert "Hydra" not in (await engine.ask("and why does it?", changed)).standalone_question


async def test_thanks_are_answered_in_kind_without_a_paper(engine: Engine) -> None:
    answer = await engine.ask("thanks a lot!", HISTORY)
    assert (answer.outcome, answer.text, answer.passages) == ("out_of_scope", "You're welcome.", ())


async def test_politeness_around_a_question_changes_nothing(engine: Engine) -> None:
    wrapped = await engine.ask(f"Hey @bot, could you please tell me: {QUESTION} Thanks!")
    bare = await engine.ask(QUESTION)
    assert (wrapped.standalone_question, wrapped.text) == (bare.standalone_question, bare.text)


async def test_the_reader_is_told_how_a_misspelt_word_was_read(engine: Engine) -> None:
    answer = await engine.ask(QUESTION.replace("recipe", "recippe"))
    assert answer.standalone_question == QUESTION
    assert answer.notice == "Read “recippe” as “recipe”."
