"""Finds the files in folders, zip archives and compressed files, and unpacks them one at a time."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, NamedTuple, Protocol
from zipfile import BadZipFile, ZipFile, ZipInfo

import zstandard

from rag.corpus.textfile import check_kind, first_bytes, name_of
from rag.errors import CorpusError

_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
_PIECE_BYTES = 1 << 20
_ZSTD_PIECE_BYTES = 1 << 10  # a block of three bytes may unpack to 128 KiB
_MAX_DEPTH = 3
_MAX_MEMBERS = 10_000
# Text packs to a tenth; what unpacks to far more than it takes is made to fill the disk.
_MAX_RATIO = 100
_ALWAYS_ALLOWED_BYTES = 100 << 20
_UNPACKING_ERRORS = (OSError, EOFError, zlib.error, BadZipFile, zstandard.ZstdError, RuntimeError, NotImplementedError)


class _Reader(Protocol):
    """What unpacks."""

    def read(self, size: int = ..., /) -> bytes:
        """The next bytes; none at the end."""
        ...

    def close(self) -> None:
        """Nothing is read after it."""
        ...


class File(NamedTuple):
    """A file to read, and what it is called: for one from an archive, the archive's name and its own."""

    path: Path
    name: str


def files(path: Path) -> Iterator[File | CorpusError]:
    """The files of a folder, an archive or a compressed file, sorted; any other file itself.

    Hidden files are left out. Unpacked files are gone when the next one is asked for. What can't be unpacked inside
    a folder or an archive is yielded as the error; the path itself is raised as CorpusError if it can't be read.
    """
    if is_container(path) and path.is_dir():
        yield from _of_folder(path)
    else:
        check_kind(path)
        yield from _unpacked(File(path, name_of(path)), _MAX_DEPTH)


def is_container(path: Path) -> bool:
    """Whether the path may hold several files, some of which may be of no use."""
    try:
        return path.is_dir() or (path.is_file() and first_bytes(path).startswith(_ZIP))
    except OSError:  # the reading of it says why
        return False


def _of_folder(folder: Path) -> Iterator[File | CorpusError]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or path.is_dir():
            continue
        try:
            check_kind(path)
            yield from _unpacked(File(path, name_of(path)), _MAX_DEPTH)
        except CorpusError as error:
            yield error


def _unpacked(file: File, depth: int) -> Iterator[File | CorpusError]:
    start = first_bytes(file.path)
    if depth and start.startswith(_GZIP):
        yield from _of_stream(file, _gzip_reader, depth)
    elif depth and start.startswith(_ZSTD):
        yield from _of_stream(file, _ZstdReader, depth)
    elif depth and start.startswith(_ZIP) and not _is_office_document(file.path):
        yield from _of_archive(file, depth)
    else:
        yield file


def _gzip_reader(packed: IO[bytes]) -> _Reader:
    return gzip.GzipFile(fileobj=packed)


class _ZstdReader:
    """Unpacks frame after frame, and notices where the last one is cut, which zstandard's own reader does not."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._rest = b""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, of any number; none at the end. Raises EOFError for a frame that is cut."""
        while piece := self._rest or self._packed.read(_ZSTD_PIECE_BYTES):
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            unpacked = self._frame.decompress(piece)
            self._rest = self._frame.unused_data
            if unpacked:
                return unpacked
        if not self._frame.eof:
            raise EOFError("it is cut")
        return b""

    def close(self) -> None:
        """Nothing is held."""


def _of_stream(file: File, reader: Callable[[IO[bytes]], _Reader], depth: int) -> Iterator[File | CorpusError]:
    with TemporaryDirectory(prefix="scholiast-") as folder:
        inside = Path(folder) / (Path(file.path.stem).name or "file")
        with file.path.open("rb") as packed:
            _unpack(partial(reader, packed), inside, _allowed(file.path), file.name)
        yield from _unpacked(File(inside, file.name), depth - 1)


def _of_archive(file: File, depth: int) -> Iterator[File | CorpusError]:
    """Its members in order; the limit on what is unpacked is that of the archive as a whole."""
    try:
        archive = ZipFile(file.path)
    except _UNPACKING_ERRORS as error:
        raise CorpusError(f"{file.name} can't be unpacked: {error}; get it again") from error
    with closing(archive):
        left = _allowed(file.path)
        for member in _members(archive, file.name):
            name = f"{file.name}/{name_of(Path(member.filename))}"
            with TemporaryDirectory(prefix="scholiast-") as folder:
                inside = Path(folder) / f"file{Path(member.filename).suffix}"
                try:
                    left -= _unpack(partial(archive.open, member), inside, left, name)
                    yield from _unpacked(File(inside, name), depth - 1)
                except CorpusError as error:
                    yield error


def _members(archive: ZipFile, name: str) -> list[ZipInfo]:
    found = [member for member in archive.infolist() if not _is_folder_or_hidden(member.filename)]
    if len(found) > _MAX_MEMBERS:
        raise CorpusError(f"{name} holds {len(found):,} files; {_MAX_MEMBERS:,} is the most, so unpack it first")
    return sorted(found, key=lambda member: member.filename)


def _is_folder_or_hidden(member: str) -> bool:
    return member.endswith("/") or not member or any(part.startswith((".", "__MACOSX")) for part in member.split("/"))


def _is_office_document(path: Path) -> bool:
    try:
        with ZipFile(path) as archive:
            return bool({"[Content_Types].xml", "mimetype"} & set(archive.namelist()))
    except _UNPACKING_ERRORS:
        return False


def _allowed(path: Path) -> int:
    """How many bytes a packed file may give."""
    return max(_ALWAYS_ALLOWED_BYTES, path.stat().st_size * _MAX_RATIO)


def _unpack(open_packed: Callable[[], _Reader], inside: Path, allowed: int, name: str) -> int:
    """Write the content to a file; returns how many bytes it has. Raises CorpusError."""
    written = 0
    try:
        with closing(open_packed()) as content, inside.open("wb") as out:
            while piece := content.read(_PIECE_BYTES):
                written += out.write(piece)
                if written > allowed:
                    raise CorpusError(f"{name} unpacks to over {_MAX_RATIO} times its size; unpack it yourself")
    except _UNPACKING_ERRORS as error:
        raise CorpusError(f"{name} can't be unpacked: {error}; get it again, or unpack it yourself") from error
    return written
