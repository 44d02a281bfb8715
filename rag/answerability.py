"""Do the passages answer the question? A calibrated score, not a guess, decides between the outcomes."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp
from pathlib import Path
from typing import Any

from rag import question as questions
from rag import wording
from rag.errors import ConfigError
from rag.protocols import Vocabulary
from rag.text.analysis import content_stems
from rag.text.entities import NAME
from rag.text.vocabulary import pattern
from rag.types import Outcome, Paper, Passage

CALIBRATION = "calibration.json"
"""The file of the home folder that `scholiast eval calibrate` writes."""

_NEAREST = 3
_ON_TOPIC = 0.3
"""Cosine of the best chunk below which a question none of whose names the paper has is about something else entirely
(`eval/results/answers.md`).
"""


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
    question: str, passages: Sequence[Passage], vocabulary: Vocabulary, answer_from: float | None = None
) -> Decision:
    """Decide from the best passages. `passages` is not empty and has the best first.

    `answer_from` takes the place of the confidence from which the fitted model answers.
    """
    fitted = _fitted()
    found = signals(question, passages, vocabulary)
    score = fitted["bias"] + sum(weight * found[name] for name, weight in fitted["weights"].items())
    confidence = 1 / (1 + exp(-score))
    if confidence >= (fitted["answer_from"] if answer_from is None else answer_from):
        return Decision(outcome="answered", confidence=confidence)
    if found["off_topic"]:
        return Decision(outcome="out_of_scope", confidence=confidence, reason=_OUT_OF_SCOPE)
    return Decision(outcome="not_in_abstracts", confidence=confidence, reason=NOT_IN_ABSTRACTS)


def signals(question: str, passages: Sequence[Passage], vocabulary: Vocabulary) -> dict[str, float]:
    """What the decision rests on, each about 0 to 1; `eval/fit.py` fits the weights in `data/answerability.json`."""
    best = passages[0]
    asked = questions.analyse(question)
    stems = content_stems(question)
    idf = vocabulary.idf(stems)
    total = sum(idf.values()) or 1.0
    text = f"{best.paper.title}. {best.paper.abstract}"
    held = set(content_stems(text))
    names = [stem for name in NAME.findall(question) for stem in content_stems(name) if not stem.isdigit()]
    lists = asked.shape == "list"
    quantity = asked.quantity and not lists

    def weight(wanted: Iterable[str]) -> float:
        return sum(idf.get(stem, 0.0) for stem in wanted) / total

    off_topic = max(0.0, _ON_TOPIC - best.similarity) / _ON_TOPIC
    return {
        "similarity": best.similarity,
        "off_topic": off_topic if held.isdisjoint(names) else 0.0,
        "sentence_similarity": max(sentence.similarity for sentence in best.sentences),
        "no_word_held": float(held.isdisjoint(stems)),
        "missing_names": weight(stem for stem in names if stem not in held),
        "several_papers": float(asked.shape != "single"),
        "quantity": float(quantity),
        "rare_answer_type": float(asked.rare_answer_type and not lists),
        "answer_type_missing": float(asked.answer_type_missing(text) and not lists),
        "metric_without_number": float(any(not questions.has_number_near(metric, text) for metric in asked.metrics)),
        "count_without_number": float(any(not questions.has_number_near(counted, text) for counted in asked.counted)),
        "condition_mismatch": quantity * _unmet(set(names) - set(content_stems(best.paper.title)), best, weight),
    }


def _unmet(conditions: set[str], passage: Passage, weight: Callable[[Iterable[str]], float]) -> float:
    """How much of the names (data set, setting) no single sentence with a number has; the paper's own do not count."""
    sentences = [sentence.text for sentence in passage.sentences if any(c.isdigit() for c in sentence.text)]
    met = max((weight(conditions & set(content_stems(sentence))) for sentence in sentences), default=0.0)
    return weight(conditions) - met


def decline_text(decision: Decision, passages: Sequence[Passage]) -> str:
    """The text of an answer that declines: the reason, and the nearest papers where there are any."""
    if decision.outcome != "not_in_abstracts" or not passages:
        return decision.reason
    titles = [_title(passage.paper) for passage in passages[:_NEAREST]]
    nearest = " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)
    return f"{decision.reason} The nearest {'papers are' if len(titles) > 1 else 'paper is'} {nearest}."


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
