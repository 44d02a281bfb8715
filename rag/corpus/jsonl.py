"""JSON: one object a line (also arXiv's snapshot and BEIR's corpora), a list of objects, or a page of an API."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from rag.corpus import json_list, textfile
from rag.corpus.record import BrokenRecord, RawRecord
from rag.errors import CorpusError

SUFFIXES: tuple[str, ...] = (".jsonl", ".ndjson", ".json")
NEEDS = "JSON: an object with title and abstract a line, a list of them, or a reply of an API that holds such a list"

_OBJECT_LINE = re.compile(r'^\s*\{\s*(?:"|\}|$)', re.MULTILINE)
_RECOGNITION_LINES = 20
# A list of objects, or one object over several lines.
_DOCUMENT = re.compile(r"\s*(?:\[\s*[{\]]|\{[^\S\n]*\n)")
_BETWEEN_ENTRIES = re.compile(r"[\s,]*")
_KEY = re.compile(r'[\s,]*("(?:[^"\\]|\\.)*")\s*:\s*')
# Where the replies of APIs and exports hold their papers.
_WRAPPERS = (
    ("message", "items"),
    ("resultList", "result"),
    ("response", "docs"),
    ("results",),
    ("data",),
    ("items",),
    ("papers",),
    ("records",),
    ("works",),
    ("references",),
)
_TITLES = ("title", "Title", "TITLE", "display_name", "title_display", "abstract", "Abstract", "text")


def recognises(head: str) -> bool:
    """By a line that begins an object, or the beginning of a list of objects."""
    first_lines = "\n".join(head.lstrip().split("\n", _RECOGNITION_LINES)[:_RECOGNITION_LINES])
    return bool(_DOCUMENT.match(head) or _OBJECT_LINE.search(first_lines))


def read(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """The objects in file order; only a list is held in memory. Raises CorpusError for a list that is not JSON."""
    return _from_document(path, name) if _DOCUMENT.match(textfile.head(path)) else _from_lines(path)


def raw_record(value: object, line: int) -> RawRecord | BrokenRecord:
    """The record of a JSON value."""
    if isinstance(value, dict):
        return RawRecord(line, value)
    return BrokenRecord(line, f"is a JSON {type(value).__name__}, not an object")


def unwrapped(value: object) -> list[object]:
    """The papers that a reply of an API holds, or an object of papers by id; any other value itself."""
    if not isinstance(value, Mapping):
        return [value]
    if _has_title(work := value.get("message")):  # Crossref's reply about one work
        return [work]
    if path := _wrapper(value):
        inner: object = value
        for key in path:
            assert isinstance(inner, Mapping)
            inner = inner[key]
        return inner if isinstance(inner, list) else _by_id(inner)
    return _by_id(value) if _is_by_id(value) else [value]


def _wrapper(value: Mapping[str, object]) -> tuple[str, ...] | None:
    if _has_title(value):
        return None
    for path in _WRAPPERS:
        inner: object = value
        for key in path:
            inner = inner.get(key) if isinstance(inner, Mapping) else None
        if isinstance(inner, list) and any(isinstance(entry, Mapping) for entry in inner):
            return path
        if isinstance(inner, Mapping) and _is_by_id(inner):
            return path
    return None


def _has_title(value: object) -> bool:
    return isinstance(value, Mapping) and any(title in value for title in _TITLES)


def _is_by_id(value: Mapping[str, object]) -> bool:
    return bool(value) and all(isinstance(entry, Mapping) for entry in value.values())


def _by_id(value: object) -> list[object]:
    """The records of an object by their ids; a record's own id counts more."""
    assert isinstance(value, Mapping)
    return [{"id": key, **entry} for key, entry in value.items()]


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
        yield from (raw_record(entry, number) for entry in unwrapped(value))


def _from_document(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """A list is read entry by entry; any other document is one reply of an API, and is held in memory."""
    if json_list.is_list(path):
        try:
            json_list.check(path)
        except json_list.NotJsonError as error:
            raise _not_json(name, error.line, str(error)) from error
        yield from (raw_record(value, line) for line, value in json_list.entries(path))
        return
    text = textfile.text(path)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        raise _not_json(name, line, _complaint(error)) from error
    wrapper = _wrapper(value) if isinstance(value, Mapping) else None
    records = unwrapped(value)
    lines = _lines_of_entries(text, wrapper or ()) if wrapper or len(records) > 1 else iter([1])
    for record, line in zip(records, lines, strict=False):  # a key may come twice
        yield raw_record(record, line)


def _not_json(name: str, line: int, complaint: str) -> CorpusError:
    return CorpusError(f"{name} begins as a JSON document but is not one: line {line}: {complaint}; fix it")


def _lines_of_entries(text: str, path: tuple[str, ...]) -> Iterator[int]:
    """The line of each entry of the list or object under `path`, in a text that is known to be JSON.

    `json.loads` does not give them.
    """
    decode = json.JSONDecoder().raw_decode
    position = _end_of_gap(text, 0)
    for key in path:
        position = _value_under(text, position, key)
    keyed, position, line, counted = text[position] == "{", position + 1, 1, 0
    while text[(position := _end_of_gap(text, position))] not in "]}":
        line, counted = line + text.count("\n", counted, position), position
        yield line
        if keyed:
            position = _end_of_key(text, position)
        position = decode(text, position)[1]


def _value_under(text: str, position: int, key: str) -> int:
    """Where the last value of a key begins in the object at `position`; the last one is what `json.loads` keeps."""
    decode = json.JSONDecoder().raw_decode
    position, found = position + 1, -1
    while text[(position := _end_of_gap(text, position))] != "}":
        name = decode(text, position)[0]
        position = _end_of_key(text, position)
        found = position if name == key else found
        position = decode(text, position)[1]
    return found


def _end_of_key(text: str, position: int) -> int:
    key = _KEY.match(text, position)
    assert key is not None
    return key.end()


def _end_of_gap(text: str, position: int) -> int:
    gap = _BETWEEN_ENTRIES.match(text, position)
    return gap.end() if gap else position


def _complaint(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
