"""Saved search pages of the Hugging Face paper index: a header, then alternating titles and abstracts."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from rag.corpus import textfile
from rag.corpus.record import BrokenRecord, RawRecord

SUFFIXES: tuple[str, ...] = (".txt",)
NEEDS = "a saved page of titles, each followed by its abstract on a line of its own"

_Line = tuple[int, str]

_HEADER_LINES = 12
_LONGEST_TITLE = 300
# A text of this length is prose, and so is a sentence of this many words. In 608 entries the longest title has 174
# characters and the shortest abstract 399.
_PROSE_CHARACTERS = 200
_PROSE_WORDS = 12

_BUTTON = r"subscribe|sign ?up|sign ?in|log ?in|join"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_HEADER = re.compile(rf"get trending papers in your .*|(?:{_BUTTON})|by ?\w+ and the research community", re.IGNORECASE)
_FURNITURE = re.compile(
    rf"{_HEADER.pattern}|new|papers|(?:daily|trending) papers|{_MONTH} [0-9]{{1,2}}(?:,? [0-9]{{4}})?"
    rf"|[0-9]{{1,2}} {_MONTH}(?: [0-9]{{4}})?|[0-9]+",
    re.IGNORECASE,
)
# How HTML, BibTeX and Markdown begin.
_MARKUP = ("<", "{", "@", "#")
# A button whose word runs into the first title; "Subscriber ..." begins a title of its own.
_GLUED_BUTTON = re.compile(r"(?:Subscribe(?!(?:rs?|d|s)\b)|Sign ?[Uu]p(?![a-z]))(?=\S)")


def recognises(head: str) -> bool:
    """By the page's header, or without one by titles and abstracts that alternate from the first line on."""
    lines = head.split("\n")
    first = islice(_filled(lines), _HEADER_LINES)
    if any(_HEADER.fullmatch(text) or _GLUED_BUTTON.match(text) for _, text in first):
        return any(abstract is not None for _, abstract in _pairs(lines))
    return not head.lstrip().startswith(_MARKUP) and _alternate(lines)


def read(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """The entries in page order, each with the line of its title.

    A line that is neither a title nor an abstract is rejected alone, and reading continues with the next title: no
    text is ever taken for the abstract of a title that it does not follow.
    """
    for title, abstract in _pairs(textfile.lines(path)):
        number, text = title
        if abstract is None:
            yield BrokenRecord(number, _why_not(text))
        else:
            yield RawRecord(number, {"title": text, "abstract": abstract})


def _alternate(lines: list[str]) -> bool:
    pairs = list(_pairs(lines))
    if pairs and pairs[-1][1] is None:  # the end of the head may cut a pair
        pairs.pop()
    return len(pairs) > 1 and all(abstract is not None for _, abstract in pairs)


def _pairs(lines: Iterable[str]) -> Iterator[tuple[_Line, str | None]]:
    """Each title with its abstract, or with None where no abstract follows."""
    title: _Line | None = None
    for line in _without_furniture(lines):
        if title is None:
            title = line
        elif _is_entry(title[1], line[1]):
            yield title, line[1]
            title = None
        else:
            yield title, None
            title = None if _is_poor_abstract(title[1], line[1]) else line
    if title is not None:
        yield title, None


def _without_furniture(lines: Iterable[str]) -> Iterator[_Line]:
    button_to_come = True
    for order, (number, text) in enumerate(_filled(lines)):
        if _FURNITURE.fullmatch(text):
            button_to_come = button_to_come and text.lower() != "subscribe"
            continue
        glued = _GLUED_BUTTON.match(text) if button_to_come and order < _HEADER_LINES else None
        button_to_come = button_to_come and glued is None
        yield number, text[glued.end() :] if glued else text


def _filled(lines: Iterable[str]) -> Iterator[_Line]:
    return ((number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip())


def _is_entry(title: str, abstract: str) -> bool:
    return _may_be_title(title) and _is_prose(abstract) and len(abstract) > len(title)


def _is_poor_abstract(title: str, text: str) -> bool:
    """Whether the text belongs to the title before it, though it is too short to be kept."""
    return _may_be_title(title) and text.endswith(".")


def _may_be_title(text: str) -> bool:
    sentences = text.endswith(".") and ". " in text and len(text.split()) >= _PROSE_WORDS
    return len(text) <= _LONGEST_TITLE and not sentences


def _is_prose(text: str) -> bool:
    return len(text) >= _PROSE_CHARACTERS or (text.endswith(".") and len(text.split()) >= _PROSE_WORDS)


def _why_not(text: str) -> str:
    if not _may_be_title(text):
        return "text without a title before it; put the title on the line before"
    return f"no abstract follows the title {text[:60]!r}; put it on the next line, as one paragraph"
