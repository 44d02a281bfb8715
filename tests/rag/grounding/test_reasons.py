"""Why a sentence is called so: the verdict comes with the check that decided, in the Answer and in the log."""

import logging

import pytest

from rag.grounding.grounding import ground
from rag.types import Verdict
from tests.rag.grounding.test_grounding import BOTH, CLAIM


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


def test_a_sentence_that_claims_nothing_of_a_paper_has_no_reason() -> None:
    [answer, remark] = ground(f"{CLAIM} [1]. The abstracts do not say how long it lasts.", BOTH).sentences
    assert (bool(answer.reason), remark.reason) == (True, "")


def test_the_log_has_it_at_debug_level(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "scholiast"):
        ground(f"{CLAIM} [1].", BOTH)
    assert "sentence 0: supported (100% of its words are in the quotes), cites [1]" in caplog.text
