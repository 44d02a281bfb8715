"""Which of the passages found belong in a list."""

from collections.abc import Sequence

from rag.types import Passage

CHECKED = 24
"""How many papers are looked at for a list."""
MAX_LISTED = 8
LISTED_FROM = 0.7
SIMILARITY_WEIGHT = 0.3
"""A paper is listed if its score, as a share of the best one's, less this much of what its similarity lacks to the
best one's, reaches LISTED_FROM (`eval/results/answers.md`).
"""


def listed(passages: Sequence[Passage]) -> Sequence[Passage]:
    """The papers that a list names, best first; `passages` has the best first, and the first is always listed."""
    return [passage for passage in passages if _nearness(passage, passages[0]) >= LISTED_FROM][:MAX_LISTED]


def _nearness(passage: Passage, best: Passage) -> float:
    share = passage.score / best.score if best.score > 0 else 1.0
    return share + SIMILARITY_WEIGHT * (passage.similarity - best.similarity)
