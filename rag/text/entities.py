"""Numbers with their units, and names: what a careless writer takes from the wrong place."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from math import isclose

from rag.text.vocabulary import words

NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?")
"""A number in digits, with or without separators of thousands."""

NAME = re.compile(
    r"\b[A-Za-z\d]*(?:[a-z\d][A-Z]|[A-Z]{2}|[A-Za-z]-?\d)\w*(?:[-–.@/]\w+)*\b|(?<=[a-z,:] )[A-Z][a-z]{2,}\b"
)
"""A name of a model, a data set and the like, by its capitals or digits: LibriSpeech, GPT-4, xLSTM."""

MENTION = re.compile(f"{NAME.pattern}|{NUMBER.pattern}")
"""A name, or a number outside of names."""

_WORD = re.compile(r"[\w.@%+-]+")
_WITH_A_DIGIT = re.compile(r"\b[A-Za-z](?=[\w–.@/-]*\d)\w*(?:[-–.@/]\w+)*\b|\b\d+[A-Za-z]\w*(?:-\w+)*\b")
_QUANTITY_ONLY = re.compile(r"\d[\d.,]*[A-Za-z]{0,3}(?:-\w+)?\Z")
_MANY = re.compile(r"(?:dozens?|hundreds?|thousands?|millions?)\Z", re.IGNORECASE)
_TOLERANCE = 0.05
"""Relative difference between two numbers of which one is approximate."""


@dataclass(frozen=True)
class Quantity:
    """A number as it is meant: 14M is 14,000,000. `unit` is empty where none is written."""

    value: float
    unit: str
    approximate: bool
    start: int

    def matches(self, other: "Quantity") -> bool:
        """Whether the other one says the same; a unit that one of them leaves out does not count against it."""
        near = isclose(self.value, other.value, rel_tol=_TOLERANCE if self.approximate or other.approximate else 1e-9)
        return near and (not self.unit or not other.unit or self.unit == other.unit)


@lru_cache(maxsize=4096)  # the sentences of one answer are compared with those of the same abstracts
def quantities(text: str, spelled: bool = False) -> tuple[Quantity, ...]:
    """The numbers that stand for themselves, in order; not those of a name such as CIFAR-10.

    With `spelled`, also numbers written as words.
    """
    bare = _WITH_A_DIGIT.sub(_blank_name, text)
    found = [_quantity(match) for match in _quantity_pattern().finditer(bare)]
    if spelled:
        values = words("numbers")
        found += [Quantity(values[m[0].lower()], "", False, m.start()) for m in _number_word_pattern().finditer(text)]
    return tuple(found)


def numbers(text: str) -> set[str]:
    """The numbers in digits, written without separators of thousands."""
    return {match.replace(",", "") for match in NUMBER.findall(text)}


def words_and_numbers(text: str) -> list[tuple[str, bool]]:
    """Every word in order, and whether it has or is a number."""
    return [(word, _is_number(word)) for word in _WORD.findall(text)]


@lru_cache(maxsize=2048)
def names(text: str) -> frozenset[str]:
    """The names in the text, as `normalised_name` writes them; quantities such as 7B are none."""
    found = (name for name in NAME.findall(text) if not _QUANTITY_ONLY.match(name))
    return frozenset(map(normalised_name, found)) - {""}


def normalised_name(name: str) -> str:
    """In lower case without hyphens or a plural's s."""
    letters = name.lower()
    if not (letters.isascii() and letters.isalnum()):
        letters = re.sub(r"[^a-z0-9]", "", letters)
    return letters[:-1] if len(letters) > 3 and letters.endswith("s") else letters


def has_name(text: str, name: str) -> bool:
    """Whether the text has the normalised name, alone or as part of a longer one, or the words that it abbreviates."""
    return name in _spellings(text) or (2 < len(name) < 7 and name.isalpha() and name in _initials(text))


@lru_cache(maxsize=512)
def _spellings(text: str) -> frozenset[str]:
    """Every word, every part of a hyphenated one, and every two words that follow each other, all as one."""
    found = re.findall(r"[^\s,;:()\[\]“”\"]+", text)
    parts = [part for word in found for part in re.split(r"[-–/]", word)]
    pairs = [first + second for first, second in pairwise(parts)]
    return names(text).union(map(normalised_name, (*found, *parts, *pairs)))


@lru_cache(maxsize=512)
def _initials(text: str) -> str:
    return "".join(word[0] for word in re.findall(r"[a-z0-9]+", text.lower()))


def _is_number(word: str) -> bool:
    return any(c.isdigit() for c in word) or word.lower() in words("numbers") or _MANY.match(word) is not None


def _blank_name(match: re.Match[str]) -> str:
    """Blanks where a name with a digit stands, so that offsets stay."""
    word = match[0]
    is_name = word[0].isalpha() and any(c.isdigit() for c in word)
    return " " * len(word) if is_name or re.match(r"\d+[dD]\b", word) else word


@cache
def _quantity_pattern() -> re.Pattern[str]:
    units = "|".join(sorted(map(re.escape, _unit_of_spelling()), key=len, reverse=True))
    return re.compile(
        r"(?P<about>(?:\b(?:about|around|approximately|roughly|nearly|almost|over|under|more than|less than)|[~≈])\s*)?"
        rf"(?<![\w.])(?P<value>{NUMBER.pattern})"
        r"(?:(?P<letter>[kKMBT])\b|[\s-]?(?P<scale>thousand|million|billion|trillion)\b)?"
        rf"(?:[\s-]?(?P<unit>{units})(?![A-Za-z]))?(?![A-Za-z])",
        re.IGNORECASE,
    )


@cache
def _number_word_pattern() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(words('numbers'))})\b", re.IGNORECASE)


@cache
def _unit_of_spelling() -> dict[str, str]:
    return {spelling: unit for unit, spellings in words("units").items() for spelling in spellings}


def _quantity(match: re.Match[str]) -> Quantity:
    scale = words("scales").get((match["letter"] or match["scale"] or "").lower(), 1.0)
    unit = _unit_of_spelling().get(re.sub(r"\s+", " ", match["unit"] or "").lower(), "")
    value = float(match["value"].replace(",", "")) * scale
    return Quantity(value, unit, match["about"] is not None, match.start("value"))
