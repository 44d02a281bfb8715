"""Runs the work of a sub-command to its end and sets the exit code of the process."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import Any

import typer


def run(work: Coroutine[Any, Any, bool]) -> None:
    """Raise typer.Exit with 0 when the work succeeded and 1 when it says that it did not; exit with 130 on Ctrl-C."""
    runner = asyncio.Runner()
    try:
        done = runner.run(work)
        runner.close()
        sys.stdout.flush()
    except KeyboardInterrupt:
        # The library is closed by now; we need not wait seconds for a thread that is still embedding.
        os._exit(130)
    except BrokenPipeError:  # the reader has closed the pipe, as in `scholiast papers list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        done = True
    raise typer.Exit(0 if done else 1)
