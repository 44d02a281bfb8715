"""Runs the command in a pseudo-terminal of a given size, with what somebody types."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from select import select

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\]8;[^\x1b]*\x1b\\")
_SETTINGS = ("COLUMNS", "LINES", "NO_COLOR", "PAGER", "LESS", "FORCE_HYPERLINK", "TERM_PROGRAM", "VTE_VERSION")


@dataclass(frozen=True)
class Shown:
    """What a terminal was sent, and the exit code (negative: the signal that ended it)."""

    raw: str
    code: int

    @property
    def text(self) -> str:
        """Without colours and links."""
        return _ESCAPES.sub("", self.raw).replace("\r\n", "\n")


class Terminal:
    """A command that runs in a terminal of its own."""

    def __init__(
        self,
        *arguments: str | Path,
        columns: int = 80,
        lines: int = 24,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        inherited = {name: value for name, value in os.environ.items() if name not in _SETTINGS}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.commands", *map(str, arguments)],
            env={**inherited, "TERM": "xterm-256color", **(environment or {})},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(theirs)
        self.shown = ""

    def read_until(self, pattern: str, seconds: float = 60) -> str:
        """What is shown from now on until it has the pattern, which what was typed before can't match."""
        start, end = len(self.shown), time.monotonic() + seconds
        while not re.search(pattern, _ESCAPES.sub("", self.shown[start:])):
            assert self._read(end), f"no {pattern!r} in {self.shown!r}"
        return self.shown[start:]

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._ours, text.encode())

    def interrupt(self) -> Shown:
        """Press Ctrl-C until the command ends: Python misses one that comes just before it waits for a key."""
        for _ in range(20):
            self.type("\x03")
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(3)
                break
        return self.end()

    def end(self, seconds: float = 60) -> Shown:
        """Wait for the end of the command."""
        limit = time.monotonic() + seconds
        while self._read(limit):
            pass
        code = self.process.wait(10)
        os.close(self._ours)
        return Shown(self.shown, code)

    def _read(self, end: float) -> bool:
        """Whether there was more before the command or the time ended."""
        if not select([self._ours], [], [], max(0.0, end - time.monotonic()))[0]:
            self.process.kill()
            return False
        try:
            piece = os.read(self._ours, 65_536)
        except OSError:  # how Linux says that nobody has the terminal any more
            return False
        self.shown += piece.decode(errors="replace")
        return bool(piece)


def on_terminal(
    *arguments: str | Path, columns: int = 80, lines: int = 24, environment: Mapping[str, str] | None = None
) -> Shown:
    """Run a command, or several with THEN between them, in a terminal to the end."""
    return Terminal(*arguments, columns=columns, lines=lines, environment=environment).end()


def _take_terminal() -> None:
    """Make it the controlling terminal, from which Ctrl-C comes and passwords are read."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
