"""Answerable questions asked with their papers and again without: does the system know that the answer is gone?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eval import score as scoring
from eval.metrics.abstention import auroc
from eval.questions import Question
from eval.records import RunFiles
from eval.score import QuestionScore, Scores
from eval.statistics import SEED, Difference, Estimate, difference, estimate
from rag.errors import RequestError

FOLDER = "without_gold"
"""The folder inside a run's folder that holds the same questions asked without their gold papers."""

_RESAMPLES = 1_000


@dataclass(frozen=True, kw_only=True)
class RemovalResult:
    """What removing the gold papers changed, over the answerable questions that have any.

    `answered` and `declined` are the shares answered with the papers and declined without. `change` is the share
    answered without minus the share answered with. `auroc` says how well the confidence tells the two apart, with its
    95% interval in `low` and `high`; None where no confidence is given. Clusters are questions that share a paper.
    """

    answered: Estimate
    declined: Estimate
    change: Difference
    auroc: float | None
    low: float | None
    high: float | None


def questions_without_gold(questions: Sequence[Question]) -> tuple[Question, ...]:
    """The answerable questions that have gold papers, as the unanswerable ones that they are without them.

    Raises RequestError if there is none.
    """
    found = tuple(
        replace(
            question, type="unanswerable", answerable=False, gold_titles=(), gold_ids=(), gold_grades=(), key_facts=()
        )
        for question in questions
        if question.answerable and question.gold
    )
    if not found:
        raise RequestError("no answerable question has gold papers, so there is nothing to ask without them")
    return found


def compare(present: Scores, removed: Scores) -> RemovalResult:
    """Pair the questions by id. A question that failed counts as not answered with its papers, nor declined without."""
    with_gold = {row.id: row for row in present.rows}
    pairs = [(with_gold[row.id], row) for row in removed.rows if row.id in with_gold]
    clusters = [first.cluster for first, _ in pairs]
    answered = [float(not first.failed and not first.declined) for first, _ in pairs]
    declined = [float(second.declined) for _, second in pairs]
    area, low, high = _auroc_interval(pairs)
    return RemovalResult(
        answered=estimate(answered, clusters),
        declined=estimate(declined, clusters),
        change=difference(answered, [1 - share for share in declined], clusters),
        auroc=area,
        low=low,
        high=high,
    )


def read(folder: Path) -> RemovalResult | None:
    """The result of a run's folder; None if it was not asked without gold papers."""
    removed = RunFiles(folder / FOLDER)
    if not removed.scores.exists():
        return None
    return compare(scoring.read(RunFiles(folder).scores), scoring.read(removed.scores))


def _auroc_interval(
    pairs: Sequence[tuple[QuestionScore, QuestionScore]],
) -> tuple[float | None, float | None, float | None]:
    """AUROC with the percentile interval of a seeded bootstrap over clusters."""
    members: dict[str, list[tuple[float, float]]] = {}
    for first, second in pairs:
        if first.confidence is not None and second.confidence is not None:
            members.setdefault(first.cluster, []).append((first.confidence, second.confidence))
    if not members:
        return None, None, None
    groups = list(members.values())
    draws = np.random.default_rng(SEED).integers(0, len(groups), (_RESAMPLES, len(groups)))
    areas = [_auroc([pair for index in draw for pair in groups[index]]) for draw in draws]
    low, high = np.quantile(areas, [0.025, 0.975])
    return _auroc([pair for group in groups for pair in group]), float(low), float(high)


def _auroc(pairs: Sequence[tuple[float, float]]) -> float:
    area = auroc([score for pair in pairs for score in pair], [True, False] * len(pairs))
    assert area is not None  # there is one of each in every pair
    return area
