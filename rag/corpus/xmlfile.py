"""XML, read piece by piece: elements with their lines, nothing from elsewhere, and no entities of the file's own."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from rag.errors import CorpusError

_PIECE_BYTES = 1 << 16
_MAX_DEPTH = 200


class FoundElement(NamedTuple):
    """An element with all that is in it, names without namespaces, and the line on which it begins."""

    line: int
    element: Element


class _UnsafeError(ValueError):
    """What the file does that no bibliography needs."""


def elements(path: Path, name: str, tags: frozenset[str]) -> Iterator[FoundElement]:
    """The elements with one of these tags, in file order, one at a time.

    Raises CorpusError, before the first, for a file that is not well-formed XML, or that declares entities of its own:
    these can make a small file fill the memory.
    """
    try:
        for _ in _parse(path, frozenset()):  # nothing of a file that is cut goes in
            pass
    except (expat.ExpatError, _UnsafeError) as error:
        raise CorpusError(f"{name} is no XML that can be read: {error}; export it again") from error
    yield from _parse(path, tags)


def root(head: str) -> str:
    """The name of the first element, without a namespace; empty if the text is no XML."""
    parser = expat.ParserCreate("utf-8")
    found: list[str] = []
    parser.StartElementHandler = lambda tag, _: found.append(_local(tag))
    with suppress(expat.ExpatError, ValueError):
        parser.Parse(head.lstrip("\ufeff \r\n\t"))
    return found[0] if found else ""


def text(element: Element | None) -> str:
    """All text in an element, with sub- and superscripts as tags, for `markup.to_text`; empty for None."""
    if element is None:
        return ""
    parts = [element.text or ""]
    for child in element:
        inner = text(child)
        parts += [f"<{child.tag}>{inner}</{child.tag}>" if child.tag in ("sub", "sup") else inner, child.tail or ""]
    return "".join(parts)


def _parse(path: Path, tags: frozenset[str]) -> Iterator[FoundElement]:
    collector = _Collector(tags)
    parser = collector.parser
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            parser.Parse(piece, False)
            yield from collector.taken()
    parser.Parse(b"", True)
    yield from collector.taken()


class _Collector:
    """Builds the elements that are looked for, and nothing outside of them."""

    def __init__(self, tags: frozenset[str]) -> None:
        self._tags = tags
        self._found: list[FoundElement] = []
        self._builder: TreeBuilder | None = None
        self._depth = self._depth_of_builder = self._line = 0
        self.parser = expat.ParserCreate("utf-8")  # files in other encodings were copied to it before
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self.parser.EntityDeclHandler = self._refuse

    def taken(self) -> Iterator[FoundElement]:
        """The elements that have ended since the last call."""
        found, self._found = self._found, []
        return iter(found)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _UnsafeError(f"it is nested more than {_MAX_DEPTH} deep")
        tag = _local(tag)
        if self._builder is None and tag in self._tags:
            self._builder, self._depth_of_builder = TreeBuilder(), self._depth
            self._line = self.parser.CurrentLineNumber
        if self._builder is not None:
            self._builder.start(tag, attributes)

    def _end(self, tag: str) -> None:
        if self._builder is not None:
            self._builder.end(_local(tag))
            if self._depth == self._depth_of_builder:
                self._found.append(FoundElement(self._line, self._builder.close()))
                self._builder = None
        self._depth -= 1

    def _data(self, text: str) -> None:
        if self._builder is not None:
            self._builder.data(text)

    def _refuse(self, name: str, *_: object) -> None:
        raise _UnsafeError(f"it declares an entity, {name[:40]!r}")


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]
