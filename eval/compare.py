"""Is B better than A? A paired comparison of two runs of the same questions, and what it allows one to say."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from eval.metrics import BY_NAME, Metric
from eval.score import Scores
from eval.statistics import Difference, difference, holm
from rag.errors import RequestError

DECLARED = ("ndcg@10", "facts@120", "cites_gold", "net@1")
"""What a claim may rest on, fixed before looking: finding, saying, citing, and knowing when not to."""

LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Compared:
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
    def is_real(self) -> bool:
        """Whether chance alone would rarely make such a difference."""
        return self.p < LEVEL and self.difference.mean != 0

    @property
    def verdict(self) -> str:
        """The comparison in words."""
        d = self.difference
        if not self.is_real:
            return f"no difference can be claimed; one below about {d.detectable:.3f} would not be seen"
        better = "B is better" if self.gain > 0 else "A is better"
        return better if self.declared else f"{better}, as an exploratory finding to be confirmed on other questions"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All measures of two runs; declared ones first."""

    a: Scores
    b: Scores
    measures: tuple[Compared, ...]

    @property
    def in_words(self) -> str:
        """What the declared measures say, in a sentence or two."""
        declared = [measure for measure in self.measures if measure.declared]
        better = [m for m in declared if m.is_real and m.gain > 0]
        worse = [m for m in declared if m.is_real and m.gain < 0]
        if not declared:
            return "The two runs have no declared measure in common, so there is no claim to make."
        said = []
        if better:
            said.append(f"B ({self.b.target}) is better than A ({self.a.target}) in {_listed(better)}.")
        if worse:
            said.append(f"B ({self.b.target}) is worse than A ({self.a.target}) in {_listed(worse)}.")
        if not said:
            n = declared[0].difference.count
            said.append(
                f"No difference between A ({self.a.target}) and B ({self.b.target}) can be claimed ({n} questions)."
            )
        silent = [m for m in declared if not m.is_real]
        if silent and len(silent) < len(declared):
            said.append(f"No difference can be claimed in {', '.join(m.metric.label for m in silent)}.")
        return " ".join(said)


def compare(a: Scores, b: Scores, declared: Sequence[str] = DECLARED) -> Comparison:
    """Pair two runs question by question; a failed answer counts as the worst in both.

    Raises RequestError if the runs asked different questions, or a declared measure does not exist.
    """
    _check(a, b, declared)
    pairs = {name: found for name in BY_NAME if (found := _paired(a, b, name))}
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
            Compared(
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


class _Pair(NamedTuple):
    a: float
    b: float
    cluster: str


def _paired(a: Scores, b: Scores, name: str) -> list[_Pair]:
    """The values of one measure for the questions where both answers have something to measure."""
    return [
        _Pair(x, y, one.cluster)
        for one, other in zip(a.rows, b.rows, strict=True)
        if (x := one.values.get(name)) is not None and (y := other.values.get(name)) is not None
    ]


def _check(a: Scores, b: Scores, declared: Sequence[str]) -> None:
    if a.questions_sha256 != b.questions_sha256:
        raise RequestError(
            f"{a.target} and {b.target} were asked different questions ({a.questions_sha256[:12]} and "
            f"{b.questions_sha256[:12]}), so their answers can't be paired; run both on one file"
        )
    for name in declared:
        if name not in BY_NAME:
            raise RequestError(f"there is no measure {name!r}; there is {', '.join(BY_NAME)}")


def _listed(measures: Sequence[Compared]) -> str:
    return ", ".join(
        f"{m.metric.label} ({m.a:.3f} to {m.b:.3f}, {m.difference.mean:+.3f} "
        f"[{m.difference.low:+.3f}, {m.difference.high:+.3f}], p = {m.p:.3g})"
        for m in measures
    )
