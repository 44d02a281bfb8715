"""Does the system answer when it should, decline when it should, and state a confidence that is right?"""

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from eval.metrics.answers import right
from eval.metrics.case import Case
from eval.statistics import SEED

BINS = 10
RESAMPLES = 1_000


def answered(case: Case) -> float:
    """1 if the reply does not decline; on answerable questions 1 - its mean is the rate of over-refusal."""
    return float(not case.reply.declined)


def declined(case: Case) -> float:
    """1 if the reply declines; its mean over unanswerable questions is the share that was caught."""
    return float(case.reply.declined)


def net_score(case: Case, cost: float) -> float:
    """+1 for a right answer, 0 for declining, -cost for a wrong one.

    Any answer to an unanswerable question is wrong. Declining everything scores 0 at every cost, so a negative mean
    says that declining everything would have been better.
    """
    if case.reply.declined:
        return 0.0
    return 1.0 if case.question.answerable and right(case) else -cost


def risk_coverage(confidence: Sequence[float], correct: Sequence[bool]) -> list[tuple[float, float]]:
    """(coverage, risk) after each distinct confidence from the highest down (El-Yaniv and Wiener, 2010).

    Coverage is the share of items taken so far, risk the share of these that are wrong. Ties enter together.
    """
    points: list[tuple[float, float]] = []
    taken = wrong = 0
    ordered = sorted(zip(confidence, correct, strict=True), reverse=True)
    for _, tied in groupby(ordered, key=lambda item: item[0]):
        for _, is_correct in tied:
            taken += 1
            wrong += not is_correct
        points.append((taken / len(ordered), wrong / taken))
    return points


def aurc(confidence: Sequence[float], correct: Sequence[bool]) -> float | None:
    """Area under the risk–coverage curve: the mean risk over coverages 1/n ... n/n, lower is better.

    Geifman et al. (2019). Within a tie the expected number of wrong items is taken, so that the order of the file does
    not matter. None without items.
    """
    if not confidence:
        return None
    ordered = sorted(zip(confidence, correct, strict=True), reverse=True)
    taken, wrong, risks = 0, 0.0, 0.0
    for _, group in groupby(ordered, key=lambda item: item[0]):
        tied = [is_correct for _, is_correct in group]
        error = 1 - sum(tied) / len(tied)
        for _ in tied:
            taken, wrong = taken + 1, wrong + error
            risks += wrong / taken
    return risks / len(ordered)


def auroc(confidence: Sequence[float], correct: Sequence[bool]) -> float | None:
    """Probability that a correct item has the higher confidence, a tie counting half (Mann–Whitney U / n₁n₀).

    None if there are no correct or no wrong items.
    """
    positive = np.array([c for c, ok in zip(confidence, correct, strict=True) if ok])
    negative = np.array([c for c, ok in zip(confidence, correct, strict=True) if not ok])
    if not len(positive) or not len(negative):
        return None
    above = (positive[:, None] > negative[None, :]).sum() + 0.5 * (positive[:, None] == negative[None, :]).sum()
    return float(above) / (len(positive) * len(negative))


def auroc_interval(
    confidence: Sequence[float], correct: Sequence[bool], clusters: Sequence[str]
) -> tuple[float, float] | None:
    """The 95% percentile interval of `auroc` from a seeded bootstrap over clusters; None where that is None.

    A resample in which all items are correct, or all wrong, says nothing and is left out.
    """
    members: dict[str, list[tuple[float, bool]]] = {}
    for score, ok, cluster in zip(confidence, correct, clusters, strict=True):
        members.setdefault(cluster, []).append((score, ok))
    groups = list(members.values())
    if len(set(correct)) < 2:
        return None
    draws = np.random.default_rng(SEED).integers(0, len(groups), (RESAMPLES, len(groups)))
    resamples = ([item for index in draw for item in groups[index]] for draw in draws)
    areas = [auroc([score for score, _ in found], [ok for _, ok in found]) for found in resamples]
    low, high = np.quantile([area for area in areas if area is not None], [0.025, 0.975])
    return float(low), float(high)


def reliability(confidence: Sequence[float], correct: Sequence[bool]) -> list[tuple[int, float, float]]:
    """(count, mean confidence, share correct) of at most 10 bins of nearly equal size, from the least confident up."""
    ordered = sorted(zip(confidence, correct, strict=True))
    bins = [part for part in np.array_split(np.array(ordered, dtype=float).reshape(-1, 2), BINS) if len(part)]
    return [(len(part), float(part[:, 0].mean()), float(part[:, 1].mean())) for part in bins]


def ece(confidence: Sequence[float], correct: Sequence[bool]) -> float | None:
    """Expected calibration error: Σ (n_bin / n) |share correct - mean confidence| over equal-mass bins.

    Naeini et al. (2015). 0 is perfectly calibrated. None without items.
    """
    if not confidence:
        return None
    return sum(count * abs(share - mean) for count, mean, share in reliability(confidence, correct)) / len(confidence)


def brier(confidence: Sequence[float], correct: Sequence[bool]) -> float | None:
    """Mean squared difference between confidence and 1 (correct) or 0 (wrong) (Brier, 1950). None without items."""
    if not confidence:
        return None
    return sum((c - ok) ** 2 for c, ok in zip(confidence, correct, strict=True)) / len(confidence)
