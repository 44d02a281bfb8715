"""The file of a backup: a ZIP archive of a few known members, and a manifest with their sizes and SHA-256."""

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, BadZipFile, LargeZipFile, ZipFile

from pydantic import TypeAdapter, ValidationError

from rag.answerability import CALIBRATION
from rag.database import FILE
from rag.errors import RequestError
from rag.library.registry import LibrarySummary

MEMBERS = (FILE, CALIBRATION)
"""All that may be in an archive, beside its manifest. Nothing else is ever taken out of one, whatever it is named."""

_MANIFEST = "manifest.json"
_PRODUCT = "scholiast backup"
_FORMAT = 1
_MAX_MANIFEST_BYTES = 4 << 20
_BLOCK = 1 << 20
_LEVEL = 1  # most bytes are vectors, which higher levels make hardly smaller


@dataclass(frozen=True, kw_only=True)
class Member:
    """A file of the home folder as it is in an archive."""

    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What the database of an archive holds; nothing, if there is none in it."""

    libraries: tuple[LibrarySummary, ...] = ()
    answers: int = 0
    conversations: int = 0


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an archive is. `left_out` says in sentences what of the installation is not in it."""

    product: str
    format: int
    version: str
    created: str
    contents: Contents
    left_out: tuple[str, ...]
    members: Mapping[str, Member]


_ADAPTER = TypeAdapter(Manifest)


def write(
    file: Path, members: Mapping[str, Path], contents: Contents, created: str, left_out: tuple[str, ...]
) -> Manifest:
    """Write an archive for the user alone, and wait for the disk. Raises OSError."""
    manifest = Manifest(
        product=_PRODUCT,
        format=_FORMAT,
        version=version("scholiast"),
        created=created,
        contents=contents,
        left_out=left_out,
        members={name: _described(path) for name, path in members.items()},
    )
    file.touch(0o600)
    with file.open("wb") as stream:
        with ZipFile(stream, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
            archive.writestr(_MANIFEST, json.dumps(asdict(manifest), indent=2))
            for name, path in members.items():
                archive.write(path, name)
        stream.flush()
        os.fsync(stream.fileno())
    return manifest


@contextmanager
def opened(file: Path) -> Iterator["Archive"]:
    """The archive in a file. Raises RequestError for any other file, one of a newer version, and a damaged one."""
    try:
        with ZipFile(file) as archive:
            yield Archive(file, archive)
    except FileNotFoundError as error:
        raise RequestError(f"{file} is not there; name the file that `scholiast backup` wrote") from error
    except (BadZipFile, LargeZipFile, IsADirectoryError) as error:
        raise RequestError(f"{file} is no backup of Scholiast, or only a part of one ({error})") from error


class Archive:
    """An archive that is open, and whose manifest is sound."""

    def __init__(self, file: Path, archive: ZipFile) -> None:
        self._file = file
        self._archive = archive
        self.manifest = self._read_manifest()

    def check(self) -> None:
        """Read everything. Raises RequestError if any of it is damaged."""
        for name in self.manifest.members:
            for _ in self._blocks(name):
                pass

    def extract(self, name: str, path: Path) -> None:
        """Write a member to a file for the user alone. Raises RequestError if it is damaged."""
        path.touch(0o600)
        with path.open("wb") as stream:
            for block in self._blocks(name):
                stream.write(block)

    def _blocks(self, name: str) -> Iterator[bytes]:
        """No more than the manifest promises, so that a small file can't fill the disk."""
        expected = self.manifest.members[name]
        digest, left = sha256(), expected.bytes
        try:
            with self._archive.open(name) as stream:
                while block := stream.read(min(_BLOCK, left + 1)):
                    left -= len(block)
                    digest.update(block)
                    if left < 0:
                        break
                    yield block
        except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise self._damaged(f"{name}: {error}") from error
        if left or digest.hexdigest() != expected.sha256:
            raise self._damaged(f"{name} is not what was backed up")

    def _read_manifest(self) -> Manifest:
        names = self._archive.namelist()
        if _MANIFEST not in names or self._archive.getinfo(_MANIFEST).file_size > _MAX_MANIFEST_BYTES:
            raise RequestError(f"{self._file} is no backup of Scholiast: it has no {_MANIFEST}")
        try:
            value = json.loads(self._archive.read(_MANIFEST))
            product, format = value["product"], value["format"]
        except (BadZipFile, zlib.error, ValueError, KeyError, TypeError) as error:
            raise self._damaged(f"{_MANIFEST}: {error}") from error
        if product != _PRODUCT:
            raise RequestError(f"{self._file} is a {str(product)[:40]!r}, no backup of Scholiast")
        if format != _FORMAT:
            raise RequestError(
                f"{self._file} has format {str(format)[:10]}, this version reads {_FORMAT}; restore it with version "
                f"{str(value.get('version'))[:20]} or newer"
            )
        if strangers := sorted({*names, *value["members"]} - {_MANIFEST, *MEMBERS}):
            raise RequestError(f"{self._file} holds {strangers[0][:80]!r}, which no backup of Scholiast does")
        if len(set(names)) < len(names) or {*value["members"], _MANIFEST} != set(names):
            raise self._damaged("its members are not those of its manifest")
        try:
            return _ADAPTER.validate_python(value)
        except ValidationError as error:
            raise self._damaged(f"{_MANIFEST} can't be read ({error.error_count()} faults)") from error

    def _damaged(self, why: object) -> RequestError:
        return RequestError(f"{self._file} is damaged ({' '.join(str(why).split())}); use another backup")


def _described(path: Path) -> Member:
    with path.open("rb") as stream:
        return Member(bytes=path.stat().st_size, sha256=_digest(stream))


def _digest(stream: IO[bytes]) -> str:
    digest = sha256()
    while block := stream.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
