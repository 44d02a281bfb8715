"""The figures of a comparison: estimates for each system, and paired differences between Scholiast and every other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import exp, log
from statistics import fmean
from typing import Any

from eval.metrics import BY_NAME
from eval.metrics.latency import percentile
from eval.peers.datasets import Dataset
from eval.peers.install import OWN
from eval.peers.measure import Search, gold_within_budget
from eval.score import Scores
from eval.statistics import Difference, difference, estimate, holm

Values = Mapping[str, Mapping[str, float]]
"""Of each measure the value of each question, by its id."""

RETRIEVAL = ("ndcg@10", "recall@10", "gold_first")
ANSWERS = ("facts@40", "facts", "cites_gold", "gold_precision", "answered", "declined", "net@1")
BUDGET = "gold_in_budget"
WITHOUT_GOLD = "declined_without_gold"
TIMES = ("ms", "cpu_ms")

LABELS = {
    **{name: metric.label for name, metric in BY_NAME.items()},
    BUDGET: "Gold papers within 1,500 tokens of passages",
    WITHOUT_GOLD: "Declined when the gold papers are left out",
    "ms": "Milliseconds",
    "cpu_ms": "CPU milliseconds",
}
LEVEL = 0.05
_LEAST_MS = 1e-3


@dataclass(frozen=True, kw_only=True)
class PeerDifference:
    """A measure of a layer, Scholiast against one other system, paired by question.

    `difference` is Scholiast minus the other; of times it is the ratio, Scholiast's geometric mean over the other's.
    `p` is Holm's over all differences of the comparison.
    """

    layer: str
    measure: str
    peer: str
    difference: Difference
    p: float

    @property
    def winner(self) -> str:
        """Who is better: Scholiast, the other, or empty where no difference can be claimed."""
        neutral = 1.0 if self.measure in TIMES else 0.0
        gain = (self.difference.mean - neutral) * (-1 if lower_is_better(self.measure) else 1)
        if self.p >= LEVEL or gain == 0:
            return ""
        return OWN if gain > 0 else self.peer

    def as_json(self) -> dict[str, Any]:
        """The difference with its interval and who is better by it."""
        found = asdict(self.difference)
        kept = {key: found[key] for key in ("mean", "low", "high", "count", "clusters", "test", "detectable")}
        return {"layer": self.layer, "measure": self.measure, "peer": self.peer, **kept, "p": self.p,
                "better": self.winner}  # fmt: skip


def lower_is_better(measure: str) -> bool:
    """Whether less of it is better."""
    return measure in TIMES or (measure in BY_NAME and not BY_NAME[measure].higher_is_better)


def of_searches(dataset: Dataset, searches: Sequence[Search], scores: Scores) -> Values:
    """The measures of a ranking, and its times."""
    pairs = list(zip(dataset.questions, searches, strict=True))
    titles = dataset.titles
    return {
        **of_scores(scores, RETRIEVAL),
        BUDGET: {q.id: gold_within_budget(q, found.hits, titles) for q, found in pairs if q.gold},
        "ms": {q.id: found.ms for q, found in pairs},
        "cpu_ms": {q.id: found.cpu_ms for q, found in pairs},
    }


def of_answers(scores: Scores, removed: Scores | None = None) -> Values:
    """The measures of answers, and how often questions are declined whose gold papers are left out."""
    without = {} if removed is None else {WITHOUT_GOLD: {row.id: float(row.declined) for row in removed.rows}}
    return {**of_scores(scores, ANSWERS), **without}


def of_scores(scores: Scores, measures: Sequence[str]) -> Values:
    """The measures that have a value for some question."""
    found = {
        name: {row.id: value for row in scores.rows if (value := row.values.get(name)) is not None} for name in measures
    }
    return {name: values for name, values in found.items() if values}


def estimates(values: Values, clusters: Mapping[str, str]) -> dict[str, Any]:
    """Of each measure the mean with its interval; of times the median, the 95th percentile and the mean."""
    return {
        name: _times(list(each.values()))
        if name in TIMES
        else rounded(asdict(estimate(list(each.values()), [clusters[id] for id in each])))
        for name, each in values.items()
    }


def differences(
    layers: Mapping[str, Mapping[str, Values]], clusters: Mapping[str, str], own: Mapping[str, str]
) -> list[PeerDifference]:
    """Scholiast against every other system in every layer, with Holm's p over all of them.

    `layers` has the values of each system of each layer, `own` which of a layer's systems is Scholiast.
    """
    found = [
        (layer, measure, peer, _paired(systems[own[layer]][measure], values[measure], measure, clusters))
        for layer, systems in layers.items()
        for peer, values in systems.items()
        if peer != own[layer]
        for measure in values
        if measure in systems[own[layer]]
    ]
    adjusted = holm({str(at): d.p for at, (_, _, _, d) in enumerate(found)})
    return [
        PeerDifference(layer=layer, measure=measure, peer=peer, difference=d, p=adjusted[str(at)])
        for at, (layer, measure, peer, d) in enumerate(found)
    ]


def _paired(
    own: Mapping[str, float], other: Mapping[str, float], measure: str, clusters: Mapping[str, str]
) -> Difference:
    ids = [id for id in own if id in other]
    a, b = [other[id] for id in ids], [own[id] for id in ids]
    grouped = [clusters[id] for id in ids]
    if measure not in TIMES:
        return difference(a, b, grouped)
    ratio = difference(_logs(a), _logs(b), grouped)
    fields = {"mean": exp(ratio.mean), "low": exp(ratio.low), "high": exp(ratio.high), "detectable": None}
    return Difference(**{**asdict(ratio), **fields})


def _logs(milliseconds: Sequence[float]) -> list[float]:
    return [log(max(value, _LEAST_MS)) for value in milliseconds]


def _times(values: Sequence[float]) -> dict[str, Any]:
    return rounded(
        {"p50": percentile(values, 50), "p95": percentile(values, 95), "mean": fmean(values), "count": len(values)}
    )


def rounded(found: Mapping[str, Any]) -> dict[str, Any]:
    """With numbers as far as they mean anything."""
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()}


def behind(found: Sequence[PeerDifference]) -> Iterator[PeerDifference]:
    """Where another system is better."""
    yield from (each for each in found if each.winner not in ("", OWN))
