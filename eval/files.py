"""Reads and writes the small text files of an evaluation."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.errors import RequestError


def read_text(path: Path) -> str:
    """A small UTF-8 file. Raises RequestError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} can't be read: {error}") from error


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file. Raises RequestError."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise RequestError(f"{path}:{number} is not JSON: {error}") from error


@contextmanager
def format_errors(path: Path) -> Iterator[None]:
    """Errors of a file in another format become a RequestError that names the file."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise RequestError(f"{path} is not of the form that was named: {error!r}") from error


def write_atomically(path: Path, text: str) -> None:
    """Replace a file in one step, so that no reader ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def append_durably(path: Path, text: str) -> None:
    """Add to the end of a file; what this has returned from survives a kill -9 and a power cut."""
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def pretty(value: Any) -> str:
    """JSON for files that people read: sorted keys, so that the same content has the same bytes."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def json_lines(values: Iterable[Any]) -> str:
    """JSON Lines: one value a line, each line ended."""
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)
