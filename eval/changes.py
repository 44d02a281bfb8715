"""Which questions came out differently in two runs, and how."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.metrics.answers import OPENING
from eval.score import QuestionScore, Scores

_FAILED, _DECLINED, _ANSWERED, _RIGHT, _WRONG = "no answer", "declined", "answered", "right", "wrong"
_ORDER = {
    True: (_FAILED, _WRONG, _DECLINED, _RIGHT),
    False: (_FAILED, _ANSWERED, _DECLINED),
}
"""From worst to best, for answerable questions and for others. To decline is better than to be wrong."""

_SHARES = (f"facts@{OPENING}", "facts_anywhere", "ndcg@10")
"""What is told where the outcome is the same: the first of these that differs."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A question that came out differently in B than in A. `text` is the question, empty where it is not known."""

    id: str
    type: str
    how: str
    is_better: bool
    text: str = ""


def changes(a: Scores, b: Scores, texts: dict[str, str] | None = None) -> Sequence[Change]:
    """The changed questions of two runs of the same questions: what became worse, then what became better."""
    found = [
        change
        for one, other in zip(a.rows, b.rows, strict=True)
        if (change := _change(one, other, (texts or {}).get(one.id, "")))
    ]
    return sorted(found, key=lambda change: change.is_better)


def in_words(found: Sequence[Change]) -> str:
    """How many questions changed."""
    better = sum(change.is_better for change in found)
    return f"{better} questions came out better in B, {len(found) - better} worse." if found else "No question changed."


def outcome(row: QuestionScore) -> str:
    """What came of a question, in a word or two."""
    if row.failed:
        return _FAILED
    if row.declined:
        return _DECLINED
    return (_RIGHT if row.right else _WRONG) if row.answerable else _ANSWERED


def _change(a: QuestionScore, b: QuestionScore, text: str) -> Change | None:
    before, after = outcome(a), outcome(b)
    if before != after:
        order = _ORDER[a.answerable]
        is_better = order.index(after) > order.index(before)
        return Change(id=a.id, type=a.type, how=f"{before} -> {after}", is_better=is_better, text=text)
    for name in _SHARES:
        x, y = a.values.get(name), b.values.get(name)
        if x is not None and y is not None and x != y:
            how = f"{after}, {name.replace('_', ' ')} {x:.2f} -> {y:.2f}"
            return Change(id=a.id, type=a.type, how=how, is_better=y > x, text=text)
    return None
