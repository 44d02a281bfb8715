"""Shows what is longer than the screen in the user's pager."""

import os
import shutil
import signal
import subprocess
import sys

_NONE = ("", "cat")
_NOT_FOUND = 127
"""What a shell exits with when there is no such command."""

_DEFAULTS = {"LESS": "FRX", "LV": "-c"}
"""As git sets them where the user has not: colours are shown, and less leaves the text on the screen."""


def command() -> str:
    """The pager as a line for the shell: PAGER, else less or more; empty for none."""
    chosen = os.environ.get("PAGER")
    if chosen is None:
        chosen = shutil.which("less") or shutil.which("more") or ""
    return "" if chosen.strip() in _NONE or os.environ.get("TERM") == "dumb" else chosen


def show(text: str) -> None:
    """Print a text on the terminal; in the pager, if it is longer than the screen and there is one."""
    pager = command()
    if pager and text.count("\n") >= shutil.get_terminal_size().lines:
        sys.stdout.flush()
        if _run(pager, text) != _NOT_FOUND:
            return
    sys.stdout.write(text)


def _run(pager: str, text: str) -> int:
    """The pager's exit code. Ctrl-C is the pager's while it runs."""
    environment = _DEFAULTS | os.environ
    with subprocess.Popen(
        pager, shell=True, env=environment, stdin=subprocess.PIPE, encoding=sys.stdout.encoding, errors="replace"
    ) as process:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            process.communicate(text)
        finally:
            signal.signal(signal.SIGINT, before)
    return process.returncode
