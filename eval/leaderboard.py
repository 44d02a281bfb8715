"""The published page of figures: systems by measures, where we are behind and ahead, and how to repeat all of it.

It is made of folders of runs and of files of comparisons with other systems (`eval/peers`), and of nothing else.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from eval import compare as comparing
from eval import score as scoring
from eval.compare import LEVEL
from eval.files import format_errors, read_text
from eval.metrics import BY_NAME
from eval.records import RunFiles, read_manifest
from eval.score import Scores
from eval.statistics import holm
from eval.summary import line

COLUMNS = (*comparing.DECLARED, "gold_precision", "passages_quoted", "answered", "declined")
"""The measures of runs that the page shows, as far as they apply."""

PEERS_SCHEMA = "peers/1"
OWN = "scholiast"
"""How files of comparisons call us."""

Verdict = Literal["behind", "ahead", "undecided"]

_MARKDOWN = str.maketrans({c: f"\\{c}" for c in "\\`*_[]|~$"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;", "{": "&#123;"})
_HEADINGS: Mapping[Verdict, str] = {
    "behind": "Where we are behind",
    "ahead": "Where we are ahead",
    "undecided": "Where no difference can be claimed",
}
_HEAD = """# Leaderboard

Written by `make leaderboard` from result files, never by hand: our own run in `build/eval` (`make eval`), and the
comparisons with other systems in `eval/results/peers`. Each mean stands with its 95% interval. Differences are ours
minus the other's, question by question (of times: ratios), and count where Holm's p over all of a comparison is below
5%. The measures are explained in [the evaluation](../README.md).
"""
_NONE = """
**There are no results yet.** `make eval` makes our own run. `scholiast eval import-run` brings those of other harnesses
here, and `scholiast eval leaderboard OURS OTHER ... --out FILE` compares runs of the same questions with the first one.
"""
_NO_PEERS = """
**There is no comparison with other systems yet.** `python -m eval.peers compare --out eval/results/peers/sample.json`
makes one, and `make leaderboard` then shows it here.
"""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A system's value of a measure, with its interval, as a cell of a table."""

    layer: str = ""
    system: str
    measure: str
    value: str


@dataclass(frozen=True, kw_only=True)
class OurDifference:
    """Ours minus another system's over the same questions, and who is better by it."""

    layer: str = ""
    system: str
    measure: str
    value: str
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Board:
    """A comparison: its figures, the differences to ours, and what it takes to repeat it.

    `missing` are the systems that could not take part, with the reason.
    """

    title: str
    date: str
    commit: str
    machine: str
    commands: tuple[str, ...]
    versions: str
    settings: str
    figures: tuple[Figure, ...]
    differences: tuple[OurDifference, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    of_peers: bool = False


def boards(results: Sequence[Path]) -> list[Board]:
    """The comparisons of these files, then those of the runs: one for each set of questions. Raises RequestError."""
    by_questions: dict[str, list[Path]] = {}
    for run in (path for path in results if path.is_dir()):
        by_questions.setdefault(scoring.read(run).questions_sha256, []).append(run)
    return [*(of_file(path) for path in results if not path.is_dir()), *map(of_runs, by_questions.values())]


def of_file(path: Path) -> Board:
    """A file of a comparison with other systems. Raises RequestError."""
    with format_errors(path):
        found: dict[str, Any] = json.loads(read_text(path))
        if found["schema"] != PEERS_SCHEMA:
            raise ValueError(f"its schema is {found['schema']!r}, and this version reads {PEERS_SCHEMA!r}")
        dataset = found["dataset"]
        return Board(
            title=f"{dataset['name']}: {dataset['questions']} questions, {dataset['papers']} papers",
            date=str(found["date"]),
            commit=_commit(found["code"]),
            machine=_in_words(found["machine"]),
            commands=(str(found["command"]),),
            versions="; ".join(_in_words(about.get("versions", {})) for about in found["systems"].values()),
            settings=_in_words(found["settings"]),
            figures=tuple(_figures_of(found["layers"])),
            differences=tuple(_difference_of(row) for row in found["differences"]),
            missing={str(name): str(reason) for name, reason in found["missing"].items()},
            of_peers=True,
        )


def of_runs(folders: Sequence[Path]) -> Board:
    """Runs of the same questions; the first one is ours. Raises RequestError."""
    manifests = [read_manifest(RunFiles(folder)) for folder in folders]
    scores = [scoring.read(folder) for folder in folders]
    ours = manifests[0]
    return Board(
        title=f"Whole runs: {len(scores[0].rows)} questions",
        date=str(ours.get("begun", "unknown")),
        commit=_commit(ours.get("code") or {}),
        machine=str(ours.get("machine", "unknown")),
        commands=tuple(str(m.get("command") or f"{m['name']}: {m['identity']['target']}") for m in manifests),
        versions=_in_words({"python": ours.get("python"), **(ours.get("libraries") or {})}),
        settings="; ".join(_in_words({m["name"]: _in_words(m["identity"])}) for m in manifests),
        figures=tuple(figure for found in scores for figure in _figures(found)),
        differences=tuple(_differences(scores[0], scores[1:])),
    )


def page(found: Sequence[Board]) -> str:
    """The page as Markdown; texts of files can't act in it."""
    parts = [_HEAD, *map(_board, found)]
    if not found:
        parts.append(_NONE)
    elif not any(board.of_peers for board in found):
        parts.append(_NO_PEERS)
    return "\n".join(parts).replace("\n\n\n", "\n\n")


def _figures_of(layers: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[Figure]:
    for layer, systems in layers.items():
        for system, measures in systems.items():
            for measure, value in measures.items():
                yield Figure(layer=layer, system=system, measure=measure, value=_value(value))


def _difference_of(row: Mapping[str, Any]) -> OurDifference:
    better = str(row["better"])
    return OurDifference(
        layer=str(row["layer"]),
        system=str(row["peer"]),
        measure=str(row["measure"]),
        value=_value(row),
        verdict="undecided" if not better else "ahead" if better == OWN else "behind",
    )


def _figures(scores: Scores) -> Iterator[Figure]:
    for name in COLUMNS:
        if found := line(scores.rows, name).estimate:
            yield Figure(system=scores.target, measure=name, value=_interval(found.mean, found.low, found.high))


def _differences(ours: Scores, others: Sequence[Scores]) -> Iterator[OurDifference]:
    """Of every other run, with Holm's p over all of them."""
    found = [
        (other.target, m)
        for other in others
        for m in comparing.compare(other, ours).measures
        if m.metric.name in COLUMNS
    ]
    adjusted = holm({str(place): m.difference.p for place, (_, m) in enumerate(found)})
    for place, (system, measure) in enumerate(found):
        d = measure.difference
        claimed = adjusted[str(place)] < LEVEL and measure.gain != 0
        verdict: Verdict = "undecided" if not claimed else "ahead" if measure.gain > 0 else "behind"
        yield OurDifference(
            system=system, measure=measure.metric.name, value=_interval(d.mean, d.low, d.high), verdict=verdict
        )


def _board(board: Board) -> str:
    layers = dict.fromkeys(figure.layer for figure in board.figures)
    tables = [_table(layer, [f for f in board.figures if f.layer == layer]) for layer in layers]
    missing = [f"Not compared: {_cell(name)}: {_cell(reason)}\n" for name, reason in board.missing.items()]
    commands = "\n".join(" ".join(command.split()).replace("```", "'''") for command in board.commands)
    made = (
        f"Made {_cell(board.date)} of {_cell(board.commit)} on {_cell(board.machine)}, by\n\n```\n{commands}\n```\n\n"
        f"Settings: {_cell(board.settings)}. Versions: {_cell(board.versions)}.\n"
    )
    return "\n".join([f"## {_cell(board.title)}\n", *tables, *_verdicts(board.differences), *missing, made])


def _table(layer: str, figures: Sequence[Figure]) -> str:
    measures = list(dict.fromkeys(figure.measure for figure in figures))
    cells = {(figure.system, figure.measure): figure.value for figure in figures}
    rows = [
        f"| {_cell(system)} | {' | '.join(cells.get((system, measure), '–') for measure in measures)} |"
        for system in dict.fromkeys(figure.system for figure in figures)
    ]
    heading = [f"### {_cell(layer)}\n"] if layer else []
    head = [f"| system | {' | '.join(map(_label, measures))} |", f"|---|{'---:|' * len(measures)}"]
    return "\n".join([*heading, *head, *rows, ""])


def _verdicts(differences: Sequence[OurDifference]) -> Iterator[str]:
    """Where we are behind, where ahead, and what is open: each in the same form, and said even where it is nowhere."""
    for verdict, heading in _HEADINGS.items() if differences else ():
        rows = [f"- {_in_a_line(d)}" for d in differences if d.verdict == verdict]
        yield "\n".join([f"**{heading}**\n", *(rows or ["- nowhere"]), ""])


def _in_a_line(d: OurDifference) -> str:
    layer = f"{_cell(d.layer)}, " if d.layer else ""
    return f"{layer}{_label(d.measure)}, against {_cell(d.system)}: {d.value}"


def _value(value: Mapping[str, Any]) -> str:
    """A mean with its interval; of times the median and the 95th percentile."""
    if "p50" in value:
        return f"{float(value['p50']):.1f} (p95 {float(value['p95']):.1f})"
    return _interval(float(value["mean"]), float(value["low"]), float(value["high"]))


def _interval(mean: float, low: float, high: float) -> str:
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def _label(measure: str) -> str:
    return _cell(BY_NAME[measure].label if measure in BY_NAME else measure.replace("_", " "))


def _commit(code: Mapping[str, Any]) -> str:
    changed = ", with changes" if code.get("changed") else ""
    return f"commit {code['commit']}{changed}" if code.get("commit") else f"version {code.get('version', 'unknown')}"


def _in_words(value: object) -> str:
    """A value of a file on one line: `name value, name value`, without empty ones."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_in_words(part)}" for name, part in value.items() if part not in ("", None))
    if isinstance(value, list):
        return " ".join(map(_in_words, value))
    return str(value)


def _cell(text: str) -> str:
    """Text that is no markup, on one line."""
    return " ".join(text.split()).translate(_MARKDOWN)
