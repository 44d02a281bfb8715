"""Do the passages answer the question? A calibrated score, not a guess, decides between the outcomes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from math import exp
from pathlib import Path
from typing import Any

from rag import wording
from rag.answer_signals import holds_subject, lacks_what_is_asked, signals
from rag.errors import ConfigError
from rag.protocols import Vocabulary
from rag.text import language
from rag.text.vocabulary import pattern
from rag.types import Outcome, Paper, Passage

CALIBRATION = "calibration.json"
"""The file of the home folder that `scholiast eval calibrate` writes."""

_NEAREST = 3
_NEAR = 0.5
"""A decline tells of at most so many papers, and only of those that score this share of the best one."""
_ON_TOPIC = 0.3
"""Cosine of the best chunk below which a question whose rarest words no first passage has is about something else
entirely (`eval/results/answers.md`).
"""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What kind of answer the passages allow; `confidence` is the estimated probability that they answer, 0 to 1.

    `doubtful`: too unlikely to answer from by rules alone; a model that reads the passages may decide otherwise.
    """

    outcome: Outcome
    confidence: float
    reason: str = ""
    doubtful: bool = False

    @property
    def answers(self) -> bool:
        """Whether there is something to write from."""
        return self.outcome in ("answered", "partial")


EMPTY_LIBRARY = Decision(
    outcome="empty_library",
    confidence=0.0,
    reason="This library holds no papers yet. Load some with `scholiast ingest` or POST /v1/papers.",
)
NO_PAPER_PASSES_FILTERS = Decision(
    outcome="not_in_abstracts",
    confidence=0.0,
    reason="No paper in this library passes the filters of the question.",
)
RETRACTED_ONLY = Decision(
    outcome="not_in_abstracts",
    confidence=0.0,
    reason="Every paper found on this has been retracted; ask what the retracted paper says to see it all the same.",
)
_OUT_OF_SCOPE = "Nothing in this library is about this."
NOT_IN_ABSTRACTS = "The abstracts do not say."


def usable(question: str, passages: Sequence[Passage]) -> Sequence[Passage]:
    """The passages to answer from: a retracted paper answers only a question about retractions."""
    if pattern("question.retraction").search(question):
        return passages
    return [passage for passage in passages if not passage.paper.retracted]


def small_talk(message: str) -> Decision:
    """For a message that asks nothing of the papers: a plain sentence in kind."""
    kind = wording.small_talk(message) or "acknowledgement"
    return Decision(outcome="out_of_scope", confidence=0.0, reason=wording.reply(kind))


def decide(
    question: str,
    passages: Sequence[Passage],
    vocabulary: Vocabulary,
    answer_from: float | None = None,
    ask_model_from: float | None = None,
) -> Decision:
    """Decide from the best passages. `passages` is not empty and has the best first.

    `answer_from` takes the place of the confidence from which the fitted weights answer; from `ask_model_from` on, a
    model decides. Whether the best paper lacks the kind of thing that is asked for is then for the model to see.
    """
    fitted = _fitted()
    found = signals(question, passages, vocabulary)
    score = fitted["bias"] + sum(weight * found[name] for name, weight in fitted["weights"].items())
    likely = 1 / (1 + exp(-score))
    confidence = 0.0 if lacks_what_is_asked(question, passages[0], vocabulary) else likely
    if confidence >= (fitted["answer_from"] if answer_from is None else answer_from):
        return Decision(outcome="answered", confidence=confidence)
    if ask_model_from is not None and likely >= ask_model_from:
        return Decision(outcome="answered", confidence=likely, doubtful=True)
    if passages[0].similarity < _ON_TOPIC and not holds_subject(question, passages, vocabulary):
        return Decision(outcome="out_of_scope", confidence=confidence, reason=_OUT_OF_SCOPE)
    return Decision(outcome="not_in_abstracts", confidence=confidence, reason=NOT_IN_ABSTRACTS)


def nearest(passages: Sequence[Passage]) -> Sequence[Passage]:
    """The passages that a decline tells of, best first: few, and none far behind the best."""
    return [passage for passage in passages if passage.score >= _NEAR * passages[0].score][:_NEAREST]


def language_notice(question: str, passages: Sequence[Passage]) -> str:
    """What a reader is told whose question is in another language than the nearest papers; empty if it is not."""
    asked = language.language_of(question)
    found = dict.fromkeys(language.language_of(passage.paper.abstract) for passage in passages[:_NEAREST])
    if not found or asked in found:
        return ""
    names = " and ".join(language.name_of(code) for code in found)
    return f"The question is in {language.name_of(asked)}; the nearest papers are in {names}."


def across_languages(decision: Decision, notice: str) -> Decision:
    """A decline for which another language may be the reason: what nothing was found about may well be there."""
    if not notice or decision.answers or decision.outcome == "empty_library":
        return decision
    return replace(decision, outcome="not_in_abstracts", reason=notice)


def decline_text(decision: Decision, passages: Sequence[Passage]) -> str:
    """The text of an answer that declines: the reason, and the nearest papers where there are any."""
    if decision.outcome != "not_in_abstracts" or not passages:
        return decision.reason
    titles = [_title(passage.paper) for passage in nearest(passages)]
    named = " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)
    return f"{decision.reason} The nearest {'papers are' if len(titles) > 1 else 'paper is'} {named}."


def _title(paper: Paper) -> str:
    return f"“{paper.title.rstrip('.')}”" + (" (retracted)" if paper.retracted else "")


def calibrated(path: Path) -> float | None:
    """The confidence from which to answer, as `scholiast eval calibrate` wrote it; None when it has not.

    Raises ConfigError.
    """
    try:
        answer_from = json.loads(path.read_text(encoding="utf-8"))["answer_from"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} can't be read as a calibration ({error!r}); make it again or delete it") from error
    if not isinstance(answer_from, int | float) or not 0 <= answer_from <= 1:
        raise ConfigError(f"{path}: answer_from is {answer_from!r}, not a confidence from 0 to 1; make it again")
    return float(answer_from)


@cache
def _fitted() -> Mapping[str, Any]:
    stored: Mapping[str, Any] = json.loads(files("rag").joinpath("data/answerability.json").read_text(encoding="utf-8"))
    return stored
