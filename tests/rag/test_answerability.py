"""A question is answered, or no abstract says it, or it is about something else: on the real embedder and sample."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from rag import answer_signals, answerability, corpus, embedders
from rag.engine import Engine
from rag.engines import make_engine
from rag.errors import ConfigError
from rag.types import Answer, Filters
from rag.workspace import DEMO_LIBRARY, open_library
from tests.conftest import SAMPLE, settings
from tests.support.passages import Flat, passage

KITE = passage(
    "Kite: Fast Speech Recognition on Phones",
    "We propose Kite, a recogniser of speech for phones.",
    "Kite is trained on 960 hours of speech.",
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Over the whole sample."""
    home = settings(tmp_path_factory.mktemp("sample"))
    library = asyncio.run(open_library(home, DEMO_LIBRARY, embedders.embedder("minilm"), create=True))
    asyncio.run(library.ingest(corpus.read(SAMPLE)))
    yield make_engine(home, library)
    library.close()


def ask(engine: Engine, question: str, filters: Filters | None = None) -> Answer:
    return asyncio.run(engine.ask(question, filters=filters or Filters()))


@pytest.mark.slow
@pytest.mark.parametrize(
    "question",
    [
        "How does Hydra make Medusa decoding faster?",
        "What is the best recipe for the draft heads of Hydra called?",
        "Which papers are about sparse autoencoders?",
        "What is one-step diffusion distilled from?",
    ],
)
def test_what_an_abstract_says_is_answered(engine: Engine, question: str) -> None:
    answer = ask(engine, question)
    assert answer.outcome == "answered"
    assert answer.citations and answer.confidence > 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    "question",
    [
        "Under which licence is Hydra's code released?",
        "How many GPU hours did it take to train the Hydra heads?",
        "On which GPU was Hydra decoding timed?",
        "What learning rate were the Hydra heads trained with?",
    ],
)
def test_what_no_abstract_says_about_a_paper_is_declined_and_the_nearest_is_named(
    engine: Engine, question: str
) -> None:
    answer = ask(engine, question)
    assert (answer.outcome, answer.citations) == ("not_in_abstracts", ())
    assert "Hydra" in answer.text


@pytest.mark.slow
@pytest.mark.parametrize(
    "question",
    [
        "How long must a leg of lamb roast in the oven?",
        "Who won the football world cup in 1998?",
        "Which bus goes from the station to the harbour?",
        "What is the capital of France?",
    ],
)
def test_what_nothing_in_the_library_is_about_is_out_of_scope(engine: Engine, question: str) -> None:
    answer = ask(engine, question)
    assert (answer.outcome, answer.citations) == ("out_of_scope", ())
    assert answer.text == "Nothing in this library is about this."


@pytest.mark.slow
@pytest.mark.parametrize("question", ["asdf qwer zxcv", "hello", "Which university do the authors of Hydra work at?"])
def test_what_has_no_word_of_the_abstracts_is_declined(engine: Engine, question: str) -> None:
    assert ask(engine, question).outcome in ("out_of_scope", "not_in_abstracts")


@pytest.mark.slow
def test_filters_that_nothing_passes_are_named_as_the_reason(engine: Engine) -> None:
    answer = ask(engine, "How does Hydra make Medusa decoding faster?", Filters(year_to=1900))
    assert (answer.outcome, answer.passages) == ("not_in_abstracts", ())
    assert "filters" in answer.text


@pytest.mark.slow
def test_an_answer_is_more_certain_than_a_refusal(engine: Engine) -> None:
    questions = ("How does Hydra make Medusa decoding faster?", "Under which licence is Hydra's code released?")
    answered, declined = map(partial(ask, engine), questions)
    assert 0 <= declined.confidence < answered.confidence <= 1


LOZENGES = passage(
    "Zinc lozenges for colds in children",
    "We gave 240 children with a cold zinc lozenges or placebo for six weeks.",
    "Colds lasted 4.1 days with zinc and 5.3 days without.",
    similarity=[0.8, 0.8],
)


@pytest.mark.parametrize(
    "question",
    [
        "How many days did colds last in adults on zinc lozenges?",
        "How many days did colds last in children on magnesium lozenges?",
        "How many days did colds last in the 600 children on zinc lozenges?",
    ],
)
def test_a_paper_on_another_group_drug_or_number_does_not_answer(question: str) -> None:
    assert answerability.decide(question, [LOZENGES], Flat()).outcome == "not_in_abstracts"


def test_a_paper_with_no_word_of_the_question_does_not_answer() -> None:
    near = replace(LOZENGES, similarity=0.9, score=0.9)
    assert not answerability.decide("How do glaciers shape valleys?", [near], Flat()).answers


def test_the_paper_on_the_group_and_the_drug_answers() -> None:
    question = "How many days did colds last in children on zinc lozenges?"
    assert answerability.decide(question, [LOZENGES], Flat()).answers


def test_a_comparison_is_not_held_to_what_one_of_its_papers_lacks() -> None:
    question = "How do colds on zinc lozenges differ between children and adults?"
    conflict = "How long are colds of adults on zinc lozenges?"
    assert not answer_signals.lacks_what_is_asked(question, LOZENGES, Flat())
    assert answer_signals.lacks_what_is_asked(conflict, LOZENGES, Flat())


def test_a_library_that_holds_the_subject_is_not_said_to_hold_nothing() -> None:
    apart = replace(LOZENGES, similarity=0.1)
    vocabulary = Flat(absent=("xylitol", "gum"))
    assert answer_signals.holds_subject("Is xylitol gum as good as zinc?", [apart], Flat())
    assert not answer_signals.holds_subject("Is xylitol gum tasty?", [apart], vocabulary)


@pytest.mark.parametrize("question", ["?", "the of and", "漢字 👩🏽‍🔬", "speech " * 500])
def test_any_question_gets_a_decision(question: str) -> None:
    decision = answerability.decide(question, [KITE], Flat())
    assert decision.outcome in ("answered", "not_in_abstracts", "out_of_scope")
    assert 0 <= decision.confidence <= 1


def test_only_an_answer_says_more_than_the_reason() -> None:
    declined = answerability.Decision(outcome="not_in_abstracts", confidence=0.1, reason="The abstracts do not say.")
    assert not declined.answers
    assert answerability.decline_text(declined, [KITE]) == (
        "The abstracts do not say. The nearest paper is “Kite: Fast Speech Recognition on Phones”."
    )
    assert answerability.decline_text(answerability.EMPTY_LIBRARY, []) == answerability.EMPTY_LIBRARY.reason


def test_a_calibrated_threshold_takes_the_place_of_the_fitted_one(tmp_path: Path) -> None:
    (tmp_path / answerability.CALIBRATION).write_text('{"answer_from": 1.0, "alpha": 0.05}')
    answer_from = answerability.calibrated(tmp_path / answerability.CALIBRATION)
    assert answerability.decide("How is a kite made?", [KITE], Flat(), answer_from).outcome != "answered"


def test_without_a_calibration_the_fitted_threshold_holds(tmp_path: Path) -> None:
    assert answerability.calibrated(tmp_path / answerability.CALIBRATION) is None


@pytest.mark.parametrize("content", ["", "[]", '{"alpha": 0.05}', '{"answer_from": 7}', '{"answer_from": "high"}'])
def test_a_calibration_that_can_not_be_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / answerability.CALIBRATION).write_text(content)
    with pytest.raises(ConfigError, match=answerability.CALIBRATION):
        answerability.calibrated(tmp_path / answerability.CALIBRATION)
