"""A run in figures: every measure with its interval, also by question type, and the measures of a whole run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from eval.metrics import METRICS, Metric, abstention
from eval.metrics.latency import Price, cost, percentile
from eval.questions import TYPES
from eval.score import QuestionScore, Scores
from eval.statistics import Estimate, estimate


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a report: a measure over some questions; `estimate` is None if it applies to none, or is not offered.

    `failed` of the estimate's questions had no answer and count as the worst; `unmeasured` more had an answer with
    nothing to measure and are left out.
    """

    label: str
    metric: Metric
    estimate: Estimate | None
    failed: int = 0
    unmeasured: int = 0


@dataclass(frozen=True, kw_only=True)
class ConfidenceQuality:
    """How well the confidence predicts an outcome; None where it can't be computed."""

    label: str
    count: int
    auroc: float | None
    ece: float | None
    brier: float | None


@dataclass(frozen=True)
class Summary:
    """Everything that the reports print, computed when it is first needed."""

    scores: Scores

    @cached_property
    def headline(self) -> list[Line]:
        """The few measures by which systems are compared."""
        rows = self.scores.rows
        follow_ups = [row for row in rows if row.type == "followup"]
        return [
            line(rows, "gold_first", "Gold paper first in search"),
            line(rows, "ndcg@10", "nDCG@10 in search"),
            line(rows, "facts@120", "Key facts in the first 120 words"),
            line(rows, "all_facts", "All key facts in the answer"),
            line(rows, "cites_gold", "Cites a gold paper"),
            line(rows, "gold_precision", "Share of citations that are of gold papers"),
            line(rows, "answered", "Answerable questions answered"),
            line(rows, "declined", "Unanswerable questions declined"),
            line(follow_ups, "cites_gold", "Follow-ups: gold paper cited"),
        ]

    @cached_property
    def lines(self) -> list[Line]:
        """Every measure over all questions."""
        return [line(self.scores.rows, metric.name) for metric in METRICS]

    @cached_property
    def by_type(self) -> dict[str, dict[str, Line]]:
        """Measure by type of question, for the types that occur: `by_type["numeric"]["facts@120"]`."""
        found: dict[str, dict[str, Line]] = {}
        for type in TYPES:
            rows = [row for row in self.scores.rows if row.type == type]
            if rows:
                found[type] = {metric.name: line(rows, metric.name) for metric in METRICS}
        return found

    @cached_property
    def outcomes(self) -> dict[str, int]:
        """How many questions were answered or declined, by whether they are answerable, and how many failed."""
        rows = [row for row in self.scores.rows if not row.failed]
        return {
            "answered, right": sum(row.answerable and not row.declined and row.right for row in rows),
            "answered, wrong": sum(row.answerable and not row.declined and not row.right for row in rows),
            "declined, though answerable": sum(row.answerable and row.declined for row in rows),
            "answered, though unanswerable": sum(not row.answerable and not row.declined for row in rows),
            "declined, rightly": sum(not row.answerable and row.declined for row in rows),
            "failed": self.scores.failed,
        }

    @cached_property
    def with_confidence(self) -> list[QuestionScore]:
        """The rows that have a confidence."""
        return [row for row in self.scores.rows if row.confidence is not None]

    @cached_property
    def answered(self) -> list[QuestionScore]:
        """The rows with a confidence whose question was answered."""
        return [row for row in self.with_confidence if not row.declined]

    @cached_property
    def confidence_quality(self) -> list[ConfidenceQuality]:
        """The confidence as a forecast: that a given answer is right, and that a question is answerable."""
        return [
            _confidence_quality("An answer that was given is right", self.answered, lambda row: row.right),
            _confidence_quality("The question is answerable", self.with_confidence, lambda row: row.answerable),
        ]

    @cached_property
    def aurc(self) -> float | None:
        """Area under the risk–coverage curve of the answers that were given."""
        return abstention.aurc([row.confidence or 0.0 for row in self.answered], [row.right for row in self.answered])

    @cached_property
    def risk_coverage(self) -> list[tuple[float, float]]:
        """The curve of the answers that were given, coverage being the share of all questions of the run."""
        share = len(self.answered) / len(self.scores.rows)
        curve = abstention.risk_coverage(
            [row.confidence or 0.0 for row in self.answered], [row.right for row in self.answered]
        )
        return [(coverage * share, risk) for coverage, risk in curve]

    @cached_property
    def attribution(self) -> dict[tuple[bool, bool], int]:
        """Answerable questions by (a gold paper was shown to the writer, the answer is right)."""
        rows = [row for row in self.scores.rows if row.answerable and row.shown_gold is not None]
        return {(shown, right): sum((bool(row.shown_gold), row.right) == (shown, right) for row in rows)
                for shown in (True, False) for right in (True, False)}  # fmt: skip

    def latency(self, percent: float) -> float | None:
        """Milliseconds that this share of the questions did not exceed; a failed one counts as the deadline."""
        return percentile([row.latency_ms for row in self.scores.rows], percent)

    def first_token(self, percent: float) -> float | None:
        """Milliseconds to the first words, over the answers that were streamed."""
        return percentile([row.first_token_ms for row in self.scores.rows if row.first_token_ms is not None], percent)

    @cached_property
    def tokens(self) -> tuple[int, int]:
        """Tokens of all prompts and all completions, as the system counted them."""
        return sum(r.prompt_tokens for r in self.scores.rows), sum(r.completion_tokens for r in self.scores.rows)

    def cost(self, price: Price) -> tuple[float, float | None]:
        """US dollars of the run, and of each right answer to an answerable question (None if there is none)."""
        dollars, right = cost(*self.tokens, price), self.outcomes["answered, right"]
        return dollars, dollars / right if right else None


def line(rows: Sequence[QuestionScore], name: str, label: str = "") -> Line:
    """One measure over some rows."""
    metric = next(metric for metric in METRICS if metric.name == name)
    concerned = [row for row in rows if name in row.values]
    values = [(value, row) for row in concerned if (value := row.values[name]) is not None]
    return Line(
        label=label or metric.label,
        metric=metric,
        estimate=estimate([v for v, _ in values], [row.cluster for _, row in values]) if values else None,
        failed=sum(row.failed for _, row in values),
        unmeasured=len(concerned) - len(values),
    )


def _confidence_quality(
    label: str, rows: Sequence[QuestionScore], holds: Callable[[QuestionScore], bool]
) -> ConfidenceQuality:
    confidence, outcome = [row.confidence or 0.0 for row in rows], [holds(row) for row in rows]
    return ConfidenceQuality(
        label=label,
        count=len(rows),
        auroc=abstention.auroc(confidence, outcome),
        ece=abstention.ece(confidence, outcome),
        brier=abstention.brier(confidence, outcome),
    )
