"""The figures and the names in a sentence: what a careless writer lifts from the wrong place."""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import isclose

_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "billion": 1e9, "t": 1e12, "trillion": 1e12}
_UNITS = {
    "%": "%", "percent": "%", "per cent": "%", "percentage points": "%", "percentage point": "%", "points": "%",
    "x": "x", "×": "x", "times": "x", "fold": "x",
    "ms": "ms", "milliseconds": "ms", "s": "s", "seconds": "s", "second": "s", "min": "min", "minutes": "min",
    "h": "h", "hours": "h", "hour": "h", "days": "day", "day": "day", "weeks": "week", "months": "month",
    "years": "year", "kb": "kb", "mb": "mb", "gb": "gb", "tb": "tb", "db": "db", "hz": "hz", "khz": "khz",
    "bit": "bit", "bits": "bit", "gpus": "gpu", "gpu": "gpu", "tokens": "token", "parameters": "parameter",
    "fps": "fps", "mm": "mm", "cm": "cm", "km": "km", "kg": "kg", "mg": "mg", "°c": "°c",
}  # fmt: skip
_FIGURE = re.compile(
    r"(?P<about>(?:\b(?:about|around|approximately|roughly|nearly|almost|over|under|more than|less than)|[~≈])\s*)?"
    r"(?<![\w.])(?P<value>\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:(?P<letter>[kKMBT])\b|[\s-]?(?P<scale>thousand|million|billion|trillion)\b)?"
    rf"(?:[\s-]?(?P<unit>{'|'.join(sorted(map(re.escape, _UNITS), key=len, reverse=True))})(?![A-Za-z]))?(?![A-Za-z])",
    re.IGNORECASE,
)
_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "sixteen": 16, "twenty": 20, "hundred": 100,
}  # fmt: skip
_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b", re.IGNORECASE)
_WITH_A_DIGIT = re.compile(r"\b[A-Za-z]\w*(?:[-–.@/]\w+)*\b|\b\d+[A-Za-z]\w*(?:-\w+)*\b")
_NAME = re.compile(
    r"\b[A-Za-z\d]*(?:[a-z\d][A-Z]|[A-Z]{2}|[A-Za-z]-?\d)[\w]*(?:[-–.@/]\w+)*\b|(?<=[a-z,:] )[A-Z][a-z]{2,}\b"
)
_QUANTITY_ONLY = re.compile(r"\d[\d.,]*[A-Za-z]{0,3}(?:-\w+)?\Z")
_ROUGHLY = 0.05


@dataclass(frozen=True)
class Figure:
    """A number as it is meant: 14M is 14,000,000. `unit` is empty where none is written; `rough` after "about"."""

    value: float
    unit: str
    rough: bool
    start: int

    def matches(self, other: "Figure") -> bool:
        """Whether the other one tells the same; a unit that one of them leaves out does not count against it."""
        near = isclose(self.value, other.value, rel_tol=_ROUGHLY if self.rough or other.rough else 1e-9)
        return near and (not self.unit or not other.unit or self.unit == other.unit)


def figures(text: str, spelled: bool = False) -> list[Figure]:
    """The numbers that stand for themselves, in order; not those of a name such as CIFAR-10.

    With `spelled`, also numbers written as words.
    """
    bare = _WITH_A_DIGIT.sub(_without_names, text)
    found = [_figure(match) for match in _FIGURE.finditer(bare)]
    if spelled:
        found += [Figure(_WORDS[m[0].lower()], "", False, m.start()) for m in _WORD.finditer(text)]
    return found


def names(text: str) -> frozenset[str]:
    """Names of models, data sets and the like, in lower case without hyphens or a plural's s."""
    return frozenset(plain(name) for name in _NAME.findall(text) if not _QUANTITY_ONLY.match(name)) - {""}


def plain(name: str) -> str:
    """As `names` writes it."""
    letters = re.sub(r"[^a-z0-9]", "", name.lower())
    return letters[:-1] if len(letters) > 3 and letters.endswith("s") else letters


def stands_in(name: str, text: str) -> bool:
    """Whether the text has the name, alone or as a part of a longer one, or the words that it abbreviates."""
    return name in _written(text) or (2 < len(name) < 7 and name.isalpha() and name in _initials(text))


@lru_cache(maxsize=512)
def _written(text: str) -> frozenset[str]:
    """Every word, every part of a hyphenated one, and every two words that follow each other, all as one."""
    words = re.findall(r"[^\s,;:()\[\]“”\"]+", text)
    parts = [part for word in words for part in re.split(r"[-–/]", word)]
    pairs = [first + second for first, second in pairwise(parts)]
    return names(text).union(map(plain, (*words, *parts, *pairs)))


@lru_cache(maxsize=512)
def _initials(text: str) -> str:
    return "".join(word[0] for word in re.findall(r"[a-z0-9]+", text.lower()))


def _without_names(match: re.Match[str]) -> str:
    """Blanks where a name with a digit stands, so that offsets stay."""
    word = match[0]
    is_name = word[0].isalpha() and any(c.isdigit() for c in word)
    return " " * len(word) if is_name or re.match(r"\d+[dD]\b", word) else word


def _figure(match: re.Match[str]) -> Figure:
    scale = _SCALES.get((match["letter"] or match["scale"] or "").lower(), 1.0)
    unit = _UNITS.get(re.sub(r"\s+", " ", match["unit"] or "").lower(), "")
    return Figure(
        float(match["value"].replace(",", "")) * scale, unit, match["about"] is not None, match.start("value")
    )
