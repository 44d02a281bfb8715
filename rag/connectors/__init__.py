"""Searches of arXiv, PubMed and other sources, as records for a library: one module a source, a line in `_SOURCES`."""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from hashlib import sha256
from pathlib import Path

from rag.connectors import arxiv, crossref, europepmc, openalex, pubmed, semanticscholar, spool
from rag.connectors.pace import Clock, Pace
from rag.connectors.search import Client, Connector, RefusedError, Search
from rag.connectors.spool import Reached, Spool
from rag.errors import BackendError, CorpusError, RequestError
from rag.types import IngestNote, Record

_SOURCES: dict[str, Connector] = {
    "arxiv": arxiv,
    "pubmed": pubmed,
    "openalex": openalex,
    "semanticscholar": semanticscholar,
    "crossref": crossref,
    "europepmc": europepmc,
}
_FOLDER = "fetched"
_DIGITS = 24


def sources() -> tuple[str, ...]:
    """The names of the sources."""
    return tuple(_SOURCES)


def check(source: str, search: Search) -> None:
    """Raise RequestError unless there is such a source and it gives as many works as the search wants."""
    if source not in _SOURCES:
        raise RequestError(f"no source {source!r}; there is {', '.join(_SOURCES)}")
    most = _SOURCES[source].MOST
    if search.limit > most:
        raise RequestError(
            f"the limit is {search.limit}; {_SOURCES[source].TITLE} gives at most {most:,} works for one query: "
            "narrow it, or split it by date"
        )


class Connectors:
    """Asks the sources, each with one request at a time and at its own pace, and keeps pages until they are stored."""

    def __init__(self, home: Path, contact: str, clock: Clock | None = None) -> None:
        """`contact` is an e-mail address for the sources, or empty; keys come from the environment."""
        self._folder = home / _FOLDER
        self._contact = contact
        self._clock = clock or Clock()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def fetched(
        self, source: str, search: Search, library: str, progress: Callable[[int, int], None]
    ) -> AsyncIterator[list[Record]]:
        """The records that a source has for a search, all there; leave without an error once they are stored.

        Until then the pages stay for a day, and the same search for the same library goes on after them. Raises
        RequestError, or BackendError when the source can't be asked.
        """
        check(source, search)
        connector = _SOURCES[source]
        async with self._locks[source]:
            await asyncio.to_thread(spool.delete_old, self._folder)
            pages = Spool(self._folder / _digest(source, search, library))
            reached = await self._download(source, search, pages, progress)
            name = f"{source}: {search.query}"
            try:
                records = await asyncio.to_thread(list, pages.records(reached, connector.FORMAT, name))
            except CorpusError as error:
                pages.delete()
                message = f"{connector.TITLE} gave a reply without papers that can be read"
                raise BackendError(f"{message}: {error}", retryable=True, public=message) from error
            yield [*records, *_notes(search, reached, name)]
            await asyncio.to_thread(pages.delete)

    @asynccontextmanager
    async def asking(self, source: str) -> AsyncIterator[tuple[Client, str]]:
        """The client of a source, and the key for it; the caller has the turn until it leaves."""
        async with self._locks[source], self._client(source) as client:
            yield client, self._key(source)

    async def _download(
        self, source: str, search: Search, pages: Spool, progress: Callable[[int, int], None]
    ) -> Reached:
        connector, key = _SOURCES[source], self._key(source)
        reached = await asyncio.to_thread(pages.reached, connector.FIRST)
        resumed = reached.works > 0
        async with self._client(source) as client:
            while reached.place is not None and reached.works < search.limit:
                size = min(connector.PAGE, search.limit - reached.works)
                try:
                    page = await connector.page(client, search, reached.place, size, key, pages.file(reached))
                except RefusedError:
                    if not resumed:
                        raise
                    await asyncio.to_thread(pages.delete)  # the source has forgotten its cursor: begin again
                    reached, resumed = Reached(place=connector.FIRST), False
                    continue
                except BackendError as error:
                    if not reached.works:
                        raise
                    kept = f"{reached.works:,} works are here; for a day, the same search goes on after them"
                    raise BackendError(
                        f"{error}. {kept}",
                        retryable=error.retryable,
                        reason=error.reason,
                        public=f"{error.public}. {kept}",
                    ) from error
                reached = await asyncio.to_thread(pages.add, reached, page)
                progress(reached.works, min(search.limit, max(reached.total, reached.works)))
        return reached

    def _client(self, source: str) -> AbstractAsyncContextManager[Client]:
        from rag.connectors.client import PoliteClient  # httpx2 takes a while to import, and few commands need it

        connector = _SOURCES[source]
        seconds = connector.seconds_between(self._key(source), self._contact)
        pace = Pace(self._folder / f"{source}.last", seconds, self._clock)
        return PoliteClient(connector.TITLE, connector.KEY_NAME, self._contact, pace)

    def _key(self, source: str) -> str:
        name = _SOURCES[source].KEY_NAME
        return os.environ.get(name, "").strip() if name else ""


def _digest(source: str, search: Search, library: str) -> str:
    return sha256(repr((source, search, library)).encode()).hexdigest()[:_DIGITS]


def _notes(search: Search, reached: Reached, name: str) -> list[IngestNote]:
    if reached.total <= search.limit:
        return []
    text = f"{reached.total:,} works match, and the first {reached.works:,} were fetched; a higher limit gets more"
    return [IngestNote(source=name, line=max(reached.works, 1), text=text)]
