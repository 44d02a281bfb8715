"""Turns settings into objects: the embedder, the libraries, the engines, and the stores of what was asked."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

from rag import config, connectors, corpus, embedders, rerankers, retrieval, threads, vector_indexes
from rag.answer_cache import AnswerCache, cached
from rag.config import Settings
from rag.connectors import Connectors, enrich
from rag.connectors.enrich import EnrichedPaper, EnrichReport
from rag.connectors.search import DEFAULT_LIMIT, make_search
from rag.database import Database, home_errors
from rag.embedders.cached import CachedQueries
from rag.engine import TOP_K, Engine, collect_answer
from rag.engines import make_engine
from rag.errors import BusyError, ConfigError, NotFoundError, OwnerDoor
from rag.history.answers import SAVE_BUSY_SECONDS, Answers, AskRequest
from rag.history.archive import Archive
from rag.history.bibliography import Bibliography
from rag.history.conversations import LOCAL, Conversations
from rag.history.jobs import Jobs
from rag.history.spending import Spending
from rag.history.uploads import Uploads
from rag.library import registry
from rag.library.browse import Browse
from rag.library.library import Library
from rag.library.maps import Maps
from rag.library.registry import LibrarySummary
from rag.library.storing import Progress, no_progress
from rag.protocols import BulkEmbedder, Embedder, VectorStore
from rag.rerankers.breaker import CircuitBreaker
from rag.retrieval import HybridRetriever
from rag.types import EVERYTHING, Answer, Effort, Filters, IngestReport, Paper, Passage, Turn
from rag.watches.store import Watches

DEFAULT_LIBRARY = "default"
"""The library that is meant where none is named."""

DEMO_LIBRARY = "demo"
"""The library of the bundled sample."""


MAX_OPEN_LIBRARIES = 16
"""How many libraries stay open: each takes about 14 of the files and 7 of the threads that a process may have."""


class Workspace:
    """The libraries that a process works with, and the record of what was asked of them.

    Each library is opened when it is first needed. Of more than `MAX_OPEN_LIBRARIES` the one that was not used for
    longest is closed, as soon as nothing that was begun with it goes on. An empty name means `default`. As long as that
    holds no papers and the demo has been run, it means the demo's, so that a newcomer's first question need not name
    a library.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        embedder: Embedder | None = None,
        url: str = "",
        store: VectorStore | None = None,
    ) -> None:
        """Settings come from SCHOLIAST_* and a .env file unless given; `embedder` and `store` take the place of theirs.

        Processes that find a library in use are told `url`. Raises ConfigError.
        """
        self.settings = settings or config.load()
        self._store = store
        self.embedder = CachedQueries(embedder or embedders.embedder(self.settings.embedder))
        self._given = AnswerCache(self.settings.answer_cache)
        self._reranker = rerankers.reranker(self.settings)
        self._database = open_database(self.settings)
        self.answers = Answers(self._database)
        self.conversations = Conversations(self._database)
        self.jobs = Jobs(self._database)
        self.spending = Spending(self._database)
        self.archive = Archive(self._database)
        self.uploads = Uploads(self._database)
        self.watches = Watches(self._database)
        self.connectors = Connectors(self.settings.home, self.settings.contact)
        self.bibliography = open_bibliography(self.settings)
        self.browse = Browse(self._database)
        self.maps = Maps(self.browse)
        self._url = url
        self._door: OwnerDoor | None = None
        self._opened: OrderedDict[str, Library] = OrderedDict()
        self._alive: WeakValueDictionary[str, Library] = WeakValueDictionary()
        self._opening = asyncio.Lock()
        self._unnamed = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def announce(self, door: OwnerDoor) -> None:
        """Let other processes that find a library in use know where this one works for them."""
        self._door = door
        for library in list(self._alive.values()):
            await asyncio.to_thread(library.announce, self._url, door)

    @property
    def reranker_down(self) -> str:
        """Why the reranker is left alone for now, so that passages stay in the order of the search; else empty."""
        reranker = self._reranker
        return f"{reranker.name}: {reranker.down}" if isinstance(reranker, CircuitBreaker) and reranker.down else ""

    async def library(self, name: str = "", *, create: bool = False, repair: bool = False) -> Library:
        """The library, open. The default one is created if it is missing, any other if `create` says so.

        Raises NotFoundError, RequestError, LockedError, LibraryError or ConfigError.
        """
        known = name or self._unnamed
        if known in self._opened and not create:
            self._opened.move_to_end(known)
            return self._opened[known]
        async with self._opening:
            return await (self._named(name, create, repair) if name else self._meant(repair))

    async def engine(self, name: str = "", model: str = "") -> Engine:
        """An engine that answers from a library. Raises as `library` does, and RequestError for a model not offered."""
        library = await self.library(name)
        engine = await threads.read(make_engine, self.settings, library, model, self._reranker)
        return cached(engine, self._given, library.version) if self.settings.answer_cache else engine

    async def ingest(
        self,
        *sources: str | Path | Paper,
        library: str = "",
        format: str = "",
        progress: Progress | None = None,
        dask: str = "",
    ) -> IngestReport:
        """Add papers, files, or folders of files to a library, which is created if it is missing.

        An empty format lets each file's content decide. Records that can't be used are in the report. `dask` is as in
        `bulk`. Raises CorpusError for a file that can't be read as papers, and then nothing is added; else as
        `library` and `bulk` do.
        """
        papers = [source for source in sources if isinstance(source, Paper)]
        files = dict.fromkeys(Path(source) for source in sources if not isinstance(source, Paper))
        records = chain(papers, *(corpus.read(file, format or None) for file in files))
        opened = await self.library(library or DEFAULT_LIBRARY, create=True)
        async with self.bulk(dask) as bulk:
            return await opened.ingest(records, progress, bulk)

    @asynccontextmanager
    async def bulk(self, dask: str) -> AsyncIterator[BulkEmbedder | None]:
        """What embeds on a cluster of Dask, given its scheduler's address or `local:N`; None where that is empty.

        Raises as `dask_cluster.embedding`, and ConfigError where Dask is not installed.
        """
        if not dask:
            yield None
            return
        try:
            from rag.embedders import dask_cluster
        except ModuleNotFoundError as error:
            raise ConfigError(f"a cluster needs {error.name}; run `pip install 'scholiast[bulk]'`") from error
        async with dask_cluster.embedding(dask, self.embedder) as bulk:
            yield bulk

    async def fetch(
        self,
        source: str,
        query: str,
        *,
        since: str = "",
        limit: int = DEFAULT_LIMIT,
        library: str = "",
        fetching: Progress = no_progress,
        progress: Progress = no_progress,
    ) -> IngestReport:
        """Add the works that a source (`connectors.sources()`) finds for a query, published since YYYY-MM-DD if given.

        Nothing is stored before all of them are here; `fetching` counts them, then `progress` what is stored. A fetch
        that is killed goes on where it stopped. Raises BackendError if the source can't be asked, RequestError, and as
        `library` does.
        """
        search = make_search(query, since, limit)
        connectors.check(source, search)
        name = library or DEFAULT_LIBRARY
        with suppress(NotFoundError):
            await self.library(name)  # that it is in use is better known before than after minutes of fetching
        async with self.connectors.fetched(source, search, name, fetching) as records:
            return await (await self.library(name, create=True)).ingest(records, progress)

    async def enrich(
        self,
        *,
        library: str = "",
        source: str = enrich.DEFAULT_SOURCE,
        asking: Progress = no_progress,
        progress: Progress = no_progress,
    ) -> EnrichReport:
        """Fill years, venues, DOIs and retractions that papers lack, from a source. What they have stays as it is.

        Raises BackendError if the source can't be asked, and then nothing is changed; RequestError without such a
        source; and as `library` does.
        """
        opened = await self.library(library)
        papers = await opened.papers(0, (await opened.counts()).papers)
        asked = enrich.askable(papers, source)
        filled: list[enrich.Filled] = []
        with TemporaryDirectory(prefix="scholiast-") as folder:
            async with self.connectors.asking(source) as (client, key):
                async for paper in enrich.fill(asked, source, client, key, Path(folder) / "reply", asking):
                    filled.append(paper)
        await opened.ingest([paper.paper for paper in filled], progress)
        found = [EnrichedPaper(id=p.paper.id, title=p.paper.title, filled=p.fields) for p in filled]
        return EnrichReport(library=opened.name, papers=len(papers), asked=len(asked), enriched=tuple(found))

    async def search(
        self, query: str, *, library: str = "", limit: int = 10, filters: Filters = EVERYTHING
    ) -> list[Passage]:
        """One passage for each of at most `limit` papers, best first. Raises as `library` does, and RequestError."""
        opened = await self.library(library)
        return await retrieval.search(HybridRetriever(opened, opened.embedder, self._reranker), query, limit, filters)

    async def ask(
        self,
        question: str,
        *,
        library: str = "",
        model: str = "",
        history: Sequence[Turn] = (),
        filters: Filters = EVERYTHING,
        top_k: int = TOP_K,
        effort: Effort = "quick",
        door: str = "python",
        caller: str = LOCAL,
    ) -> Answer:
        """The answer to a question, which is stored so that feedback finds it. Raises as `Engine.ask` and `engine`."""
        request = AskRequest(
            question=question,
            history=tuple(history),
            filters=filters,
            top_k=top_k,
            effort=effort,
            door=door,
            caller=caller,
        )
        return await collect_answer(self.answers.ask(await self.engine(library, model), request))

    async def remove(self, name: str) -> None:
        """Delete a library and everything in it. Raises NotFoundError, BusyError while it is written, LockedError."""
        async with self._opening:
            opened = self._opened.pop(name, None) or self._alive.get(name)
            if opened is not None:
                if opened.is_written:
                    raise BusyError(f"library {name!r} is being written; remove it when that is done")
                self._alive.pop(name, None)
                await asyncio.to_thread(opened.close)
            self._unnamed = "" if self._unnamed == name else self._unnamed
            await remove_library(self.settings, name, self._store)

    async def close(self) -> None:
        """Release the libraries for other processes, and the database."""
        self._opened.clear()
        for library in list(self._alive.values()):
            await asyncio.to_thread(library.close)
        self._alive.clear()
        await asyncio.to_thread(self._database.close)
        await asyncio.to_thread(self.bibliography.close)

    async def _meant(self, repair: bool) -> Library:
        default = await self._named(DEFAULT_LIBRARY, repair=repair)
        if (await default.counts()).papers:
            self._unnamed = DEFAULT_LIBRARY
            return default
        try:
            return await self._named(DEMO_LIBRARY, repair=repair)
        except NotFoundError:
            return default

    async def _named(self, name: str, create: bool = False, repair: bool = False) -> Library:
        opened = self._opened.get(name) or self._alive.get(name)
        if opened is not None and create and not await opened.exists():  # another process has removed it
            await asyncio.to_thread(opened.close)
            opened = None
        if opened is None:
            create = create or name == DEFAULT_LIBRARY
            opened = await open_library(self.settings, name, self.embedder, self._store, create=create, repair=repair)
            if self._url or self._door:
                await threads.read(opened.announce, self._url, self._door)
        self._opened[name] = self._alive[name] = opened
        self._opened.move_to_end(name)
        while len(self._opened) > MAX_OPEN_LIBRARIES:
            self._opened.popitem(last=False)  # its last user closes it
        return opened


def open_database(settings: Settings) -> Database:
    """The database of the settings, not opened yet. Raises ConfigError."""
    return Database(settings.home, settings.database_url, busy_seconds=SAVE_BUSY_SECONDS)


def open_bibliography(settings: Settings) -> Bibliography:
    """The papers to refer to, from the database of the settings, not opened yet. Raises ConfigError."""
    return Bibliography(settings.home, settings.database_url)


def candidates(name: str) -> tuple[str, ...]:
    """The libraries that a name may mean, of which the first with papers counts: an empty one the demo's too."""
    return (name,) if name else (DEFAULT_LIBRARY, DEMO_LIBRARY)


async def open_library(
    settings: Settings,
    name: str,
    embedder: Embedder,
    store: VectorStore | None = None,
    *,
    create: bool = False,
    repair: bool = False,
) -> Library:
    """Open one library, as `Library.open` does. Raises ConfigError too, when the home folder can't be used.

    Its vectors are in `store`, that of the settings unless given.
    """
    with home_errors(settings.home):
        return await Library.open(
            settings.home,
            name,
            embedder,
            settings.database_url,
            store or vector_indexes.store(settings.vector_index, settings.chroma_url),
            create=create,
            repair=repair,
        )


async def list_libraries(settings: Settings) -> list[LibrarySummary]:
    """Every library, by name, whether a process has it open or not."""
    with home_errors(settings.home):
        return await registry.libraries(settings.home, settings.database_url)


async def remove_library(settings: Settings, name: str, store: VectorStore | None = None) -> None:
    """Delete a library and everything in it. Raises NotFoundError, LockedError, BusyError, ConfigError."""
    with home_errors(settings.home):
        store = store or vector_indexes.store(settings.vector_index, settings.chroma_url)
        await registry.remove(settings.home, name, settings.database_url, store)
