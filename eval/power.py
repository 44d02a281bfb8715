"""Before a run: how many questions show a difference between two systems, and what difference so many questions show.

Both systems answer the same questions, so what counts is the spread of the paired differences d. With z for the normal
quantiles of the two-sided level and of the power, n questions show D where

    n = (z_level + z_power)² · sd(d)² · deff / D²          (Lachin, 1981; for evaluations Miller, 2024)

`deff` is the design effect (Kish, 1965): by how much questions that share a gold paper inflate the variance of the
mean. Of two earlier runs it is the variance of the mean of clusters over that of single questions; assumed, it is
1 + (m - 1) · icc for clusters of m questions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite, sqrt
from statistics import NormalDist, correlation, stdev

from eval.compare import paired
from eval.score import Scores
from eval.statistics import clustered_error
from rag.errors import RequestError

LEVEL, POWER = 0.05, 0.8
ASSUMED_COUNT = 100
LEAST = 10
"""Fewer questions are never called enough: normal quantiles do not hold for them."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How paired differences of a measure spread: their standard deviation, and the design effect, at least 1.

    `correlation` is that of the two systems over the questions (None where one of them is constant), `count` the
    questions that this was seen on (None: it is assumed).
    """

    sd: float
    design_effect: float
    correlation: float | None
    count: int | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What can be seen of a measure: the questions that show `difference`, and what `count` questions show."""

    measure: str
    spread: Spread
    difference: float
    needed: int
    count: int
    detectable: float


def plans(
    spreads: Mapping[str, Spread], difference: float, count: int, level: float = LEVEL, power: float = POWER
) -> list[Plan]:
    """A plan for each measure; with a count of 0, for as many questions as its spread was seen on, or else 100.

    Raises RequestError.
    """
    found = []
    for measure, spread in spreads.items():
        number = count or spread.count or ASSUMED_COUNT
        found.append(
            Plan(
                measure=measure,
                spread=spread,
                difference=difference,
                needed=questions_needed(spread, difference, level, power),
                count=number,
                detectable=detectable(spread, number, level, power),
            )
        )
    return found


def seen(a: Scores, b: Scores, measure: str) -> Spread | None:
    """The spread in two runs of the same questions.

    None if fewer than three of them have the measure in both, or if the runs differ in none: then nothing is known.
    """
    pairs = paired(a, b, measure)
    differences = [pair.b - pair.a for pair in pairs]
    if len(pairs) < 3 or len(set(differences)) == 1:
        return None
    sd = stdev(differences)
    clustered = clustered_error(differences, [pair.cluster for pair in pairs])
    effect = clustered**2 * len(pairs) / sd**2 if clustered else 1.0
    return Spread(
        sd=sd,
        design_effect=max(effect, 1.0),
        correlation=_correlation([pair.a for pair in pairs], [pair.b for pair in pairs]),
        count=len(pairs),
    )


def assumed(sd: float, correlation: float, cluster_size: float = 1.0, icc: float = 0.0) -> Spread:
    """The spread of two systems with this standard deviation each: sd(d) = sd · √(2 · (1 - correlation)).

    Raises RequestError for what no scores can have.
    """
    if not (isfinite(sd) and sd > 0):
        raise RequestError(f"the standard deviation is {sd:g}; it must be above 0, and is at most 0.5 for shares")
    if not -1 <= correlation < 1:
        raise RequestError(f"the correlation is {correlation:g}; give one from -1 to below 1")
    if cluster_size < 1 or not 0 <= icc <= 1:
        raise RequestError(
            f"clusters of {cluster_size:g} questions with an intraclass correlation of {icc:g} can't be; "
            "give a size from 1 and a correlation from 0 to 1"
        )
    return Spread(
        sd=sd * sqrt(2 * (1 - correlation)), design_effect=1 + (cluster_size - 1) * icc, correlation=correlation
    )


def questions_needed(spread: Spread, difference: float, level: float = LEVEL, power: float = POWER) -> int:
    """The questions that show a true difference of this size. Raises RequestError."""
    if not (isfinite(difference) and difference > 0):
        raise RequestError(f"the difference is {difference:g}; give one above 0, such as 0.05")
    return max(ceil((_factor(level, power) * spread.sd / difference) ** 2 * spread.design_effect), LEAST)


def detectable(spread: Spread, count: int, level: float = LEVEL, power: float = POWER) -> float:
    """The smallest true difference that so many questions show. Raises RequestError."""
    if count < 2:
        raise RequestError(f"{count} questions show no difference; give at least 2")
    return _factor(level, power) * spread.sd * sqrt(spread.design_effect / count)


def _factor(level: float, power: float) -> float:
    if not 0 < level < 1 or not 0.5 <= power < 1:
        raise RequestError(f"level {level:g} and power {power:g} can't be; give a level in (0, 1), a power in [0.5, 1)")
    normal = NormalDist()
    return normal.inv_cdf(1 - level / 2) + normal.inv_cdf(power)


def _correlation(a: Sequence[float], b: Sequence[float]) -> float | None:
    return correlation(a, b) if len(set(a)) > 1 and len(set(b)) > 1 else None
