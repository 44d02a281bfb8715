"""Turns feedback on answers into questions: a good answer gives a finished one, a bad answer a draft."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from eval.questions import Question, QuestionType
from rag.types import Turn

_ID_DIGITS = 12
_DECLINED = frozenset({"not_in_abstracts", "out_of_scope"})


@dataclass(frozen=True, kw_only=True)
class FeedbackQuestions:
    """Questions that can be asked as they are, and drafts: records that still need gold papers or key facts."""

    questions: tuple[Question, ...]
    drafts: tuple[dict[str, Any], ...]


def questions_from_feedback(entries: Iterable[Mapping[str, Any]]) -> FeedbackQuestions:
    """Turn feedback, oldest first, into questions; the last verdict on a question counts.

    A good answer makes its cited papers gold; a good refusal makes its question unanswerable.
    """
    last = {_identity(entry): entry for entry in entries}
    good = {id: entry for id, entry in last.items() if entry["verdict"] == "good" and _has_gold(entry)}
    return FeedbackQuestions(
        questions=tuple(_question(id, entry) for id, entry in good.items()),
        drafts=tuple(_draft(id, entry) for id, entry in last.items() if entry["verdict"] == "bad"),
    )


def _has_gold(entry: Mapping[str, Any]) -> bool:
    return bool(entry["cited"]) or entry["outcome"] in _DECLINED


def _question(id: str, entry: Mapping[str, Any]) -> Question:
    declined = entry["outcome"] in _DECLINED
    history = tuple(Turn(role=turn["role"], content=turn["content"]) for turn in entry["history"])
    kind: QuestionType = "unanswerable" if declined else "followup" if history else "factoid"
    return Question(
        id=id,
        question=entry["question"],
        type=kind,
        answerable=not declined,
        history=history,
        gold_ids=() if declined else tuple(entry["cited"]),
    )


def _draft(id: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """A record with what is known; it can't be loaded until a person has done what `finish` says and deleted it."""
    return {
        "id": id,
        "question": entry["question"],
        "type": "followup" if entry["history"] else "factoid",
        "answerable": True,
        "history": list(entry["history"]),
        "gold_ids": [],
        "answer": "",
        "key_facts": [],
        "finish": {
            "do": "fill gold_ids (the papers looked at are below), answer and key_facts, or make it unanswerable; "
            "then delete this field",
            "comment": entry["comment"],
            "outcome": entry["outcome"],
            "cited": list(entry["cited"]),
            "looked_at": list(entry["passages"]),
        },
    }


def _identity(entry: Mapping[str, Any]) -> str:
    """An id that depends on the question and its history alone."""
    texts = [entry["question"], *(turn["content"] for turn in entry["history"])]
    return "feedback-" + sha256("\n".join(part.strip() for part in texts).encode()).hexdigest()[:_ID_DIGITS]
