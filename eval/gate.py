"""May this change go in? Compares a run with a baseline for CI: passed, worse beyond the noise, or not a valid run."""

from dataclasses import dataclass
from typing import Literal

from eval.compare import DECLARED, Comparison, compare
from eval.score import Scores
from rag.errors import RequestError

MOST_FAILED = 0.01
"""A run in which more of the questions than this have no answer measures the weather, not the change."""

Verdict = Literal["passed", "worse", "invalid"]
EXIT: dict[Verdict, int] = {"passed": 0, "worse": 1, "invalid": 2}


@dataclass(frozen=True)
class Gate:
    """The verdict, why, and the comparison it rests on (None for an invalid run)."""

    verdict: Verdict
    reason: str
    comparison: Comparison | None = None


def gate(baseline: Scores, now: Scores) -> Gate:
    """Worse if a declared measure fell and Holm's p is below 5%; invalid if the two can't be compared."""
    if now.failed > MOST_FAILED * len(now.rows):
        return Gate("invalid", f"{now.failed} of {len(now.rows)} questions have no answer; see responses.jsonl for why")
    if baseline.corpus_sha256 and now.corpus_sha256 and baseline.corpus_sha256 != now.corpus_sha256:
        return Gate("invalid", "the papers are not those of the baseline; load the same corpus, or make a new baseline")
    try:
        comparison = compare(baseline, now)
    except RequestError as error:
        return Gate("invalid", str(error))
    missing = [m for m in _declared(baseline) if m not in _declared(now)]
    if missing:
        return Gate("invalid", f"the run does not measure {', '.join(missing)}, which the baseline does")
    worse = [m for m in comparison.measures if m.declared and m.is_real and m.gain < 0]
    return Gate("worse" if worse else "passed", comparison.in_words, comparison)


def _declared(scores: Scores) -> list[str]:
    return [name for name in DECLARED if any(name in row.values for row in scores.rows)]
