"""Answerable questions asked with their papers and again without: does the system know that the answer is gone?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval import score as scoring
from eval.metrics.abstention import auroc, auroc_interval
from eval.questions import Question
from eval.records import RunFiles
from eval.score import Scores
from eval.statistics import Difference, Estimate, difference, estimate
from rag.errors import RequestError

FOLDER = "without_gold"
"""The folder inside a run's folder that holds the same questions asked without their gold papers."""


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
    known = [(a.confidence, b.confidence, a.cluster) for a, b in pairs]
    sure = [(a, b, cluster) for a, b, cluster in known if a is not None and b is not None]
    confidence = [score for with_papers, without, _ in sure for score in (with_papers, without)]
    has_papers = [True, False] * len(sure)
    interval = auroc_interval(confidence, has_papers, [cluster for _, _, cluster in sure for _ in range(2)])
    return RemovalResult(
        answered=estimate(answered, clusters),
        declined=estimate(declined, clusters),
        change=difference(answered, [1 - share for share in declined], clusters),
        auroc=auroc(confidence, has_papers),
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
    )


def read(folder: Path) -> RemovalResult | None:
    """The result of a run's folder; None if it was not asked without gold papers."""
    removed = RunFiles(folder / FOLDER)
    if not removed.scores.exists():
        return None
    return compare(scoring.read(RunFiles(folder).scores), scoring.read(removed.scores))
