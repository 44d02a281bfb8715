"""What a run must reach whatever it is compared with: limits on the measures of trust, and their check."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from eval import removal, robustness, support_probe
from eval import score as scoring
from eval.compare import GateResult
from eval.files import read_text
from eval.metrics.baselines import BASELINES
from eval.summary import Summary
from eval.support_variants import KINDS
from rag.errors import RequestError

DEFAULT = Path(str(files("eval") / "limits.toml"))
"""The limits that are checked unless others are given; its comments say what each is."""

_SIDES = ("at_least", "at_most")
_MEASURES = {
    "baselines": tuple(BASELINES),
    "without_gold": ("answered", "declined", "auroc"),
    "robustness": tuple(robustness.variants((), {}, ())),
    "support_probe": KINDS,
}


class Limit(NamedTuple):
    """The least or the most that a measure may be."""

    value: float
    at_least: bool


class _Measured(NamedTuple):
    name: str
    label: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class LimitCheck:
    """A measure with its 95% interval, and its limit."""

    label: str
    value: float
    low: float
    high: float
    limit: Limit

    @property
    def holds(self) -> bool:
        """False only where the whole interval lies beyond the limit."""
        return self.high >= self.limit.value if self.limit.at_least else self.low <= self.limit.value

    @property
    def wanted(self) -> str:
        """The limit in words."""
        return f"at {'least' if self.limit.at_least else 'most'} {self.limit.value:g}"


def load(path: Path = DEFAULT) -> dict[str, Limit]:
    """The limits of a TOML file, by the name of the measure such as `robustness.wrapped`. Raises RequestError."""
    try:
        found = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise RequestError(f"{path} is not TOML: {error}; take {DEFAULT} as a pattern") from error
    return dict(_limits(path, found))


def check(folder: Path, limits: Mapping[str, Limit]) -> list[LimitCheck]:
    """Every measure in a run's folder that has a limit. Raises RequestError if one of its files is damaged."""
    return [
        LimitCheck(label=m.label, value=m.value, low=m.low, high=m.high, limit=limits[m.name])
        for m in (*_baselines(folder), *_without_gold(folder), *_robustness(folder), *_support_probe(folder))
        if m.name in limits
    ]


def verdict(checks: Sequence[LimitCheck]) -> GateResult:
    """Worse if a limit is broken."""
    broken = [f"{found.label} ({found.value:.3f}, {found.wanted})" for found in checks if not found.holds]
    if broken:
        return GateResult("worse", f"Limits are broken: {'; '.join(broken)}.")
    return GateResult("passed", f"All {len(checks)} limits hold.")


def _limits(path: Path, found: Mapping[str, object]) -> Iterator[tuple[str, Limit]]:
    for side, sections in found.items():
        if side not in _SIDES or not isinstance(sections, dict):
            raise RequestError(f"{path}: {side!r} is no table of limits; write {' or '.join(_SIDES)}")
        for section, limits in sections.items():
            if section not in _MEASURES or not isinstance(limits, dict):
                raise RequestError(f"{path}: nothing is measured as {section!r}; there is {', '.join(_MEASURES)}")
            for name, value in limits.items():
                if name not in _MEASURES[section]:
                    known = ", ".join(_MEASURES[section])
                    raise RequestError(f"{path}: {section} has no measure {name!r}; there is {known}")
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise RequestError(f"{path}: {section}.{name} is {value!r}; give a number")
                yield f"{section}.{name}", Limit(float(value), side == "at_least")


def _baselines(folder: Path) -> Iterator[_Measured]:
    for row in Summary(scoring.read(folder)).baselines:
        d = row.difference
        yield _Measured(f"baselines.{row.name}", f"Key facts, minus: {row.label.lower()}", d.mean, d.low, d.high)


def _without_gold(folder: Path) -> Iterator[_Measured]:
    found = removal.read(folder)
    if found is None:
        return
    for name, label, e in (
        ("answered", "Answered with their papers", found.answered),
        ("declined", "Declined without their papers", found.declined),
    ):
        yield _Measured(f"without_gold.{name}", label, e.mean, e.low, e.high)
    if found.auroc is not None and found.low is not None and found.high is not None:
        yield _Measured("without_gold.auroc", "AUROC of the confidence", found.auroc, found.low, found.high)


def _robustness(folder: Path) -> Iterator[_Measured]:
    for row in robustness.read(folder):
        d = row.difference
        label = f"{row.label}, minus as written"
        yield _Measured(f"robustness.{row.variant}", label, d.mean, d.low, d.high)


def _support_probe(folder: Path) -> Iterator[_Measured]:
    found = support_probe.read(folder)
    for row in found.kinds if found else ():
        supported = row.verdicts["supported"]
        label = f"Sentences called supported: {row.kind}"
        yield _Measured(f"support_probe.{row.kind}", label, supported.mean, supported.low, supported.high)
