"""Prints a text while it is being written."""

import os
import re
import shutil
import sys

from service.cli.output import MAX_COLUMNS, plain

MARKS = re.compile(r"(?:\[\d+\])+")
"""The marks behind a sentence."""

_COLOURED_MARKS = "\x1b[1;36m\\g<0>\x1b[0m"
_SPACE = re.compile(r"(\s+)")


class StreamPrinter:
    """Prints one text to standard output piece by piece: whole words, wrapped to the width; through a pipe as it is."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._coloured = self._terminal and not os.environ.get("NO_COLOR")
        self._width = min(MAX_COLUMNS, shutil.get_terminal_size().columns)
        self._column = 0
        self._pending = ""

    def write(self, piece: str) -> None:
        """Print the next piece, except for a last word that may not be complete yet."""
        *parts, self._pending = _SPACE.split(self._pending + plain(piece))
        for part in parts:
            self._print(part)
        sys.stdout.flush()

    def end(self) -> None:
        """Print what is left and end the line."""
        self._print(self._pending)
        self._pending = ""
        print(flush=True)

    def _print(self, part: str) -> None:
        if not self._terminal:
            sys.stdout.write(part)
        elif "\n" in part:
            sys.stdout.write("\n" * part.count("\n"))
            self._column = 0
        elif part.isspace():
            self._column += len(part)
            sys.stdout.write(part if self._column < self._width else "")
        else:
            if self._column and self._column + len(part) > self._width:
                sys.stdout.write("\n")
                self._column = 0
            self._column += len(part)
            sys.stdout.write(MARKS.sub(_COLOURED_MARKS, part) if self._coloured else part)
