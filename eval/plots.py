"""The curves of the report, drawn by matplotlib as inline SVG: the same figures give the same bytes."""

import io
import re
from collections.abc import Sequence

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from eval.metrics.abstention import reliability
from eval.summary import Summary

_INK, _FAINT, _LINE, _WRONG = "#1d2530", "#8a94a3", "#1f5fa8", "#b8500f"
_STYLE = {
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "grid.color": "#e6e9ee",
    "grid.linewidth": 0.8,
}
_SIZE = (4.6, 3.1)


def risk_coverage(summary: Summary) -> str:
    """Share of wrong answers against share of questions answered, most confident first; dashed is the best order."""
    with style.context({**_STYLE, "svg.hashsalt": "risk"}):
        figure, axes = _figure("Questions answered, most confident first", "Wrong among them")
        points = summary.risk_coverage
        total = len(summary.scores.rows)
        right, answered = sum(row.right for row in summary.answered), len(summary.answered)
        best = [(n / total, max(0, n - right) / n) for n in range(1, answered + 1)]
        axes.plot([x for x, _ in best], [y for _, y in best], color=_FAINT, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.step([x for x, _ in points], [y for _, y in points], where="post", color=_LINE, linewidth=2)
        if points:
            axes.plot(*points[-1], "o", color=_LINE, markersize=5)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, max([0.1, *(y for _, y in points)]) * 1.15)
        _as_percent(axes.xaxis, axes.yaxis)
        return _svg(figure, "risk")


def calibration(summary: Summary) -> str:
    """Share of answerable questions against stated confidence, in bins of equal size; the diagonal is perfect."""
    with style.context({**_STYLE, "svg.hashsalt": "calibration"}):
        figure, axes = _figure("Stated confidence", "Answerable in fact")
        bins = reliability(
            [row.confidence or 0.0 for row in summary.with_confidence],
            [row.answerable for row in summary.with_confidence],
        )
        axes.plot([0, 1], [0, 1], color=_FAINT, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.plot([x for _, x, _ in bins], [y for _, _, y in bins], "o-", color=_LINE, linewidth=1.5, markersize=5)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.05)
        _as_percent(axes.xaxis, axes.yaxis)
        return _svg(figure, "calibration")


def latency(summary: Summary) -> str:
    """Share of questions answered within a time, for the whole answer and for its first words; some were timed."""
    with style.context({**_STYLE, "svg.hashsalt": "latency"}):
        figure, axes = _figure("Milliseconds", "Questions answered within")
        whole = [row.latency_ms for row in summary.scores.rows if row.latency_ms is not None]
        first = [row.first_token_ms for row in summary.scores.rows if row.first_token_ms is not None]
        _cumulative(axes, whole, _LINE, "whole answer")
        if first:
            _cumulative(axes, first, _WRONG, "first words")
        if max(whole) > 20 * max(min(whole), 0.001):
            axes.set_xscale("log")
        else:
            axes.set_xlim(left=0)
        axes.set_ylim(0, 1.02)
        _as_percent(axes.yaxis)
        axes.legend(frameon=False, loc="lower right", labelcolor=_INK)
        return _svg(figure, "latency")


def _figure(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    return figure, axes


def _as_percent(*axes: Axis) -> None:
    for axis in axes:
        axis.set_major_formatter(PercentFormatter(1, decimals=0))


def _cumulative(axes: Axes, values: Sequence[float], color: str, label: str) -> None:
    ordered = sorted(values)
    shares = [rank / len(ordered) for rank in range(1, len(ordered) + 1)]
    axes.step([ordered[0], *ordered], [0, *shares], where="post", color=color, linewidth=2, label=label)


def _svg(figure: Figure, name: str) -> str:
    """The SVG element; its ids carry the plot's name, because several plots stand on one page."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    element = text[text.index("<svg") :].strip()
    element = re.sub(r'\b(id="|xlink:href="#|url\(#)', rf"\g<1>{name}-", element)
    return re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
