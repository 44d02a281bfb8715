"""Text on a terminal as it comes: whole words, wrapped to the width; through a pipe as it is."""

import os
import re
import shutil
import sys

_WIDEST = 100
_SPACE = re.compile(r"(\s+)")
_MARKS = re.compile(r"(?:\[\d+\])+")
_COLOURED = "\x1b[1;36m\\g<0>\x1b[0m"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal would take as a command: an abstract is somebody else's text."""


class StreamPrinter:
    """Writes one text to standard output, piece by piece."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._coloured = self._terminal and not os.environ.get("NO_COLOR")
        self._width = min(_WIDEST, shutil.get_terminal_size().columns)
        self._column = 0
        self._held = ""

    def write(self, piece: str) -> None:
        """The next piece; what may still be half a word is held back."""
        *done, self._held = _SPACE.split(self._held + _CONTROL.sub("", piece))
        for part in done:
            self._put(part)
        sys.stdout.flush()

    def end(self) -> None:
        """No more will come: end the line."""
        self._put(self._held)
        self._held = ""
        print(flush=True)

    def _put(self, part: str) -> None:
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
            sys.stdout.write(_MARKS.sub(_COLOURED, part) if self._coloured else part)
