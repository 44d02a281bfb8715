"""A run in figures: every measure with its interval, also by question type, and the measures of a whole run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from eval.metrics import METRICS, Metric, abstention
from eval.metrics.answers import OPENING
from eval.metrics.baselines import BASELINES
from eval.metrics.latency import Price, cost, percentile
from eval.questions import TYPES
from eval.score import QuestionScore, Scores
from eval.statistics import Difference, Estimate, difference, estimate, median

SHAPE = (
    "facts@20",
    f"facts@{OPENING}",
    "facts@60",
    "first_sentence",
    "sentences_with_fact",
    "speaks_as_authors",
    "markup",
)
"""The measures beside the number of words, by type of question."""


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
    """How well the confidence predicts an outcome; None where it can't be computed. `interval` is that of `auroc`."""

    label: str
    count: int
    auroc: float | None
    interval: tuple[float, float] | None
    ece: float | None
    brier: float | None


@dataclass(frozen=True, kw_only=True)
class BaselineLine:
    """Key facts in a baseline, and of the start of the answer minus those, over the questions that have both.

    `difference` counts a declined question as no facts, which a baseline never pays; `answered` leaves them out.
    """

    name: str
    label: str
    estimate: Estimate
    difference: Difference
    answered: Difference | None


@dataclass(frozen=True, kw_only=True)
class ShapeRow:
    """The answers to one type of question: median words, and measures of SHAPE. None where nothing was answered."""

    type: str
    answered: int
    words: Estimate | None
    cells: tuple[Line, ...]


@dataclass(frozen=True)
class Summary:
    """Everything that the reports print, computed when it is first needed."""

    scores: Scores

    @cached_property
    def headline(self) -> list[Line]:
        """The few measures by which systems are compared."""
        rows = self.scores.rows

        def of_type(type: str) -> list[QuestionScore]:
            return [row for row in rows if row.type == type]

        return [
            line(rows, "gold_first", "Gold paper first in search"),
            line(rows, "ndcg@10", "nDCG@10 in search"),
            line(rows, f"facts@{OPENING}"),
            line(rows, "first_sentence"),
            line(rows, "facts_anywhere"),
            line(rows, "all_facts"),
            line(rows, "cites_gold", "Cites a gold paper"),
            line(rows, "gold_precision", "Share of citations that are of gold papers"),
            line(rows, "answered", "Answerable questions answered"),
            line(rows, "declined", "Unanswerable questions declined"),
            line(of_type("followup"), "cites_gold", "Follow-ups: gold paper cited"),
            line(of_type("list"), "gold_recall", "Lists: gold papers that are cited"),
            line(of_type("list"), "gold_precision", "Lists: cited papers that are gold"),
            line(of_type("comparison"), "all_facts", "Comparisons: every key fact"),
            line(of_type("comparison"), "all_gold_cited", "Comparisons: every gold paper cited"),
        ]

    @cached_property
    def lines(self) -> list[Line]:
        """Every measure over all questions."""
        return [line(self.scores.rows, metric.name) for metric in METRICS]

    @cached_property
    def by_type(self) -> dict[str, dict[str, Line]]:
        """Measure by type of question, for the types that occur: `by_type["numeric"]["facts@40"]`."""
        found: dict[str, dict[str, Line]] = {}
        for type in TYPES:
            rows = [row for row in self.scores.rows if row.type == type]
            if rows:
                found[type] = {metric.name: line(rows, metric.name) for metric in METRICS}
        return found

    @cached_property
    def shape(self) -> list[ShapeRow]:
        """A row for all questions, then one for each type that occurs and can be answered."""
        rows = [row for row in self.scores.rows if row.answerable]
        types = [type for type in TYPES if any(row.type == type for row in rows)]
        return [_shape("all", rows), *(_shape(type, [row for row in rows if row.type == type]) for type in types)]

    @cached_property
    def baselines(self) -> list[BaselineLine]:
        """The start of the answers against stretches of the first abstract of the same length."""
        return [line for name in BASELINES if (line := _baseline(self.scores.rows, name))]

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
    def in_a_sentence(self) -> str:
        """What came of the run: `104 of 123 right, 9 of 31 unanswerable answered.`"""
        rows, of = self.scores.rows, self.outcomes
        answerable = sum(row.answerable for row in rows)
        if "answers" not in self.scores.offers:
            first = sum(row.values.get("gold_first") == 1 for row in rows)
            return f"For {first} of {answerable} questions a paper that answers comes first."
        wrongly = f"{of['answered, though unanswerable']} of {len(rows) - answerable} unanswerable answered"
        parts = [
            f"{of['answered, right']} of {answerable} right" if answerable else "",
            wrongly if answerable < len(rows) else "",
            f"{of['failed']} without an answer" if of["failed"] else "",
        ]
        return f"{', '.join(filter(None, parts))}."

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
            _confidence_quality(
                "An answer that was given has every key fact and cites a gold paper", self.answered, _is_complete
            ),
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
        """Milliseconds that this share of the questions did not exceed; a failed one counts as the deadline.

        None if nobody took the time.
        """
        return percentile([row.latency_ms for row in self.scores.rows if row.latency_ms is not None], percent)

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


def _shape(type: str, rows: Sequence[QuestionScore]) -> ShapeRow:
    words = [(value, row.cluster) for row in rows if (value := row.values.get("words")) is not None]
    return ShapeRow(
        type=type,
        answered=len(words),
        words=median([value for value, _ in words], [cluster for _, cluster in words]) if words else None,
        cells=tuple(line(rows, name) for name in SHAPE),
    )


def _baseline(rows: Sequence[QuestionScore], name: str) -> BaselineLine | None:
    pairs = [
        (row.baselines[name], facts, row)
        for row in rows
        if name in row.baselines and (facts := row.values.get(f"facts@{OPENING}")) is not None
    ]
    if not pairs:
        return None
    answered = [(share, facts, row) for share, facts, row in pairs if not row.declined and not row.failed]
    return BaselineLine(
        name=name,
        label=BASELINES[name],
        estimate=estimate([share for share, _, _ in pairs], [row.cluster for _, _, row in pairs]),
        difference=_paired(pairs),
        answered=_paired(answered) if answered else None,
    )


def _paired(pairs: Sequence[tuple[float, float, QuestionScore]]) -> Difference:
    return difference([a for a, _, _ in pairs], [b for _, b, _ in pairs], [row.cluster for _, _, row in pairs])


def _is_complete(row: QuestionScore) -> bool:
    needed = [row.values[name] for name in ("all_facts", "cites_gold") if name in row.values]
    return row.answerable and row.right and all(value == 1 for value in needed)


def _confidence_quality(
    label: str, rows: Sequence[QuestionScore], holds: Callable[[QuestionScore], bool]
) -> ConfidenceQuality:
    confidence, outcome = [row.confidence or 0.0 for row in rows], [holds(row) for row in rows]
    return ConfidenceQuality(
        label=label,
        count=len(rows),
        auroc=abstention.auroc(confidence, outcome),
        interval=abstention.auroc_interval(confidence, outcome, [row.cluster for row in rows]),
        ece=abstention.ece(confidence, outcome),
        brier=abstention.brier(confidence, outcome),
    )
