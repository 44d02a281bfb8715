"""Text files: checked to be UTF-8 as a whole before anything is read, with the line ends of any system."""

import codecs
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from rag.errors import CorpusError

_ENCODING = "utf-8-sig"
MAX_LINE_CHARACTERS = 4_000_000

_PIECE_BYTES = 1 << 20
_HEAD_CHARACTERS = 1 << 16
_NO_TEXT = {
    b"%PDF-": "a PDF; this reads titles and abstracts as text",
    b"PK\x03\x04": "an office document; export it as CSV",
    b"\xd0\xcf\x11\xe0": "an office document; export it as CSV",
}
_DECLARATION_BYTES = 200
_XML_ENCODING = re.compile(rb"""\s*<\?xml[^>]{0,100}?encoding=["']([A-Za-z0-9._-]{1,40})["']""")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class NotUtf8Error(CorpusError):
    """Text in an encoding that nothing tells."""


def name_of(path: Path) -> str:
    """The path as text that can be printed and stored; a name in another encoding than UTF-8 is read as Latin-1."""
    name = os.fsencode(path)
    try:
        text = name.decode()
    except UnicodeDecodeError:
        text = name.decode("latin-1")
    return "".join(character if character.isprintable() else "�" for character in text)


def check_kind(path: Path) -> None:
    """Raise CorpusError unless the file is there and is a regular file that may be opened."""
    name = name_of(path)
    try:
        if not path.exists():
            raise CorpusError(f"{name} does not exist; check the path")
        if not path.is_file():
            raise CorpusError(f"{name} is not a regular file; save its content to one")
        path.open("rb").close()
    except OSError as error:
        raise CorpusError(f"{name} can't be read: {error.strerror or error}") from error


def declared_encoding(path: Path) -> str | None:
    """UTF-16 where the file begins with its mark, else what an XML declaration says; None for UTF-8 and by default."""
    start = first_bytes(path, _DECLARATION_BYTES)
    if start.startswith(_UTF_16):
        return "utf-16"
    declared = _XML_ENCODING.match(start)
    name = declared[1].decode("ascii").lower() if declared else "utf-8"
    return None if name in ("utf-8", "utf8", "us-ascii") else name


def first_bytes(path: Path, number: int = 16) -> bytes:
    """What the file begins with."""
    with path.open("rb") as file:
        return file.read(number)


def to_utf_8(path: Path, encoding: str, copy: Path, name: str) -> None:
    """Write a text in another encoding as UTF-8. Raises CorpusError where it is not in that encoding."""
    try:
        with path.open(encoding=encoding, newline="") as file, copy.open("w", encoding="utf-8", newline="") as out:
            while piece := file.read(_PIECE_BYTES):
                out.write(piece)
    except (UnicodeError, LookupError) as error:
        raise CorpusError(f"{name} is not {encoding.upper()} text: {error}; save it as UTF-8") from error


def check(path: Path, name: str) -> None:
    """Raise CorpusError unless the file is UTF-8 text (a byte-order mark is fine) and is not blank."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, blank = 0, True
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            if offset == 0:
                _check_first_bytes(name, piece)
            text = _decoded(name, decoder, piece, offset)
            blank = blank and not text.lstrip("\ufeff").strip()
            offset += len(piece)
    _decoded(name, decoder, b"", offset)
    if blank:
        raise CorpusError(f"{name} is empty; give it at least one paper")


def head(path: Path) -> str:
    """The first lines, about 64,000 characters; a line is cut only if it alone is longer than that."""
    with opened(path) as file:
        text = file.read(_HEAD_CHARACTERS)
    return text if len(text) < _HEAD_CHARACTERS else text.rpartition("\n")[0] or text


def lines(path: Path) -> Iterator[str]:
    """The lines with their ends as a newline. Only line feeds and carriage returns end a line.

    Of a line that is longer than `MAX_LINE_CHARACTERS` only so many come.
    """
    with opened(path) as file:
        while line := file.readline(MAX_LINE_CHARACTERS):
            yield line
            while len(line) == MAX_LINE_CHARACTERS and not line.endswith("\n"):
                line = file.readline(MAX_LINE_CHARACTERS)


def opened(path: Path) -> TextIO:
    """The file, open for reading text, its line ends as newlines."""
    return path.open(encoding=_ENCODING)


def text(path: Path) -> str:
    """The whole file, its line ends as newlines."""
    return path.read_text(encoding=_ENCODING)


def byte_text(path: Path) -> str:
    """The whole file with a character for each byte of its UTF-8, its line ends as newlines.

    It takes a byte a character, where text takes up to four for the sake of one character; marks of ASCII are the same.
    """
    text = path.read_text(encoding="latin-1")
    return text.removeprefix(codecs.BOM_UTF8.decode("latin-1"))


def _check_first_bytes(name: str, piece: bytes) -> None:
    for start, kind in _NO_TEXT.items():
        if piece.startswith(start):
            raise CorpusError(f"{name} is {kind}")


def _decoded(name: str, decoder: codecs.IncrementalDecoder, piece: bytes, offset: int) -> str:
    """The text of the piece that begins `offset` bytes into the file; an empty piece ends the file."""
    if b"\0" in piece:
        raise CorpusError(f"{name} is not text: byte {offset + piece.index(0)} is NUL; is it a binary file?")
    held = len(decoder.getstate()[0])  # bytes of a character that began in the last piece
    try:
        return decoder.decode(piece, final=not piece)
    except UnicodeDecodeError as error:
        raise NotUtf8Error(
            f"{name} is not UTF-8: {error.reason} at byte {offset - held + error.start}; save it as UTF-8"
        ) from error
