"""Is B better than A? A paired comparison of two runs of the same questions, in words and as an exit code for CI."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, NamedTuple

from eval.metrics import BY_NAME, Metric
from eval.metrics.answers import OPENING
from eval.score import Scores
from eval.statistics import Difference, difference, holm
from rag.errors import RequestError

DECLARED = ("ndcg@10", f"facts@{OPENING}", "cites_gold", "net@1")
"""Measures that a claim may rest on, fixed before looking at any figures: retrieval, answer, citation, abstention."""

LEVEL = 0.05

MOST_FAILED = 0.01
"""A run is no basis for a verdict if more than this share of its questions have no answer."""

Verdict = Literal["passed", "worse", "invalid"]
EXIT_CODES: dict[Verdict, int] = {"passed": 0, "worse": 1, "invalid": 2}


@dataclass(frozen=True, kw_only=True)
class MeasureComparison:
    """One measure of A and B over the questions that it applies to in both. `p` is Holm's for a declared measure."""

    metric: Metric
    a: float
    b: float
    difference: Difference
    p: float
    declared: bool

    @property
    def gain(self) -> float:
        """B minus A, positive where B is better."""
        return self.difference.mean if self.metric.higher_is_better else -self.difference.mean

    @property
    def is_significant(self) -> bool:
        """Whether p is below 5% and there is a difference at all."""
        return self.p < LEVEL and self.difference.mean != 0

    @property
    def verdict(self) -> str:
        """The comparison in words."""
        d = self.difference
        if not self.is_significant:
            unseen = "" if d.detectable is None else f"; one below about {d.detectable:.3f} would not be seen"
            return f"no difference can be claimed{unseen}"
        better = "B is better" if self.gain > 0 else "A is better"
        return better if self.declared else f"{better}, as an exploratory finding to be confirmed on other questions"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All measures of two runs, declared ones first."""

    a: Scores
    b: Scores
    measures: tuple[MeasureComparison, ...]

    @property
    def in_words(self) -> str:
        """The result of the declared measures in a sentence or two."""
        declared = [measure for measure in self.measures if measure.declared]
        better = [m for m in declared if m.is_significant and m.gain > 0]
        worse = [m for m in declared if m.is_significant and m.gain < 0]
        if not declared:
            return "The two runs have no declared measure in common, so there is no claim to make."
        sentences = []
        if better:
            sentences.append(f"B ({self.b.target}) is better than A ({self.a.target}) in {_listed(better)}.")
        if worse:
            sentences.append(f"B ({self.b.target}) is worse than A ({self.a.target}) in {_listed(worse)}.")
        if not sentences:
            n = declared[0].difference.count
            sentences.append(
                f"No difference between A ({self.a.target}) and B ({self.b.target}) can be claimed ({n} questions)."
            )
        undecided = [m for m in declared if not m.is_significant]
        if undecided and len(undecided) < len(declared):
            sentences.append(f"No difference can be claimed in {', '.join(m.metric.label for m in undecided)}.")
        return " ".join(sentences)


@dataclass(frozen=True)
class GateResult:
    """The verdict, why, and the comparison it rests on (None for an invalid run)."""

    verdict: Verdict
    reason: str
    comparison: Comparison | None = None


def compare(a: Scores, b: Scores, declared: Sequence[str] = DECLARED) -> Comparison:
    """Pair two runs question by question; a failed answer counts as the worst value.

    Raises RequestError if the runs asked different questions, or a declared measure does not exist.
    """
    check_pair(a, b, declared)
    pairs = {name: found for name in BY_NAME if (found := paired(a, b, name))}
    differences = {
        name: difference([p.a for p in found], [p.b for p in found], [p.cluster for p in found])
        for name, found in pairs.items()
    }
    adjusted = holm({name: differences[name].p for name in declared if name in differences})
    order = [*(name for name in declared if name in differences), *(n for n in differences if n not in declared)]
    return Comparison(
        a=a,
        b=b,
        measures=tuple(
            MeasureComparison(
                metric=BY_NAME[name],
                a=fmean(pair.a for pair in pairs[name]),
                b=fmean(pair.b for pair in pairs[name]),
                difference=differences[name],
                p=adjusted.get(name, differences[name].p),
                declared=name in adjusted,
            )
            for name in order
        ),
    )


def gate(baseline: Scores, now: Scores) -> GateResult:
    """Worse if a declared measure fell and Holm's p is below 5%; invalid if the two can't be compared."""
    if now.failed > MOST_FAILED * len(now.rows):
        return GateResult(
            "invalid", f"{now.failed} of {len(now.rows)} questions have no answer; see responses.jsonl for why"
        )
    if baseline.corpus_sha256 and now.corpus_sha256 and baseline.corpus_sha256 != now.corpus_sha256:
        return GateResult(
            "invalid", "the papers are not those of the baseline; load the same corpus, or make a new baseline"
        )
    try:
        comparison = compare(baseline, now)
    except RequestError as error:
        return GateResult("invalid", str(error))
    missing = [m for m in _declared(baseline) if m not in _declared(now)]
    if missing:
        return GateResult("invalid", f"the run does not measure {', '.join(missing)}, which the baseline does")
    worse = [m for m in comparison.measures if m.declared and m.is_significant and m.gain < 0]
    return GateResult("worse" if worse else "passed", comparison.in_words, comparison)


class Pair(NamedTuple):
    """The values of a measure for one question, and the cluster that the question is of."""

    a: float
    b: float
    cluster: str


def paired(a: Scores, b: Scores, name: str) -> list[Pair]:
    """The values of one measure for the questions where both answers have something to measure."""
    return [
        Pair(x, y, one.cluster)
        for one, other in zip(a.rows, b.rows, strict=True)
        if (x := one.values.get(name)) is not None and (y := other.values.get(name)) is not None
    ]


def check_pair(a: Scores, b: Scores, declared: Sequence[str]) -> None:
    """Raise RequestError if the runs asked different questions, or a declared measure does not exist."""
    if a.questions_sha256 != b.questions_sha256:
        raise RequestError(
            f"{a.target} and {b.target} were asked different questions ({a.questions_sha256[:12]} and "
            f"{b.questions_sha256[:12]}), so their answers can't be paired; run both on one file"
        )
    for name in declared:
        if name not in BY_NAME:
            raise RequestError(f"there is no measure {name!r}; there is {', '.join(BY_NAME)}")


def _declared(scores: Scores) -> list[str]:
    return [name for name in DECLARED if any(name in row.values for row in scores.rows)]


def _listed(measures: Sequence[MeasureComparison]) -> str:
    return ", ".join(
        f"{m.metric.label} ({m.a:.3f} to {m.b:.3f}, {m.difference.mean:+.3f} "
        f"[{m.difference.low:+.3f}, {m.difference.high:+.3f}], p = {m.p:.3g})"
        for m in measures
    )
