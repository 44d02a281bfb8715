"""Is a gold paper found, and how high: ranked lists against graded gold papers, one function a measure.

`ranked` holds distinct keys, best first; a short list is padded with misses, as trec_eval does. `gold` maps each gold
key to its grade, above 0, and is not empty.
"""

from collections.abc import Mapping, Sequence
from math import log2


def hit(ranked: Sequence[str], gold: Mapping[str, float], k: int) -> float:
    """1 if any gold paper is among the first k, else 0 (success@k)."""
    return float(any(key in gold for key in ranked[:k]))


def recall(ranked: Sequence[str], gold: Mapping[str, float], k: int) -> float:
    """|first k that are gold| / |gold|."""
    return sum(key in gold for key in ranked[:k]) / len(gold)


def reciprocal_rank(ranked: Sequence[str], gold: Mapping[str, float], k: int) -> float:
    """1 / rank of the first gold paper, 0 if it is not among the first k (RR@k; its mean is MRR@k)."""
    return next((1 / rank for rank, key in enumerate(ranked[:k], start=1) if key in gold), 0.0)


def ndcg(ranked: Sequence[str], gold: Mapping[str, float], k: int) -> float:
    """DCG@k / ideal DCG@k with DCG = Σ grade / log2(rank + 1): linear gains, as trec_eval's ndcg_cut.

    Järvelin and Kekäläinen (2002). The ideal is taken over all gold papers, not over those that were returned.
    """
    ideal = sorted(gold.values(), reverse=True)
    return _dcg([gold.get(key, 0.0) for key in ranked[:k]]) / _dcg(ideal[:k])


def _dcg(grades: Sequence[float]) -> float:
    return sum(grade / log2(rank + 1) for rank, grade in enumerate(grades, start=1))
