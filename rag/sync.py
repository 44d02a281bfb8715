"""A workspace for code that is not async: scripts, and notebooks, also where an event loop runs already."""

import asyncio
from collections.abc import Coroutine, Sequence
from functools import cache
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from rag.config import Settings
from rag.connectors import enrich
from rag.connectors.enrich import EnrichReport
from rag.connectors.search import DEFAULT_LIMIT
from rag.engine import TOP_K
from rag.protocols import Embedder
from rag.types import EVERYTHING, Answer, Effort, Filters, IngestReport, Paper, Passage, Turn
from rag.workspace import Workspace

T = TypeVar("T")


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Wait for a coroutine, which runs in a thread of its own. Raises what it raises."""
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()


async def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine that runs in the same thread, so that async code shares what `run_sync` uses."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, _loop()))


class SyncWorkspace:
    """As `Workspace`, but every method waits. Close it, or use it in a `with` block, to release the libraries."""

    def __init__(self, settings: Settings | None = None, embedder: Embedder | None = None) -> None:
        """Settings come from SCHOLIAST_* and a .env file unless given. Raises ConfigError."""
        self._workspace = Workspace(settings, embedder)

    @property
    def inner(self) -> Workspace:
        """The workspace itself, for coroutines given to `run_sync` or `run_apart`, and for no other event loop."""
        return self._workspace

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ingest(self, *sources: str | Path | Paper, library: str = "", format: str = "", dask: str = "") -> IngestReport:
        """As `Workspace.ingest`."""
        return run_sync(self._workspace.ingest(*sources, library=library, format=format, dask=dask))

    def fetch(
        self, source: str, query: str, *, since: str = "", limit: int = DEFAULT_LIMIT, library: str = ""
    ) -> IngestReport:
        """As `Workspace.fetch`."""
        return run_sync(self._workspace.fetch(source, query, since=since, limit=limit, library=library))

    def enrich(self, *, library: str = "", source: str = enrich.DEFAULT_SOURCE) -> EnrichReport:
        """As `Workspace.enrich`."""
        return run_sync(self._workspace.enrich(library=library, source=source))

    def search(self, query: str, *, library: str = "", limit: int = 10) -> list[Passage]:
        """As `Workspace.search`."""
        return run_sync(self._workspace.search(query, library=library, limit=limit))

    def ask(
        self,
        question: str,
        *,
        library: str = "",
        model: str = "",
        history: Sequence[Turn] = (),
        filters: Filters = EVERYTHING,
        top_k: int = TOP_K,
        effort: Effort = "quick",
    ) -> Answer:
        """As `Workspace.ask`."""
        asking = self._workspace.ask(
            question, library=library, model=model, history=history, filters=filters, top_k=top_k, effort=effort
        )
        return run_sync(asking)

    def close(self) -> None:
        """Release the libraries for other processes, and the database."""
        run_sync(self._workspace.close())


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One loop for all calls: a provider's client and a library's locks can't change to another with every call."""
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="scholiast", daemon=True).start()
    return loop
