"""Runs the work of a sub-command to its end and sets the exit code of the process; or, for a session, work by work."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self, TypeVar

import typer

T = TypeVar("T")


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


class BackgroundLoop:
    """An event loop in a thread, which goes on while the main thread waits for what a user types."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="scholiast")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for the work. Raises what it raises; after Ctrl-C, KeyboardInterrupt, when the work has ended."""
        ended = Event()

        async def to_its_end() -> T:
            try:
                return await work
            finally:
                ended.set()

        future = asyncio.run_coroutine_threadsafe(to_its_end(), self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            ended.wait()
            raise
