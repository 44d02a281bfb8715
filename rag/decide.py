"""Is there evidence to answer from? A calibrated score, not a guess, decides between the outcomes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp

from rag.interfaces import Vocabulary
from rag.terms import telling
from rag.types import Outcome, Passage

_NEAREST = 3


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What kind of answer the passages allow; `confidence` is the estimated probability that they answer, 0 to 1."""

    outcome: Outcome
    confidence: float
    reason: str = ""

    @property
    def answers(self) -> bool:
        """Whether there is something to write from."""
        return self.outcome in ("answered", "partial")


EMPTY_LIBRARY = Decision(
    outcome="empty_library",
    confidence=0.0,
    reason="This library holds no papers yet. Load some with `scholiast ingest` or POST /v1/papers.",
)
NOTHING_PASSES_THE_FILTERS = Decision(
    outcome="not_in_abstracts",
    confidence=0.0,
    reason="No paper in this library passes the filters of the question.",
)
_OUT_OF_SCOPE = "Nothing in this library is about this."
_NOT_SAID = "The abstracts do not say."


def evidence(question: str, passages: Sequence[Passage], vocabulary: Vocabulary) -> Decision:
    """Decide from the best passages. `passages` is not empty and has the best first."""
    fitted = _fitted()
    found = signals(question, passages, vocabulary)
    score = fitted["bias"] + sum(weight * found[name] for name, weight in fitted["weights"].items())
    confidence = 1 / (1 + exp(-score))
    if found["similarity"] < fitted["on_the_subject"]:
        return Decision(outcome="out_of_scope", confidence=confidence, reason=_OUT_OF_SCOPE)
    if confidence < fitted["answer_from"]:
        return Decision(outcome="not_in_abstracts", confidence=confidence, reason=_NOT_SAID)
    return Decision(outcome="answered", confidence=confidence)


def plain_words(decision: Decision, passages: Sequence[Passage]) -> str:
    """The text of an answer that has nothing to tell: the reason, and the nearest papers where there are any."""
    if decision.outcome != "not_in_abstracts" or not passages:
        return decision.reason
    titles = [f"“{passage.paper.title.rstrip('.')}”" for passage in passages[:_NEAREST]]
    nearest = " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)
    return f"{decision.reason} The nearest {'papers are' if len(titles) > 1 else 'paper is'} {nearest}."
