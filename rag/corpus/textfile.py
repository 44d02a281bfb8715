"""Text files: checked to be UTF-8 as a whole before anything is read, with the line ends of any system."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from rag.errors import CorpusError

_ENCODING = "utf-8-sig"
MAX_LINE_CHARACTERS = 4_000_000

_PIECE_BYTES = 1 << 20
_HEAD_CHARACTERS = 1 << 16
_OTHER_FORMATS = {
    codecs.BOM_UTF16_LE: "UTF-16 text; save it as UTF-8",
    codecs.BOM_UTF16_BE: "UTF-16 text; save it as UTF-8",
    b"\x1f\x8b": "gzip-compressed; unpack it first",
    b"PK\x03\x04": "a zip archive or an office document; unpack it, or export it as CSV",
    b"%PDF-": "a PDF; this reads titles and abstracts as text",
}


def check(path: Path) -> None:
    """Raise CorpusError unless the file is there, is UTF-8 text (a byte-order mark is fine) and is not blank."""
    try:
        _check_kind(path)
        _check_bytes(path)
    except OSError as error:
        raise CorpusError(f"{path} can't be read: {error.strerror or error}") from error


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


def _check_kind(path: Path) -> None:
    if not path.exists():
        raise CorpusError(f"{path} does not exist; check the path")
    if path.is_dir():
        raise CorpusError(f"{path} is a directory; name the files in it")
    if not path.is_file():
        raise CorpusError(f"{path} is not a regular file; save its content to one")


def _check_bytes(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, blank = 0, True
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            if offset == 0:
                _check_first_bytes(path, piece)
            text = _decoded(path, decoder, piece, offset)
            blank = blank and not text.lstrip("\ufeff").strip()
            offset += len(piece)
    _decoded(path, decoder, b"", offset)
    if blank:
        raise CorpusError(f"{path} is empty; give it at least one paper")


def _check_first_bytes(path: Path, piece: bytes) -> None:
    for start, kind in _OTHER_FORMATS.items():
        if piece.startswith(start):
            raise CorpusError(f"{path} is {kind}")


def _decoded(path: Path, decoder: codecs.IncrementalDecoder, piece: bytes, offset: int) -> str:
    """The text of the piece that begins `offset` bytes into the file; an empty piece ends the file."""
    if b"\0" in piece:
        raise CorpusError(f"{path} is not text: byte {offset + piece.index(0)} is NUL; is it a binary file?")
    held = len(decoder.getstate()[0])  # bytes of a character that began in the last piece
    try:
        return decoder.decode(piece, final=not piece)
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path} is not UTF-8: {error.reason} at byte {offset - held + error.start}; save it as UTF-8"
        ) from error
