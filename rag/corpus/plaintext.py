"""A text file of one paper: its title, a blank line, its abstract."""

import re
from collections.abc import Iterator
from pathlib import Path

from rag.corpus import textfile
from rag.corpus.record import BrokenRecord, RawRecord

SUFFIXES: tuple[str, ...] = (".txt", ".text")
NEEDS = "a .txt file of one paper: the title, a blank line, the abstract"

_PAPER = re.compile(r"\s*(?P<title>\S[^\n]*(?:\n[^\n]*\S[^\n]*)?)\n\s*\n(?P<abstract>.*\S)", re.DOTALL)
_MAX_TITLE = 300
# The longest of a million abstracts have about this many characters; what is longer is a document.
_MAX_ABSTRACT = 10_000
_MIN_WORDS = 8
_MARKUP = ("<", "{", "@", "#", "%")


def recognises(head: str) -> bool:
    """By a short paragraph with a longer one after it. Only asked for files that end in .txt: any prose looks so."""
    found = _PAPER.fullmatch(head.rstrip())
    return (
        found is not None
        and not head.lstrip().startswith(_MARKUP)
        and len(found["title"]) <= min(_MAX_TITLE, len(found["abstract"]))
        and len(found["abstract"]) <= _MAX_ABSTRACT
        and len(found["abstract"].split()) >= _MIN_WORDS
    )


def read(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """The paper; its paragraphs become one."""
    text = textfile.text(path)
    found = _PAPER.match(text)
    if found is None:
        yield BrokenRecord(1, f"the file is not {NEEDS[2:]}")
    else:
        yield RawRecord(1 + text.count("\n", 0, found.start("title")), found.groupdict())
