"""Progress bars of long work, on standard error and only on a terminal."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from rag.library.storing import Progress as ProgressCallback
from service.cli.output import print_error


@contextmanager
def progress(what: str) -> Iterator[ProgressCallback]:
    """A progress bar on standard error, shown only on a terminal; call the yielded function with (done, total)."""
    with progress_of(what) as (step,):
        yield step


@contextmanager
def progress_of(*steps: str) -> Iterator[Sequence[ProgressCallback]]:
    """A progress bar for each step, as `progress` has one; that of a later step is shown once it begins."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks = [bar.add_task(step, total=None, visible=not number) for number, step in enumerate(steps)]
        yield [partial(_update, bar, task) for task in tasks]


@contextmanager
def storing(*steps: str) -> Iterator[Sequence[ProgressCallback]]:
    """As `progress_of`, where the last step stores papers: on Ctrl-C it is told how many are in."""
    reached = (0, 0)
    try:
        with progress_of(*steps) as callbacks:

            def count(done: int, total: int) -> None:
                nonlocal reached
                reached = (done, total)
                callbacks[-1](done, total)

            yield [*callbacks[:-1], count]
    except asyncio.CancelledError:
        done, total = reached
        how_many = f"{done:,} of {total:,} papers are in" if total else "no paper is in yet"
        print_error(f"stopped: {how_many}; the same command goes on from there")
        raise


def _update(bar: Progress, task: TaskID, done: int, total: int) -> None:
    bar.update(task, completed=done, total=total, visible=True)
