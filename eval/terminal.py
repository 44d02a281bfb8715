"""Prints results on a terminal: tables to stdout, progress and notes to stderr."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from eval.calibrate import Calibration, HoldoutResult
from eval.changes import Change, in_words
from eval.compare import Comparison, GateResult
from eval.judge import JudgeCheck, JudgeMeasure
from eval.leaks import Leak
from eval.limits import LimitCheck
from eval.metrics import BY_NAME
from eval.metrics.answers import OPENING
from eval.metrics.latency import Price
from eval.power import Plan
from eval.removal import RemovalResult
from eval.robustness import VariantMeasure
from eval.summary import Line, Summary
from eval.support_probe import VERDICTS, ProbeResult

_WIDTH = None if sys.stdout.isatty() else 140  # a table in a file or a pipe is not cut
_OUT = Console(highlight=False, markup=False, emoji=False, soft_wrap=True, width=_WIDTH)
_ERR = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


_CHANGES_SHOWN = 100
_GAP, _LEAST_LABEL = 2, 24
"""Columns between those of a table, and as few as the first of it may have, which wraps."""


def note(text: str) -> None:
    """Print a line to stderr."""
    _ERR.print(text)


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr if that is a terminal; yields a function of (done, all)."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=_ERR,
        disable=not _ERR.is_terminal,
        transient=True,
    )
    with bar:
        task = bar.add_task(label, total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


def power(plans: Sequence[Plan], level: float, share: float) -> None:
    """How many questions show the difference that was asked for, and what so many questions show."""
    table = _table(
        f"Paired, two-sided level {level:g}, power {share:g}",
        "sd of differences",
        "correlation",
        "design effect",
        f"questions for {plans[0].difference:g}",
        "questions",
        "they show",
    )
    for plan in plans:
        spread = plan.spread
        table.add_row(
            BY_NAME[plan.measure].label if plan.measure in BY_NAME else plan.measure,
            f"{spread.sd:.3f}",
            "–" if spread.correlation is None else f"{spread.correlation:.2f}",
            f"{spread.design_effect:.2f}",
            f"{plan.needed:,}",
            f"{plan.count:,}",
            f"{plan.detectable:.3f}",
        )
    _show(table)


def summary(found: Summary, price: Price | None = None) -> None:
    """What came of it in a sentence, the headline table, then latency, tokens and cost of the whole run."""
    scores = found.scores
    _line(found.in_a_sentence)
    table = _table(
        f"{scores.target}: {len(scores.rows)} questions, {scores.failed} failed", "mean", "95% interval", "n"
    )
    for line in found.headline:
        table.add_row(line.label, *estimate_cells(line))
    _show(table)
    shape(found)
    baselines(found)
    _confidence(found)
    p50, p95 = found.latency(50), found.latency(95)
    if p50 is not None and p95 is not None:
        first = found.first_token(50)
        streamed = "" if first is None else f" First words: half within {first:,.0f} ms."
        _line(f"Latency: half within {p50:,.0f} ms, 95% within {p95:,.0f} ms.{streamed}")
    if any(found.tokens):
        _line("Tokens: {:,} in, {:,} out.".format(*found.tokens))
    if price:
        dollars, each = found.cost(price)
        _line(f"Cost: ${dollars:.4f}" + ("." if each is None else f", ${each:.5f} for each right answer."))


def shape(found: Summary) -> None:
    """Length of the answers, and how soon they say what was asked, by type of question."""
    if not any(row.answered for row in found.shape):
        return
    labels = [line.metric.name.replace("_", " ") for line in found.shape[0].cells]
    table = _table("Shape of the answers to answerable questions", "answered", "median words", *labels)
    for row in found.shape:
        cells = [f"{line.estimate.mean:.3f}" if line.estimate else "–" for line in row.cells]
        table.add_row(
            row.type.replace("_", " "), str(row.answered), f"{row.words.mean:.0f}" if row.words else "–", *cells
        )
    _show(table)


def baselines(found: Summary) -> None:
    """The start of the answers against stretches of the first abstract."""
    if not found.baselines:
        return
    title = f"{found.scores.target}: key facts, the answers' first {OPENING} words against what takes no answering"
    table = _table(title, "baseline", "answer - baseline", "95% interval", "p", "where answered", "n")
    for row in found.baselines:
        d = row.difference
        answered = f"{row.answered.mean:+.3f}" if row.answered else "–"
        interval = f"{d.low:+.3f} to {d.high:+.3f}"
        table.add_row(
            row.label, f"{row.estimate.mean:.3f}", f"{d.mean:+.3f}", interval, f"{d.p:.3g}", answered, str(d.count)
        )
    _show(table)


def _confidence(found: Summary) -> None:
    if not found.with_confidence:
        return
    table = _table("The confidence as a forecast", "AUROC", "95% interval", "ECE", "n")
    for row in found.confidence_quality:
        area = "–" if row.auroc is None else f"{row.auroc:.3f}"
        interval = f"{row.interval[0]:.3f} to {row.interval[1]:.3f}" if row.interval else ""
        table.add_row(row.label, area, interval, "–" if row.ece is None else f"{row.ece:.3f}", str(row.count))
    _show(table)


def removal(found: RemovalResult) -> None:
    """What removing the gold papers changed."""
    table = _table("The same questions with their papers, and without", "mean", "95% interval", "n")
    for label, e in (("Answered with their papers", found.answered), ("Declined without them", found.declined)):
        table.add_row(label, f"{e.mean:.3f}", f"{e.low:.3f} to {e.high:.3f}", str(e.count))
    if found.auroc is not None:
        interval = f"{found.low:.3f} to {found.high:.3f}"
        table.add_row("AUROC of the confidence", f"{found.auroc:.3f}", interval, str(found.answered.count))
    _show(table)
    d = found.change
    _line(f"Answered without minus with: {d.mean:+.3f} ({d.low:+.3f} to {d.high:+.3f}), {d.test} p = {d.p:.3g}.")


def estimate_cells(line: Line) -> tuple[str, str, str]:
    """Mean, interval and count of one line, for a table."""
    e = line.estimate
    if e is None:
        return "not offered", "", "0"
    return f"{e.mean:.3f}", f"{e.low:.3f} to {e.high:.3f}", str(e.count)


def comparison(found: Comparison) -> None:
    """The conclusion in words, then every measure."""
    _line(found.in_words)
    table = _table("", "A", "B", "B - A", "95% interval", "p", "wins/ties/losses", "visible from")
    for m in found.measures:
        d = m.difference
        interval = f"{d.low:+.3f} to {d.high:+.3f}"
        record = f"{d.wins}/{d.ties}/{d.losses}"
        name = m.metric.name if m.declared else f"({m.metric.name})"
        visible = "–" if d.detectable is None else f"{d.detectable:.3f}"
        cells = (f"{m.a:.3f}", f"{m.b:.3f}", f"{d.mean:+.3f}", interval, f"{m.p:.3g}", record, visible)
        table.add_row(name, *cells)
    _show(table)
    for scores in (found.a, found.b):
        baselines(Summary(scores))
    _line("In brackets: exploratory, p not adjusted. Visible from: what 4 of 5 such comparisons would find.")


def changes(found: Sequence[Change]) -> None:
    """Each question that came out differently, what became worse first."""
    _line(in_words(found))
    for change in found[:_CHANGES_SHOWN]:
        direction, type = "better" if change.is_better else "worse ", change.type.replace("_", " ")
        _line(f"  {direction}  {change.id}  {change.how}  ({type})  {change.text}".rstrip())
    if (more := len(found) - _CHANGES_SHOWN) > 0:
        _line(f"  and {more} more; --json lists them")


def gate(result: GateResult) -> None:
    """The verdict and why."""
    _line(f"Gate: {result.verdict}. {result.reason}")


def robustness(found: Sequence[VariantMeasure]) -> None:
    """Each variant against the questions as written; one with a swapped restriction should be declined."""
    table = _table("", "as written", "variant", "difference", "95% interval", "p", "n")
    for row in found:
        d = row.difference
        interval = f"{d.low:+.3f} to {d.high:+.3f}"
        cells = (f"{row.as_written:.3f}", f"{row.value:.3f}", f"{d.mean:+.3f}", interval, f"{d.p:.3g}", str(d.count))
        table.add_row(row.label, *cells)
    _show(table)


def calibration(found: Calibration, holdout: HoldoutResult) -> None:
    """The guarantee of the threshold, and its effect on other questions."""
    _line(
        f"Answer from confidence {found.answer_from:.4f}. Promise: at most {found.alpha:.1%} of answerable questions "
        f"are declined (chosen on {found.count}, of which {found.declined_anyway} are declined for another reason)."
    )
    for label, e in (("answerable declined", holdout.over_refusal), ("unanswerable declined", holdout.caught)):
        if e:
            _line(f"On the other questions: {label} {e.mean:.1%} ({e.low:.1%} to {e.high:.1%}, n = {e.count}).")


def judge_measures(model: str, measures: Sequence[JudgeMeasure], is_checked: bool) -> None:
    """The judged measures of a run."""
    checked = "checked against labels" if is_checked else "not checked against labels: exploratory"
    table = _table(
        f"Judge {model}, {checked}", "mean", "95% interval", "n", "unreadable", "if all 0 or 1", "contradicted"
    )
    for m in measures:
        e = m.estimate
        mean, interval, n = (f"{e.mean:.3f}", f"{e.low:.3f} to {e.high:.3f}", str(e.count)) if e else ("–", "", "0")
        bounds = f"{m.lowest:.3f} to {m.highest:.3f}"
        table.add_row(m.label, mean, interval, n, f"{m.unreadable} of {m.verdicts}", bounds, str(m.contradicted))
    _show(table)


def judge_check(found: JudgeCheck) -> None:
    """Whether a judge beats the lexical scorer."""
    _line(
        f"{found.model} on {found.pairs} labelled pairs: AUROC {found.judge:.3f}, lexical scorer {found.lexical:.3f}; "
        f"difference {found.low:+.3f} to {found.high:+.3f} (95%); {found.unreadable} unreadable. "
        + (
            "It beats the lexical scorer."
            if found.passed
            else "It does not beat the lexical scorer: not for headlines."
        )
    )


def limits(checks: Sequence[LimitCheck]) -> None:
    """Every measure that has a limit, and whether it holds."""
    table = _table("Limits", "measured", "95% interval", "wanted", "")
    for found in checks:
        interval = f"{found.low:+.3f} to {found.high:+.3f}"
        table.add_row(found.label, f"{found.value:+.3f}", interval, found.wanted, "holds" if found.holds else "BROKEN")
    _show(table)


def support_probe(found: ProbeResult) -> None:
    """For each kind of change the share with each verdict, and the interval of those called supported."""
    table = _table(
        f"Sentences of {found.papers} papers, changed",
        *("n", "should be", "supported", "95% interval", "partial", "unsupported", "contradicted"),
    )
    for kind in found.kinds:
        supported, *others = (kind.verdicts[verdict] for verdict in VERDICTS)
        interval = f"{supported.low:.3f} to {supported.high:.3f}"
        wanted = "supported" if kind.keeps_meaning else "not supported"
        rest = [f"{estimate.mean:.3f}" for estimate in others]
        table.add_row(kind.kind, str(kind.count), wanted, f"{supported.mean:.3f}", interval, *rest)
    _show(table)


def leaks(found: Sequence[Leak]) -> None:
    """Each leak on a line."""
    for leak in found:
        _line(f"{leak.question_id}: its {leak.part} stands in {leak.where}: “{leak.words}”")


def _line(text: str) -> None:
    """Text, on a terminal wrapped at words."""
    _OUT.print(text, soft_wrap=not _OUT.is_terminal)


def _show(table: Table) -> None:
    """A table; where the terminal is too narrow for its figures, each row as a few lines."""
    widths = [max(map(cell_len, [str(column.header), *map(str, column.cells)])) for column in table.columns]
    figures = sum(width + _GAP for width in widths[1:])
    if not _OUT.is_terminal or min(widths[0], _LEAST_LABEL) + figures <= _OUT.width:
        _OUT.print(table)
        return
    if table.title:
        _line(str(table.title))
    _, *headers = (str(column.header) for column in table.columns)
    for label, *cells in zip(*(map(str, column.cells) for column in table.columns), strict=True):
        _line(label)
        _line(" · ".join(f"{header} {cell}".strip() for header, cell in zip(headers, cells, strict=True) if cell))


def _table(title: str, *numbers: str) -> Table:
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for number in numbers:
        table.add_column(number, justify="right", no_wrap=True)
    return table
