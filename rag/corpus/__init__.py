"""Files to papers: one module per format, chosen by content. A new one is a module and a line in `_FORMATS`."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from rag.corpus import (
    atom,
    bibtex,
    columns,
    csv,
    encodings,
    endnote,
    hf_papers,
    jsonl,
    nbib,
    packed,
    parquet,
    plaintext,
    pubmed_xml,
    ris,
    shapes,
    spreadsheet,
    textfile,
    wos,
)
from rag.corpus.packed import File
from rag.corpus.record import BrokenRecord, RawRecord, from_record
from rag.errors import ConfigError, CorpusError
from rag.types import IngestNote, Record, RejectedRecord

_MAX_NOTES = 100
_MAX_COLUMNS = 200
_ERRORS_SHOWN = 3
_READ_AS_WINDOWS = "the text is not UTF-8 and was read as Windows-1252; if names look wrong, save it as UTF-8"


class _UnknownFormatError(CorpusError):
    """A file that no format recognises."""


class _Format(Protocol):
    """What the module of a format provides."""

    SUFFIXES: tuple[str, ...]
    NEEDS: str

    def recognises(self, head: str) -> bool:
        """Whether a file that begins with `head` (whole lines, unless the first is very long) is of this format."""
        ...

    def read(self, path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
        """The records in file order; `name` is what messages call the file.

        Raises CorpusError, before the first, if the file as a whole can't be read.
        """
        ...


_FORMATS: dict[str, _Format] = {
    "jsonl": jsonl,
    "csv": csv,
    "bibtex": bibtex,
    "ris": ris,
    "nbib": nbib,
    "wos": wos,
    "pubmed_xml": pubmed_xml,
    "atom": atom,
    "endnote": endnote,
    "hf_papers": hf_papers,
    "text": plaintext,
    "parquet": parquet,
    "spreadsheet": spreadsheet,
}
_BINARY: dict[bytes, _Format] = {start: module for module in (parquet, spreadsheet) for start in module.FIRST_BYTES}
_ANY_PROSE: tuple[_Format, ...] = (plaintext,)
"""Formats that any prose looks like: they are asked last, and only about files with their suffix."""


def formats() -> tuple[str, ...]:
    """The names that `read` takes as its format."""
    return tuple(_FORMATS)


def read(path: Path, format: str | None = None) -> Iterator[Record]:
    """The records of a file, an archive or a folder, in order, one at a time; without `format` the content decides.

    A record that can't be used is yielded as RejectedRecord, and so is, with line 1, a file of a folder or an archive
    that can't be read. Raises CorpusError, before any record, if nothing of it can be read, and ConfigError if there
    is no such format.
    """
    named = _named(format) if format is not None else None
    records = _of_container(path, named) if packed.is_container(path) else _of_file(path, named)
    first = next(records, None)
    if first is None:
        raise CorpusError(f"{textfile.name_of(path)} has no records; give it at least one paper")
    return chain([first], records)


def from_values(values: Iterable[object], source: str) -> Iterator[Record]:
    """The papers of JSON values; the nth gets line n of the source."""
    return _papers(map(jsonl.raw_record, values, count(1)), source)


def _named(name: str) -> _Format:
    if name not in _FORMATS:
        raise ConfigError(f"no corpus format {name!r}; there is {', '.join(formats())}")
    return _FORMATS[name]


def _of_file(path: Path, named: _Format | None) -> Iterator[Record]:
    for file in packed.files(path):
        if isinstance(file, CorpusError):
            raise file
        yield from _records(file, named)


def _of_container(path: Path, named: _Format | None) -> Iterator[Record]:
    """The records of each file that can be read, then which files could not. Raises CorpusError if all could not."""
    errors: list[tuple[str, str]] = []
    readable = False
    for file in packed.files(path):
        name = textfile.name_of(path) if isinstance(file, CorpusError) else file.name
        try:
            if isinstance(file, CorpusError):
                raise file
            for record in _records(file, named):
                readable = True
                yield record
        except CorpusError as error:
            known_reason = "is in no known format" if isinstance(error, _UnknownFormatError) else str(error)
            errors.append((name, known_reason))
    if not readable:
        reasons = "; ".join(reason for _, reason in errors[:_ERRORS_SHOWN]) or "it is empty"
        raise CorpusError(f"{textfile.name_of(path)} holds no file that can be read as papers: {reasons}")
    for name, reason in errors:
        yield RejectedRecord(source=name, line=1, reason=reason.removeprefix(f"{name} "))


def _records(file: File, named: _Format | None) -> Iterator[Record]:
    start = textfile.first_bytes(file.path)
    binary = next((known for first, known in _BINARY.items() if start.startswith(first)), None)
    if binary:
        records = binary.read(file.path, file.name)
        yield from _at_least_one(_papers(records, file.name), file.name)
        return
    with _as_utf_8(file) as (path, note):
        known = named or _recognised(path, file)
        yield from _at_least_one(_papers(known.read(path, file.name), file.name), file.name)
        yield from note


def _at_least_one(records: Iterator[Record], name: str) -> Iterator[Record]:
    first = next(records, None)
    if first is None:
        raise CorpusError(f"{name} has no records; give it at least one paper")
    yield first
    yield from records


@contextmanager
def _as_utf_8(file: File) -> Iterator[tuple[Path, list[IngestNote]]]:
    """The file itself, checked, or a copy of one in another encoding, with a note where it does not say in which."""
    encoding, notes = textfile.declared_encoding(file.path), []
    if encoding is None:
        try:
            textfile.check(file.path, file.name)
        except textfile.NotUtf8Error:
            if not encodings.is_windows_1252(file.path):
                raise
            encoding = encodings.NAME
            notes = [IngestNote(source=file.name, line=1, text=_READ_AS_WINDOWS)]
    if encoding is None:
        yield file.path, notes
        return
    with TemporaryDirectory(prefix="scholiast-") as folder:
        copy = Path(folder) / f"file{file.path.suffix}"
        textfile.to_utf_8(file.path, encoding, copy, file.name)
        textfile.check(copy, file.name)
        yield copy, notes


def _recognised(path: Path, file: File) -> _Format:
    head, suffix = textfile.head(path), file.path.suffix.lower()
    any_prose = [known for known in _ANY_PROSE if suffix in known.SUFFIXES]
    by_suffix = sorted(_FORMATS.values(), key=lambda known: suffix not in known.SUFFIXES)
    for known in [*(known for known in by_suffix if known not in _ANY_PROSE), *any_prose]:
        if known.recognises(head):
            return known
    if advice := csv.advice(head):
        raise CorpusError(f"{file.name} {advice}")
    needs = "; ".join(f"{name} ({known.NEEDS})" for name, known in _FORMATS.items())
    raise _UnknownFormatError(
        f"{file.name} is in no known format: {needs}. "
        "If it is one of these, say so: --format NAME, or format=NAME over HTTP"
    )


def _papers(records: Iterable[RawRecord | BrokenRecord], name: str) -> Iterator[Record]:
    """The papers with what was left out of them; last, the columns that nothing is read from."""
    notes, seen = 0, dict[str, None]()
    for record in records:
        if isinstance(record, BrokenRecord):
            yield RejectedRecord(source=name, line=record.line, reason=record.reason)
            continue
        flat = shapes.flatten(record.fields)
        _note_columns(seen, flat)
        for found in from_record(flat, name, record.line):
            notes += isinstance(found, IngestNote)
            if not isinstance(found, IngestNote) or notes <= _MAX_NOTES:
                yield found
    if notes > _MAX_NOTES:
        yield IngestNote(source=name, line=1, text=f"{notes - _MAX_NOTES:,} more values were left out")
    if unused := columns.unused(seen):
        yield IngestNote(source=name, line=1, text=f"nothing is read from: {', '.join(unused)}")


def _note_columns(seen: dict[str, None], fields: Mapping[str, object]) -> None:
    if len(seen) < _MAX_COLUMNS:
        seen.update(dict.fromkeys(fields))
