"""Intervals and paired tests: seeded, clustered where questions share a paper, and the same on every machine.

Cameron, Gelbach and Miller (2008) and Field and Welsh (2007) on the cluster bootstrap; Phipson and Smyth (2010) on the
+1 in permutation p-values; Holm (1979); Miller (2024), "Adding error bars to evals", on clustering and pairing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb, sqrt

import numpy as np
from numpy.typing import NDArray

SEED = 20_240_229
RESAMPLES = 10_000
MEDIAN_RESAMPLES = 1_000
LEVEL = 0.95
_Z = 1.959963984540054  # standard normal quantile of 0.975
_DETECTABLE = 2.80  # z(0.975) + z(0.80): 80% power at the two-sided 5% level


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean (of `median` the median) with its 95% interval over `count` questions in `clusters` independent groups."""

    mean: float
    low: float
    high: float
    count: int
    clusters: int


@dataclass(frozen=True, kw_only=True)
class Difference:
    """B minus A over the same questions; p is two-sided.

    `detectable` is a difference found by 4 of 5 such runs; None for a single cluster.
    """

    mean: float
    low: float
    high: float
    count: int
    clusters: int
    p: float
    test: str
    wins: int
    ties: int
    losses: int
    detectable: float | None


def estimate(values: Sequence[float], clusters: Sequence[str]) -> Estimate:
    """The mean with a percentile interval of the cluster bootstrap; `values` is not empty.

    Where all values are the same the bootstrap sees no spread: if they are 0 or 1 the Wilson interval of the clusters
    is given instead.
    """
    sums, counts = _by_cluster(values, clusters)
    mean = float(sums.sum() / counts.sum())
    if len(set(values)) == 1 and values[0] in (0.0, 1.0):
        low, high = wilson(round(mean * len(sums)), len(sums))
    else:
        low, high = _interval(sums, counts)
    return Estimate(mean=mean, low=min(low, mean), high=max(high, mean), count=len(values), clusters=len(sums))


def median(values: Sequence[float], clusters: Sequence[str]) -> Estimate:
    """The lower median with a percentile interval of the cluster bootstrap; `values` is not empty."""
    names = list(dict.fromkeys(clusters))
    position = {name: i for i, name in enumerate(names)}
    order = np.argsort(np.asarray(values, np.float64), kind="stable")
    ordered = np.asarray(values, np.float64)[order]
    drawn = _draws(len(names))[:MEDIAN_RESAMPLES, [position[clusters[i]] for i in order]]
    reached = np.cumsum(drawn, axis=1) >= drawn.sum(axis=1, keepdims=True) / 2
    low, high = np.quantile(ordered[reached.argmax(axis=1)], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    middle = float(ordered[(len(ordered) - 1) // 2])
    return Estimate(mean=middle, low=float(low), high=float(high), count=len(values), clusters=len(names))


def wilson(successes: int, count: int) -> tuple[float, float]:
    """The 95% interval of a proportion (Wilson, 1927); `count` is above 0."""
    share = successes / count
    scale = 1 + _Z**2 / count
    middle = (share + _Z**2 / (2 * count)) / scale
    half = _Z * sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2)) / scale
    return max(middle - half, 0.0), min(middle + half, 1.0)


def difference(a: Sequence[float], b: Sequence[float], clusters: Sequence[str]) -> Difference:
    """Compare two systems on the same questions, in the same order; the sequences are not empty.

    McNemar's exact test where values are 0 or 1 and questions are independent, else a sign-flip test of whole clusters.
    """
    deltas = [y - x for x, y in zip(a, b, strict=True)]
    sums, counts = _by_cluster(deltas, clusters)
    wins, losses = sum(delta > 0 for delta in deltas), sum(delta < 0 for delta in deltas)
    binary = {*a, *b} <= {0.0, 1.0} and len(sums) == len(deltas)
    low, high = _interval(sums, counts)
    mean = float(sums.sum() / counts.sum())
    return Difference(
        mean=mean,
        low=min(low, mean),
        high=max(high, mean),
        count=len(deltas),
        clusters=len(sums),
        p=mcnemar(wins, losses) if binary else sign_flip(sums),
        test="McNemar" if binary else "sign-flip",
        wins=wins,
        ties=len(deltas) - wins - losses,
        losses=losses,
        detectable=detectable(sums, counts),
    )


def mcnemar(wins: int, losses: int) -> float:
    """Exact two-sided p: the binomial probability of so uneven a split of the changed questions (McNemar, 1947)."""
    changed = wins + losses
    tail = sum(comb(changed, i) for i in range(min(wins, losses) + 1))
    return min(2 * tail / int(2**changed), 1.0)


def sign_flip(sums: NDArray[np.float64]) -> float:
    """Two-sided p = (1 + #{|Δ*| ≥ |Δ|}) / (B + 1) with the sign of each cluster's summed difference drawn at random."""
    sums = sums[sums != 0]
    if not len(sums):
        return 1.0
    signs = np.random.default_rng(SEED).integers(0, 2, (RESAMPLES, len(sums))) * 2 - 1
    extreme = np.abs(signs @ sums) >= abs(sums.sum()) - 1e-12
    return float((1 + extreme.sum()) / (RESAMPLES + 1))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values that keep the chance of any false claim below the level: max over (m - i) p(i), at most 1."""
    adjusted: dict[str, float] = {}
    highest = 0.0
    for position, name in enumerate(sorted(p_values, key=lambda name: (p_values[name], name))):
        highest = max(highest, min((len(p_values) - position) * p_values[name], 1.0))
        adjusted[name] = highest
    return adjusted


def detectable(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> float | None:
    """The smallest true difference found with 80% power: 2.80 times the clustered standard error of the difference."""
    error = _clustered_error(sums, counts)
    return None if error is None else _DETECTABLE * error


def clustered_error(values: Sequence[float], clusters: Sequence[str]) -> float | None:
    """The standard error of the mean where the values of a cluster are not independent; None for a single cluster.

    √(Σ_c (Σ_{i in c} (x_i - mean))² · k / (k - 1)) / n over k clusters (Miller, 2024).
    """
    return _clustered_error(*_by_cluster(values, clusters))


def _clustered_error(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> float | None:
    if len(sums) < 2:
        return None
    residual = sums - counts * (sums.sum() / counts.sum())
    spread = float((residual**2).sum()) * len(sums) / (len(sums) - 1)
    return sqrt(spread) / float(counts.sum())


def _by_cluster(values: Sequence[float], clusters: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and count of each cluster, in order of first appearance."""
    position = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    sums, counts = np.zeros(len(position), np.float64), np.zeros(len(position), np.float64)
    where = [position[name] for name in clusters]
    np.add.at(sums, where, values)
    np.add.at(counts, where, 1.0)
    return sums, counts


def _interval(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> tuple[float, float]:
    draws = _draws(len(sums))
    means = (draws @ sums) / (draws @ counts)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


@lru_cache(maxsize=16)
def _draws(clusters: int) -> NDArray[np.float64]:
    """How often each cluster is drawn in each resample, shape (RESAMPLES, clusters)."""
    drawn = np.random.default_rng(SEED).multinomial(clusters, [1 / clusters] * clusters, size=RESAMPLES)
    return drawn.astype(np.float64)
