"""JSON: one object a line (also arXiv's snapshot and BEIR's corpora), a list of objects, or a page of an API."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from rag.corpus import json_document, textfile
from rag.corpus.json_document import NotJsonError
from rag.corpus.record import BrokenRecord, RawRecord
from rag.errors import CorpusError

SUFFIXES: tuple[str, ...] = (".jsonl", ".ndjson", ".json")
NEEDS = "JSON: an object with title and abstract a line, a list of them, or a reply of an API that holds such a list"

_OBJECT_LINE = re.compile(r'^\s*\{\s*(?:"|\}|$)', re.MULTILINE)
_RECOGNITION_LINES = 20
# A list of objects, or one object over several lines.
_DOCUMENT = re.compile(r"\s*(?:\[\s*[{\]]|\{[^\S\n]*\n)")


def recognises(head: str) -> bool:
    """By a line that begins an object, or the beginning of a list of objects."""
    first_lines = "\n".join(head.lstrip().split("\n", _RECOGNITION_LINES)[:_RECOGNITION_LINES])
    return bool(_DOCUMENT.match(head) or _OBJECT_LINE.search(first_lines))


def read(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """The objects in file order, one at a time. Raises CorpusError for a list that is not JSON."""
    return _from_document(path, name) if _DOCUMENT.match(textfile.head(path)) else _from_lines(path)


def raw_record(value: object, line: int) -> RawRecord | BrokenRecord:
    """The record of a JSON value."""
    if isinstance(value, dict):
        return RawRecord(line, value)
    return BrokenRecord(line, f"is a JSON {type(value).__name__}, not an object")


def _from_lines(path: Path) -> Iterator[RawRecord | BrokenRecord]:
    for number, line in enumerate(textfile.lines(path), start=1):
        if line.strip():
            yield from _from_line(line, number)


def _from_line(line: str, number: int) -> Iterator[RawRecord | BrokenRecord]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        yield BrokenRecord(number, f"not JSON: {_complaint(error)}")
        return
    if isinstance(value, dict) and "title" in value:
        yield RawRecord(number, value)
    else:
        yield from (raw_record(entry, number) for entry in json_document.unwrapped(value))


def _from_document(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """A document is read as a whole before the first of its records, and never held in memory."""
    try:
        place = json_document.find(path) or json_document.WHOLE
        yield from (raw_record(value, line) for line, value in json_document.entries(path, place))
    except NotJsonError as error:
        raise CorpusError(
            f"{name} begins as a JSON document but is not one: line {error.line}: {error}; fix it"
        ) from error


def _complaint(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
