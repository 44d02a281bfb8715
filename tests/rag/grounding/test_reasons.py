"""Why a sentence is called so: the verdict comes with the check that decided, in the Answer and in the log."""

import logging

import pytest

from rag.grounding.grounding import ground
from rag.types import Verdict
from tests.rag.grounding.test_grounding import BOTH, CLAIM
from tests.support.passages import passage


@pytest.mark.parametrize(
    ("text", "verdict", "reason"),
    [
        (f"{CLAIM} [1].", "supported", "100% of its words are in the quotes"),
        ("Penguins can fly long distances over frozen seas [1].", "unsupported", "0% of its words are in the quotes"),
        ("Penguins can fly long distances over frozen seas.", "unsupported", "it cites no abstract"),
        (f"{CLAIM.replace('34%', '57%')} [1].", "contradicted", "gives 57% where the abstract gives 34%"),
        ("Shift workers rested badly after caffeine, by 57% of nights [1].", "unsupported", "the number 57 is not in"),
        ("The FID on CIFAR-10 is 3.25 [1].", "partial", "gives 3.25 for something else"),
    ],
)
def test_the_reason_says_which_check_decided(text: str, verdict: Verdict, reason: str) -> None:
    [sentence] = ground(text, BOTH).sentences
    assert (sentence.support, reason in sentence.reason) == (verdict, True), sentence.reason


WAVEKIT = passage(
    "WaveKit: fast drawing without grids",
    "WaveKit challenges the grids of fast drawing, and is a tool for drawing with waves.",
    "Moreover, when the pen is lifted, the error falls to 2.4 mm on average.",
)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("WaveKit: fast drawing without grids [1].", "supported"),  # though it negates what a sentence says
        ("WaveKit: fast drawing without grids: When the pen is lifted, the error falls to 2.4 mm [1].", "supported"),
        ("“WaveKit: fast drawing without grids”: When the pen is lifted, the error falls to 2.4 mm [1].", "supported"),
        ("WaveKit: When the pen is lifted, the error falls to 2.4 mm on average [1].", "supported"),
        ("The abstracts say: When the pen is lifted, the error falls to 2.4 mm on average [1].", "supported"),
        ("WaveKit: When the pen is lifted, the error does not fall to 2.4 mm on average [1].", "contradicted"),
        ("WaveKit: When the pen is lifted, the error falls to 3.1 mm on average [1].", "contradicted"),
        ("InkFlow: When the pen is lifted, the error falls to 2.4 mm on average [1].", "unsupported"),
    ],
)
def test_a_title_and_the_name_before_a_colon_only_say_of_whom(text: str, verdict: Verdict) -> None:
    [sentence] = ground(text, [WAVEKIT]).sentences
    assert sentence.support == verdict, sentence.reason


def test_one_of_two_things_in_a_title_is_not_whose_words_follow() -> None:
    drugs = passage("Lisperin versus tomarol: a trial", "Tomarol shortened the stay by 34% in 120 patients.")
    [sentence] = ground("Lisperin: shortened the stay by 34% in 120 patients [1].", [drugs]).sentences
    assert sentence.support != "supported"


def test_a_sentence_that_claims_nothing_of_a_paper_has_no_reason() -> None:
    [answer, remark] = ground(f"{CLAIM} [1]. The abstracts do not say how long it lasts.", BOTH).sentences
    assert (bool(answer.reason), remark.reason) == (True, "")


def test_the_log_has_it_at_debug_level(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "scholiast"):
        ground(f"{CLAIM} [1].", BOTH)
    assert "sentence 0: supported (100% of its words are in the quotes), cites [1]" in caplog.text
