"""JSON Lines: one object a line (also arXiv's snapshot and BEIR's corpora); or one JSON list of objects."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from rag.corpus import json_list, textfile
from rag.corpus.record import from_record
from rag.errors import CorpusError
from rag.types import Paper, RejectedRecord

SUFFIXES: tuple[str, ...] = (".jsonl", ".ndjson", ".json")
NEEDS = "one JSON object a line with title and abstract, or a list of such objects"

_OBJECT_LINE = re.compile(r'^\s*\{\s*(?:"|\}|$)', re.MULTILINE)
_RECOGNITION_LINES = 20
# A list of objects, or one object over several lines.
_DOCUMENT = re.compile(r"\s*(?:\[\s*[{\]]|\{[^\S\n]*\n)")


def recognises(head: str) -> bool:
    """By a line that begins an object, or the beginning of a list of objects."""
    first_lines = "\n".join(head.lstrip().split("\n", _RECOGNITION_LINES)[:_RECOGNITION_LINES])
    return bool(_DOCUMENT.match(head) or _OBJECT_LINE.search(first_lines))


def read(path: Path) -> Iterator[Paper | RejectedRecord]:
    """The objects in file order, one in memory at a time. Raises CorpusError for a list that is not JSON."""
    if _DOCUMENT.match(textfile.head(path)):
        yield from _from_document(path)
    else:
        yield from _from_lines(path)


def _from_lines(path: Path) -> Iterator[Paper | RejectedRecord]:
    for number, line in enumerate(textfile.lines(path), start=1):
        if line.strip():
            yield _from_line(line, str(path), number)


def _from_line(line: str, source: str, number: int) -> Paper | RejectedRecord:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return RejectedRecord(source=source, line=number, reason=f"not JSON: {_complaint(error)}")
    return _from_value(value, source, number)


def _from_value(value: object, source: str, number: int) -> Paper | RejectedRecord:
    if isinstance(value, dict):
        return from_record(value, source, number)
    return RejectedRecord(source=source, line=number, reason=f"is a JSON {type(value).__name__}, not an object")


def _from_document(path: Path) -> Iterator[Paper | RejectedRecord]:
    try:
        json_list.check(path)
    except json_list.NotJsonError as error:
        raise CorpusError(
            f"{path} begins as a JSON document but is not one: line {error.line}: {error}; fix it"
        ) from error
    for number, value in json_list.entries(path):
        yield _from_value(value, str(path), number)


def _complaint(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
