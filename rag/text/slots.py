"""Words that restrict what a text is about (a group, a place, a drug), by the values in `rag/data/slots.toml`."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple

from rag.text.vocabulary import pattern

_WORD = re.compile(r"[^\W_]+(?:[-.'’][^\W_]+)*")
_BY_FORM = ("substance", "condition")
"""Slots with more values than a list can hold: `form.substance` in the vocabulary knows drugs by how they end."""


class Value(NamedTuple):
    """One value of a slot: `spellings` say it, and what is said by `narrower` ones is about it too."""

    slot: str
    spellings: frozenset[str]
    narrower: frozenset[str] = frozenset()

    def is_met_by(self, text: str) -> bool:
        """Whether the text says the value or something narrower."""
        return not terms(text).isdisjoint(self.spellings | self.narrower)


@cache
def values() -> tuple[Value, ...]:
    """All listed values, in the order of the file."""
    table = tomllib.loads(files("rag").joinpath("data/slots.toml").read_text(encoding="utf-8"))
    return tuple(_value(slot, line) for slot, lines in table.items() for line in lines.splitlines())


@lru_cache(maxsize=512)
def said(text: str) -> frozenset[Value]:
    """The values that the text says, those of drugs and diseases also by their endings."""
    known = _of_spelling()
    found = terms(text)
    listed = {known[term] for term in found & known.keys()}
    formed = {
        Value(slot, frozenset([term]))
        for slot in _BY_FORM
        for term in found - known.keys()
        if pattern(f"form.{slot}").match(term)
    }
    return frozenset(listed | formed)


@lru_cache(maxsize=512)
def terms(text: str) -> frozenset[str]:
    """The words, the parts of hyphenated ones, and every two words that follow each other, in lower case."""
    words = [re.sub(r"['’]s\Z", "", word) for word in _WORD.findall(text.lower())]
    parts = [part for word in words if "-" in word for part in word.split("-")]
    return frozenset([*words, *parts, *(f"{first}_{second}" for first, second in pairwise(words))])


@cache
def _of_spelling() -> Mapping[str, Value]:
    return {spelling: value for value in values() for spelling in value.spellings}


def _value(slot: str, line: str) -> Value:
    spellings, _, narrower = line.partition(":")
    return Value(slot, frozenset(spellings.split()), frozenset(narrower.split()))
