"""The figures of a file of results as Markdown tables, first of all where Scholiast is behind."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eval.peers.figures import LABELS, TIMES
from eval.peers.install import OWN

_TITLES = {
    "retrieval": "Retrieval alone",
    "reader": "The same reader over each system's passages",
    "product": "Scholiast's own answers without a model, beside that reader over the others' passages",
    "pipeline": "Whole pipelines with a model",
}


def all_layers(content: Mapping[str, Any]) -> str:
    """Everything for a terminal or a page."""
    dataset = content["dataset"]
    parts = [
        f"{dataset['name']}: {dataset['papers']} papers, {dataset['questions']} questions, "
        f"{dataset['answerable']} of them answerable\n",
        "\n".join(behind(content)),
    ]
    for layer, systems in content["layers"].items():
        parts.append(f"\n## {_TITLES[layer]}\n\n" + "\n".join(_layer(systems)))
    parts.append("\n## What it takes\n\n" + "\n".join(_costs(content["systems"])))
    missing = content["missing"].items()
    parts += [f"\nnot compared: {name}: {reason}" for name, reason in missing]
    return "\n".join(parts)


def behind(content: Mapping[str, Any]) -> Iterator[str]:
    """Where another system is better, with the interval of the difference; then how often Scholiast is."""
    found = content["differences"]
    lost = [each for each in found if each["better"] not in ("", OWN)]
    won = sum(each["better"] == OWN for each in found)
    yield f"Ahead in {won}, behind in {len(lost)} of {len(found)} differences (Holm, 5%); no claim in the others."
    if lost:
        yield "\n| behind | in | of | Scholiast minus the other (times: ratio) | p |\n|---|---|---|---|---|"
    for d in lost:
        interval = f"{d['mean']:.3f} [{d['low']:.3f}, {d['high']:.3f}]"
        yield _row([d["peer"], LABELS[d["measure"]], d["layer"], interval, f"{d['p']:.3g}"])


def _layer(systems: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    measures = list(dict.fromkeys(measure for values in systems.values() for measure in values))
    yield _row(["", *(LABELS[measure] for measure in measures)])
    yield _row(["---"] * (len(measures) + 1))
    for name, values in systems.items():
        yield _row([name, *(_cell(measure, values.get(measure)) for measure in measures)])


def _cell(measure: str, value: Mapping[str, Any] | None) -> str:
    if value is None:
        return ""
    if measure in TIMES:
        return f"{value['p50']:.1f} (p95 {value['p95']:.1f})"
    return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def _costs(systems: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield _row(["", "setting", "build, s", "build, CPU s", "index, MB", "peak memory, MB", "searches/s", "model"])
    yield _row(["---"] * 8)
    for name, about in systems.items():
        build, setting = about["build"], about["setting"]
        yield _row(
            [
                name,
                f"{setting['name']}: {setting['value']}",
                f"{build['ms'] / 1000:.1f}",
                f"{build['cpu_ms'] / 1000:.1f}",
                f"{build['disk_bytes'] / 1e6:.1f}",
                f"{about['usage']['peak_bytes'] / 1e6:.0f}",
                ", ".join(f"{row['clients']}: {row['searches_per_second']:.0f}" for row in about.get("throughput", ())),
                ", ".join(f"{number} {what}" for what, number in about.get("model_use", {}).items()),
            ]
        )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
