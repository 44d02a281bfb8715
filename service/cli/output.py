"""Printing what no console of ours lays out: files, JSON, and errors; safe on a terminal, as it is through a pipe."""

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

MAX_COLUMNS = 100
"""Longer lines are hard to read."""

_NAMED = 3

UNSAFE_ON_A_TERMINAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal would execute or reorder: it is removed, as the text of an abstract is not to be trusted."""


def plain(text: str) -> str:
    """The text without what a terminal would execute or reorder."""
    return UNSAFE_ON_A_TERMINAL.sub("", text)


def print_file(pieces: Iterable[str]) -> None:
    """Print the text of a file as it is; on a terminal without what that would execute."""
    shown = plain if sys.stdout.isatty() else str
    for piece in pieces:
        sys.stdout.write(shown(piece))


def print_json(value: Mapping[str, Any]) -> None:
    """Print an object, indented."""
    print(to_json(value, indent=2))


def to_json(value: object, indent: int | None = None) -> str:
    """As JSON, with what a terminal would execute or reorder in JSON's own spelling."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return UNSAFE_ON_A_TERMINAL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def named(places: Sequence[str]) -> str:
    """The first of some places, and how many more there are."""
    first, more = ", ".join(places[:_NAMED]), len(places) - _NAMED
    return f"{first} and {more:,} more" if more > 0 else first


def print_errors(messages: Sequence[str], paths: Sequence[Path]) -> None:
    """Print messages that begin with a path; what is said of several paths only once."""
    places: dict[str, list[str]] = {}
    names = sorted({str(path) for given in paths for path in (given, given.absolute())}, key=len, reverse=True)
    for message in messages:
        place = next((name for name in names if message.startswith(name)), "")
        places.setdefault(message.removeprefix(place), []).append(place)
    for text, (first, *others) in places.items():
        print_error(f"{first}{text}" + (f" ; the same of {named(others)}" if others else ""))


def print_error(message: str) -> None:
    """Print a message on standard error: one line, on a terminal wrapped to its width."""
    text = f"scholiast: {plain(' '.join(message.split()))}"
    if sys.stderr.isatty():
        columns = min(shutil.get_terminal_size().columns, MAX_COLUMNS)
        text = textwrap.fill(text, columns, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    print(text, file=sys.stderr)
