"""What a question restricts is met by a paper, is missing there, or stands against what the paper is about."""

from collections.abc import Sequence

import pytest

from rag import restrictions
from rag.text.analysis import content_stems

TRIAL = (
    "Zinc lozenges in school children. We gave 240 pupils with a cold 15 mg of zinc or placebo for 6 weeks in phase 2. "
    "Colds lasted 4.1 days with zinc and 5.3 days without."
)


@pytest.mark.parametrize(
    "question",
    [
        "How long did colds last in children on zinc?",
        "How much shorter were colds with 15 mg of zinc?",
        "How many of the 240 pupils had a cold?",
        "Did zinc help within six weeks?",
        "What are 3 findings on zinc?",
        "HOW LONG DID COLDS LAST IN CHILDREN ON ZINC?",
    ],
)
def test_what_the_paper_says_is_met(question: str) -> None:
    assert restrictions.fit(question, TRIAL) == "met"


@pytest.mark.parametrize(
    "question",
    [
        "How long did colds last in the elderly on zinc?",
        "How long did colds last in children on vitamin C?",
        "How long did colds last in pupils on naproxen?",
        "how long did colds last in adults on zinc",
        "How much shorter were colds with 30 mg of zinc?",
        "Which of the 600 pupils had a cold?",
        "Did zinc help in phase 3?",
    ],
)
def test_another_value_in_its_place_is_a_conflict(question: str) -> None:
    assert restrictions.fit(question, TRIAL) == "conflict"


@pytest.mark.parametrize("question", ["Does zinc help in Norway?", "Does zinc help in asthma?"])
def test_what_the_paper_never_mentions_is_missing(question: str) -> None:
    assert restrictions.fit(question, TRIAL) == "missing"


def test_two_values_of_which_the_paper_has_one_are_no_conflict() -> None:
    assert restrictions.fit("Does zinc help children and adults?", TRIAL) == "missing"


def missing(question: str, text: str = TRIAL) -> float:
    return restrictions.rarest_missing_in_phrase(question, text, {"lozeng": 1.0, "cold": 1.0, "syrup": 3.0}, 4.0)


def test_a_phrase_weighs_by_its_rarest_word_that_the_paper_lacks() -> None:
    assert missing("How long are colds with lozenges?") == 0
    assert missing("How long are colds with syrup?") == 0.75
    assert missing("How long are colds with snuff?") == 1
    assert missing("Does syrup help?") == 0


def test_other_forms_and_spellings_of_a_word_are_not_missing() -> None:
    assert missing("Is there any use in schooling?", "Schools were visited.") == 0
    assert missing("What is learnt from GPT4?", "We read what GPT-4 writes.") == 0


class Known:
    """A library of 1,000 papers of which half have each of some words, and none any other."""

    def __init__(self, *words: str) -> None:
        self._stems = content_stems(" ".join(words))

    def idf(self, stems: Sequence[str]) -> dict[str, float]:
        return {stem: 0.7 if stem in self._stems else 7.6 for stem in stems}


@pytest.mark.parametrize(
    ("question", "lacks"),
    [
        ("and in asthma?", True),
        ("What about coral bleaching?", True),
        ("ok, how about nurses", True),
        ("and in pupils?", False),
        ("what about the placebo group?", False),
        ("and speed?", False),
        ("and how was asthma found?", False),
        ("and is it asthma?", False),
        ("Does zinc help in asthma?", False),
    ],
)
def test_the_same_asked_of_another_case_needs_a_paper_that_names_it(question: str, lacks: bool) -> None:
    assert restrictions.lacks_other_case(question, TRIAL, Known("speed", "group")) is lacks
