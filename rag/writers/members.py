"""Which of the passages found belong in a list."""

from collections.abc import Mapping, Sequence

from rag.types import Passage

CHECKED = 24
"""How many papers are looked at for a list."""
MAX_LISTED = 8
LISTED_SHARE = 0.72
"""A paper is listed if it scores at least this share of the best one."""


def listed(passages: Sequence[Passage], idf: Mapping[str, float]) -> Sequence[Passage]:
    """The papers that a list names, best first; `passages` has the best first, and the first is always listed."""
    return [p for p in passages if p.score >= LISTED_SHARE * passages[0].score][:MAX_LISTED]
