"""The report of a run as one page: figures with intervals, curves, where answers are lost, and the worst in full."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eval import limits, removal, robustness, support_probe
from eval import score as scoring
from eval.limits import LimitCheck
from eval.metrics import COSTS, METRICS
from eval.metrics.answers import OPENING, missing_facts
from eval.metrics.case import Case
from eval.metrics.citations import answer_sentences, is_supported, is_verbatim
from eval.metrics.latency import Price
from eval.questions import load
from eval.records import Response, RunFiles, read_manifest, read_papers, read_responses
from eval.removal import RemovalResult
from eval.robustness import VariantMeasure
from eval.score import QuestionScore
from eval.summary import Line, Summary
from eval.support_probe import ProbeResult
from rag.errors import ConfigError

WORST = 20
_LIBRARIES = ("jinja2", "matplotlib")
_TYPE_COLUMNS = ("gold_first", "facts_anywhere", "all_facts", "cites_gold", "gold_recall", "gold_precision", "answered",
                 "declined")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FaultyAnswer:
    """A question with a wrong or imperfect answer, and everything needed to see why."""

    row: QuestionScore
    case: Case
    response: Response | None

    @property
    def why(self) -> str:
        """The fault in a few words."""
        if self.row.failed:
            return "no answer"
        if not self.row.answerable:
            return "answered, though unanswerable"
        if self.row.declined:
            return "declined, though answerable"
        return "wrong or incomplete" if not self.row.right else "right, with faults"

    @property
    def missing(self) -> list[str]:
        """Key facts that the answer does not state."""
        return missing_facts(self.case)

    @property
    def sentences(self) -> list[dict[str, Any]]:
        """Each sentence of the answer, what it cites, and whether the cited papers hold its words."""
        if self.row.declined or self.row.failed:
            return []
        return [
            {"text": s.text, "numbers": s.numbers, "holds": is_supported(self.case, s)}
            for s in answer_sentences(self.case)
        ]

    @property
    def quotes(self) -> list[dict[str, Any]]:
        """Each quote, its paper, and whether it is verbatim."""
        return [
            {"text": q.quote, "title": q.paper.title, "holds": is_verbatim(self.case, q)}
            for q in self.case.reply.quotes
        ]

    @property
    def passages(self) -> list[dict[str, Any]]:
        """The passages shown to the writer, with the gold papers marked."""
        question = self.case.question
        return [
            {"number": p.number, "title": p.paper.title, "gold": question.key(p.paper) in question.gold, "text": p.text}
            for p in self.case.reply.shown
        ]


@dataclass(frozen=True, kw_only=True)
class Page:
    """The content of the templates."""

    manifest: dict[str, Any]
    summary: Summary
    worst: list[FaultyAnswer]
    wrong: int
    judge: dict[str, Any] | None
    cost: tuple[float, float | None] | None
    removal: RemovalResult | None = None
    robustness: Sequence[VariantMeasure] = ()
    probe: ProbeResult | None = None
    limits: Sequence[LimitCheck] = ()

    @property
    def net(self) -> list[dict[str, Any]]:
        """Net score at each cost; `unlucky` and `lucky` are its bounds if nothing had been declined."""
        o, n = self.summary.outcomes, len(self.summary.scores.rows)
        lost = o["answered, wrong"] + o["failed"] + o["answered, though unanswerable"] + o["declined, rightly"]
        found = []
        for cost in COSTS:
            line = next(line for line in self.summary.lines if line.metric.name == f"net@{cost:g}")
            unlucky = (o["answered, right"] - cost * (lost + o["declined, though answerable"])) / n
            lucky = (o["answered, right"] + o["declined, though answerable"] - cost * lost) / n
            found.append({"cost": cost, "line": line, "unlucky": unlucky, "lucky": lucky})
        return found

    @property
    def by_type(self) -> list[dict[str, Any]]:
        """A row for each type of question."""
        by_type = self.summary.by_type
        return [
            {"type": type, "n": sum(row.type == type for row in self.summary.scores.rows),
             "cells": [by_type[type][name] for name in self.columns]}
            for type in by_type
        ]  # fmt: skip

    @property
    def columns(self) -> list[str]:
        """The measures of the table by type, as far as this system offers them."""
        return [name for name in _TYPE_COLUMNS if any(name in row.values for row in self.summary.scores.rows)]

    @property
    def labels(self) -> list[str]:
        """The labels of those measures."""
        return [metric.label for name in self.columns for metric in METRICS if metric.name == name]

    @property
    def opening(self) -> int:
        """How many words the start of an answer has."""
        return OPENING

    @property
    def answers(self) -> bool:
        """Whether answers were asked for, and not the ranking alone."""
        return "answers" in self.summary.scores.offers

    @property
    def groups(self) -> list[tuple[str, list[Line]]]:
        """Every measure that is offered, under the heading of its group."""
        names = dict.fromkeys(line.metric.group for line in self.summary.lines)
        groups = [(name, [x for x in self.summary.lines if x.metric.group == name and x.estimate]) for name in names]
        return [(name, lines) for name, lines in groups if lines]


def read(folder: Path, price: Price | None = None) -> Page:
    """The page of a run's folder, which must have been scored. Raises RequestError."""
    files = RunFiles(folder)
    questions, responses = load(files.questions), read_responses(files)
    scores = scoring.read(files.scores)
    cases = scoring.cases(questions, responses, read_papers(files))
    answers = [
        FaultyAnswer(row=row, case=case, response=responses.get(row.id))
        for row, case in zip(scores.rows, cases, strict=True)
    ]
    faulty = [answer for answer in answers if _quality(answer.row) < (1.0, 1.0, 1.0, 1.0)]
    worst = sorted(faulty, key=lambda answer: (not answer.row.failed, _quality(answer.row), answer.row.id))
    summary = Summary(scores)
    return Page(
        manifest=read_manifest(files),
        summary=summary,
        cost=summary.cost(price) if price else None,
        worst=worst[:WORST],
        removal=removal.read(folder),
        robustness=robustness.read(folder),
        probe=support_probe.read(folder),
        limits=limits.check(folder, limits.load()),
        wrong=sum(not row.right for row in scores.rows),
        judge=json.loads(files.judged.read_text(encoding="utf-8")) if files.judged.exists() else None,
    )


def missing_parts() -> str:
    """What a report lacks and how to get it; empty if nothing."""
    lacking = [name for name in _LIBRARIES if find_spec(name) is None]
    return f"the report needs {' and '.join(lacking)}; install with `pip install 'scholiast[eval]'`" if lacking else ""


def check_parts() -> None:
    """Raise ConfigError if a report lacks something."""
    if missing := missing_parts():
        raise ConfigError(missing)


def html(page: Page) -> str:
    """The self-contained HTML page. Raises ConfigError if the parts it needs are not installed."""
    check_parts()
    from eval import plots

    figures: list[dict[str, str]] = []
    if page.summary.answered:
        figures.append({"title": "Risk and coverage", "svg": plots.risk_coverage(page.summary), "note": _RISK})
    if page.summary.with_confidence:
        figures.append({"title": "Is the confidence true?", "svg": plots.calibration(page.summary), "note": _SURE})
    if page.summary.latency(50) is not None:
        figures.append({"title": "Latency", "svg": plots.latency(page.summary), "note": _LATENCY})
    return _render("report.html", page, plots=figures)


def markdown(page: Page) -> str:
    """The same figures as Markdown, without plots."""
    return _render("report.md", page, plots=[])


_RISK = "Dashed: the best order possible. The dot is where the system stops answering."
_SURE = "Ten bins of equal size over all questions. Dashed: a confidence that is exactly true."
_LATENCY = "A failed question counts as the deadline."


def _quality(row: QuestionScore) -> tuple[float, ...]:
    """Lowest is worst: wrong before declined before right, then fewer facts, no gold paper cited, gold ranked low."""
    values = row.values
    names = ("net@1", f"facts@{OPENING}", "cites_gold", "ndcg@10")
    return tuple(
        1.0 if (value := values.get(name)) is None or (name == "net@1" and row.right) else value for name in names
    )


def _render(template: str, page: Page, plots: Sequence[dict[str, str]]) -> str:
    check_parts()
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("eval", "templates"),
        autoescape=template.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "share": _share,
        "percent": _percent,
        "ms": _ms,
        "cell": _cell,
        "pretty": _pretty,
    }
    environment.filters.update(filters)
    return environment.get_template(template).render(page=page, plots=plots)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _percent(value: float) -> str:
    return f"{100 * min(max(value, 0.0), 1.0):.1f}%"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def _cell(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
