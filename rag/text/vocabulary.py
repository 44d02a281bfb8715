"""The words by which questions and sentences are recognised, read from two files of `rag/data`.

`catalog_vocabulary.toml` has those of questions that the catalog answers, `vocabulary.toml` all others.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

_PLACES = {
    "word": r"\b(?:{})\b",
    "word start": r"\b(?:{})",
    "start": r"\A(?:{})",
    "anywhere": r"(?:{})",
    "whole": r"\A(?:{})\W*\Z",
}
_FILES = ("vocabulary.toml", "catalog_vocabulary.toml")
_FRAGMENT = re.compile(r"\{\{(\w+)\}\}")


class Entry(NamedTuple):
    """A pattern with a text that it matches and one that it does not; `name` is such as `question.quantity`.

    An answer type has besides how an abstract gives such an answer, and an example of that.
    """

    name: str
    pattern: re.Pattern[str]
    example: str
    counterexample: str
    abstract: re.Pattern[str] | None
    abstract_example: str


@cache
def pattern(name: str) -> re.Pattern[str]:
    """The pattern of an entry, such as `question.quantity`. Raises KeyError."""
    entry = _entry(name)
    return _compiled(entry["matches"], entry.get("at", "word"), entry.get("case", False))


@cache
def abstract_pattern(name: str) -> re.Pattern[str]:
    """How an abstract gives an answer of this type, such as `answer_type.hardware`. Raises KeyError."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(_entry(name)['abstract'])})(?!\w)", re.IGNORECASE)


@cache
def names(section: str) -> tuple[str, ...]:
    """The full names of a section's entries."""
    return tuple(f"{section}.{name}" for name in _vocabulary()[section])


@cache
def words(name: str) -> Mapping[str, Any]:
    """A table of words, such as `numbers` or `units`. Raises KeyError."""
    table: Mapping[str, Any] = _vocabulary()["words"][name]
    return table


def entries() -> Iterator[Entry]:
    """Every entry that has a pattern, in the order of the file."""
    for section in _vocabulary():
        if section not in ("fragments", "words"):
            for name in names(section):
                entry = _entry(name)
                abstract = abstract_pattern(name) if "abstract" in entry else None
                given = entry.get("abstract_example", "")
                yield Entry(name, pattern(name), entry["example"], entry["counterexample"], abstract, given)


def _entry(name: str) -> Mapping[str, Any]:
    section, _, key = name.partition(".")
    entry: Mapping[str, Any] = _vocabulary()[section][key]
    return entry


def _compiled(alternatives: list[str], at: str, case: bool) -> re.Pattern[str]:
    fragments = _vocabulary()["fragments"]
    joined = _FRAGMENT.sub(lambda found: fragments[found[1]], "|".join(alternatives))
    return re.compile(_PLACES[at].format(joined), 0 if case else re.IGNORECASE)


@cache
def _vocabulary() -> Mapping[str, Any]:
    sections: dict[str, dict[str, Any]] = {}
    for file in _FILES:
        for section, found in tomllib.loads(files("rag").joinpath("data", file).read_text(encoding="utf-8")).items():
            sections.setdefault(section, {}).update(found)
    return sections
