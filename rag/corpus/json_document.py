"""Finds the papers in a JSON document of any length: a list, a reply of an API that holds one, or papers by id."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from rag.corpus import json_list
from rag.corpus.json_list import NotJsonError, Reader

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
_TELLING = frozenset({*_TITLES, *(key for path in _WRAPPERS for key in path)})
_ANY_OTHER = ""

_Object = Mapping[str, object]


class Place(NamedTuple):
    """Where the papers are: under which keys, one after another, and whether there is only one."""

    keys: tuple[str, ...]
    is_one: bool = False


WHOLE = Place((), is_one=True)
"""The document is one paper."""


def unwrapped(value: object) -> list[object]:
    """The papers that a value holds, as those of a document are found; any other value itself."""
    if not isinstance(value, Mapping):
        return [value]
    place = _place(value) or WHOLE
    inner: object = value
    for key in place.keys:
        assert isinstance(inner, Mapping)
        inner = inner[key]
    if place.is_one:
        return [inner]
    return inner if isinstance(inner, list) else [_with_id(key, entry) for key, entry in _members(inner)]


def find(path: Path) -> Place | None:
    """Where the papers of a file are; None if it is JSON without papers. Raises NotJsonError, also for its end."""
    with json_list.opened(path) as reader:
        begin = reader.next_character()
        outline = _outline(reader, 2) if begin == "{" else None
        if begin == "[":
            for _ in reader.entries():
                reader.value()
        elif outline is None:
            reader.value()
        reader.end()
    if begin == "[":
        return Place(())
    return _place(outline) if isinstance(outline, dict) else None


def entries(path: Path, place: Place) -> Iterator[tuple[int, object]]:
    """The papers at a place that `find` gave, each with the line on which it begins; one at a time is in memory."""
    with json_list.opened(path) as reader:
        yield from _under(reader, place.keys, is_one=place.is_one)


def _under(reader: Reader, keys: tuple[str, ...], *, is_one: bool) -> Iterator[tuple[int, object]]:
    begin = reader.next_character()
    if keys:
        for _, key in reader.members():
            if key == keys[0]:
                yield from _under(reader, keys[1:], is_one=is_one)
            else:
                reader.value()
    elif is_one:
        yield reader.line, reader.value()
    elif begin == "[":
        for line in reader.entries():
            yield line, reader.value()
    else:
        for line, key in reader.members():
            yield line, _with_id(key, reader.value())


def _outline(reader: Reader, depth: int) -> object:
    """What `_place` has to know of a value: of lists whether they hold an object, of objects the telling keys.

    Of all other members of an object there is one, which is an object only if all of them are.
    """
    begin = reader.next_character()
    if begin == "[":
        has_object = False
        for _ in reader.entries():
            has_object = isinstance(reader.value(), dict) or has_object
        return [{}] if has_object else []
    if begin != "{" or not depth:
        return {} if isinstance(reader.value(), dict) else None
    found: dict[str, object] = {}
    for _, key in reader.members():
        value = _outline(reader, depth - 1)
        if key in _TELLING:
            found[key] = value
        elif found.get(_ANY_OTHER, {}) is not None:
            found[_ANY_OTHER] = {} if isinstance(value, dict) else None
    return found


def _place(value: _Object) -> Place | None:
    if _has_title(value):
        return WHOLE
    if _has_title(value.get("message")):  # Crossref's reply about one work
        return Place(("message",), is_one=True)
    for path in _WRAPPERS:
        inner: object = value
        for key in path:
            inner = inner.get(key) if isinstance(inner, Mapping) else None
        if isinstance(inner, list) and any(isinstance(entry, Mapping) for entry in inner):
            return Place(path)
        if isinstance(inner, Mapping) and _is_by_id(inner):
            return Place(path)
    return Place(()) if _is_by_id(value) else None


def _has_title(value: object) -> bool:
    return isinstance(value, Mapping) and any(title in value for title in _TITLES)


def _is_by_id(value: _Object) -> bool:
    return bool(value) and all(isinstance(entry, Mapping) for entry in value.values())


def _members(value: object) -> Iterator[tuple[str, object]]:
    assert isinstance(value, Mapping)
    yield from value.items()


def _with_id(key: str, entry: object) -> object:
    """A record under its id; its own id counts more."""
    return {"id": key, **entry} if isinstance(entry, Mapping) else entry


__all__ = ["WHOLE", "NotJsonError", "Place", "entries", "find", "unwrapped"]
