"""The confidence from which to answer, chosen with a guarantee on over-refusal, and its check on other questions.

Split conformal prediction (Vovk, Gammerman and Shafer, 2005; Angelopoulos and Bates, 2021), which for this loss is the
conformal risk control of Angelopoulos et al. (2022). With n answerable questions drawn as future ones are, and the
threshold set to their k-th lowest confidence, k = floor(α (n + 1)), a future answerable question lies below it, and is
declined, with probability at most k / (n + 1) ≤ α, whatever the confidence is worth. The probability is over the future
question and the choice of the n.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from eval.score import QuestionScore
from eval.statistics import SEED, Estimate, estimate
from rag.errors import RequestError

_HALF_A_DIGIT = 0.00005  # answers state their confidence with four digits


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Answer from confidence `answer_from` up; at most a share `alpha` of answerable questions is declined for it.

    `declined_anyway` of the `count` answerable questions were declined for another reason than their confidence.
    """

    answer_from: float
    alpha: float
    count: int
    declined_anyway: int


@dataclass(frozen=True, kw_only=True)
class HoldoutResult:
    """Shares of answerable (`over_refusal`) and unanswerable (`caught`) questions declined, of those not fitted on."""

    over_refusal: Estimate | None
    caught: Estimate | None


def calibrate(rows: Sequence[QuestionScore], alpha: float) -> Calibration:
    """The highest threshold with the guarantee. Raises RequestError if these rows can't guarantee `alpha`."""
    if not 0 < alpha < 1:
        raise RequestError(f"alpha is {alpha}; it is the share of answerable questions declined, so between 0 and 1")
    answerable = [row for row in rows if row.answerable]
    if not answerable or all(row.confidence is None for row in answerable):
        raise RequestError("no answerable question has a confidence; calibrate on a run of a system that states one")
    lowest = _lowest_answered(rows)
    scores = sorted(_effective_confidence(row, lowest) for row in answerable)
    allowed = floor(alpha * (len(scores) + 1))
    anyway = sum(score < 0 for score in scores)
    if allowed < 1:
        least = f"{1 / (len(scores) + 1):.3f}"
        raise RequestError(f"{len(scores)} answerable questions can't promise {alpha}; ask more, or allow {least}")
    if scores[allowed - 1] < 0:
        raise RequestError(
            f"{anyway} of {len(scores)} answerable questions are declined for another reason than their confidence, "
            f"so no threshold keeps over-refusal to {alpha}; fix that first, or allow more"
        )
    threshold = max(0.0, round(scores[allowed - 1] - _HALF_A_DIGIT, 5))
    return Calibration(answer_from=threshold, alpha=alpha, count=len(scores), declined_anyway=anyway)


def holdout(rows: Sequence[QuestionScore], threshold: float) -> HoldoutResult:
    """Over-refusal, and unanswerable questions caught, had this threshold been set when these were asked."""
    lowest = _lowest_answered(rows)

    def share(answerable: bool) -> Estimate | None:
        chosen = [row for row in rows if row.answerable == answerable]
        values = [float(_effective_confidence(row, lowest) < threshold) for row in chosen]
        return estimate(values, [row.cluster for row in chosen]) if chosen else None

    return HoldoutResult(over_refusal=share(True), caught=share(False))


def split(rows: Sequence[QuestionScore]) -> tuple[list[QuestionScore], list[QuestionScore]]:
    """Two halves, seeded; questions that share a paper stay together, and answerable ones are divided evenly."""
    random = np.random.default_rng(SEED)
    members: dict[str, list[QuestionScore]] = {}
    for row in rows:
        members.setdefault(row.cluster, []).append(row)
    halves: tuple[list[QuestionScore], list[QuestionScore]] = ([], [])
    for answerable in (True, False):
        clusters = sorted(name for name, group in members.items() if any(r.answerable for r in group) == answerable)
        counts = [0, 0]
        for index in random.permutation(len(clusters)):
            group = members[clusters[index]]
            side = 0 if counts[0] <= counts[1] else 1
            counts[side] += len(group)
            halves[side].extend(group)
    return halves


def _lowest_answered(rows: Sequence[QuestionScore]) -> float:
    """The lowest confidence with which anything was answered; a refusal above it had another reason."""
    return min((row.confidence for row in rows if row.confidence is not None and not row.declined), default=1.0)


def _effective_confidence(row: QuestionScore, lowest_answered: float) -> float:
    """The confidence; -1 for a question that failed or was declined for another reason than its confidence."""
    if row.failed or row.confidence is None or (row.declined and row.confidence > lowest_answered):
        return -1.0
    return row.confidence
