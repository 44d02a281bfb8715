"""Files to papers: one module per format, chosen by content. A new one is a module and a line in `_FORMATS`."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Protocol

from rag.corpus import csv, hf_papers, jsonl, textfile
from rag.errors import ConfigError, CorpusError
from rag.types import Paper, RejectedRecord


class _Format(Protocol):
    """What the module of a format provides."""

    SUFFIXES: tuple[str, ...]
    NEEDS: str

    def recognises(self, head: str) -> bool:
        """Whether a file that begins with `head` (whole lines, unless the first is very long) is of this format."""
        ...

    def read(self, path: Path) -> Iterator[Paper | RejectedRecord]:
        """The records in file order. Raises CorpusError, before the first, if the file as a whole can't be read."""
        ...


_FORMATS: dict[str, _Format] = {"jsonl": jsonl, "csv": csv, "hf_papers": hf_papers}


def formats() -> tuple[str, ...]:
    """The names that `read` takes as its format."""
    return tuple(_FORMATS)


def find_files(paths: Sequence[Path]) -> list[Path]:
    """The files, each once; for a folder those in it, sorted, whose suffix a format claims, except hidden ones.

    A file that is named itself is always taken. Raises CorpusError for a folder that has none.
    """
    files: dict[Path, None] = {}
    for path in paths:
        found = _files_of_folder(path) if path.is_dir() else [path]
        if not found:
            raise CorpusError(f"{path} holds no file that ends in {', '.join(sorted(_suffixes()))}; name the files")
        files |= dict.fromkeys(found)
    return list(files)


def read(path: Path, format: str | None = None) -> Iterator[Paper | RejectedRecord]:
    """The records of a file, in order, one at a time; without `format` the content decides.

    An unusable record is yielded as RejectedRecord. Raises CorpusError, before any record, if the file as a
    whole can't be read, and ConfigError if there is no such format.
    """
    named = _named(format) if format is not None else None
    textfile.check(path)
    records = (named or _recognised(path)).read(path)
    first = next(records, None)
    if first is None:
        raise CorpusError(f"{path} has no records; give it at least one paper")
    return chain([first], records)


def _named(name: str) -> _Format:
    if name not in _FORMATS:
        raise ConfigError(f"no corpus format {name!r}; there is {', '.join(formats())}")
    return _FORMATS[name]


def _recognised(path: Path) -> _Format:
    head = textfile.head(path)
    by_suffix = sorted(_FORMATS.values(), key=lambda known: path.suffix.lower() not in known.SUFFIXES)
    for known in by_suffix:
        if known.recognises(head):
            return known
    needs = "; ".join(f"{name} ({known.NEEDS})" for name, known in _FORMATS.items())
    raise CorpusError(
        f"{path} is in no known format: {needs}. If it is one of these, say so: --format NAME, or format=NAME over HTTP"
    )


def _files_of_folder(folder: Path) -> list[Path]:
    suffixes = _suffixes()
    return sorted(path for path in _visible(folder) if path.suffix.lower() in suffixes and path.is_file())


def _visible(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _suffixes() -> set[str]:
    return {suffix for format in _FORMATS.values() for suffix in format.SUFFIXES}
