"""What commands do with libraries. Each runs in the process that owns the library, which may be another one.

Arguments are keywords, and all types have a JSON form; callables among the arguments are called while it runs.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from pydantic import BeforeValidator, PlainSerializer

from rag import condense, corpus, serialize, threads
from rag.connectors.enrich import EnrichReport
from rag.engine import Delta, Done
from rag.errors import CorpusError
from rag.history.conversations import LOCAL
from rag.library import ingest
from rag.library.storing import Progress
from rag.types import EVERYTHING, Answer, Effort, Filters, IngestReport, Paper, Record, Turn
from rag.watches import runs
from rag.watches.runs import Run
from rag.watches.store import Watch
from rag.workspace import Workspace

TERMINAL = "terminal"

FilePath = Annotated[
    Path,
    PlainSerializer(lambda path: quote_from_bytes(os.fsencode(path.absolute())), return_type=str),
    BeforeValidator(lambda path: Path(os.fsdecode(unquote_to_bytes(path)))),
]
"""A path whose JSON means the same in another working folder, whatever bytes it has."""


@dataclass(frozen=True, kw_only=True)
class IngestedFiles:
    """The report, unless no file could be read, and why the others could not."""

    report: IngestReport | None
    errors: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Papers:
    """Some papers of a library, which holds `total`."""

    library: str
    papers: tuple[Paper, ...]
    total: int


@dataclass(frozen=True, kw_only=True)
class Removed:
    """How many papers were removed, and the ids that none had."""

    library: str
    count: int
    unknown: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """What a library holds."""

    library: str
    papers: int
    chunks: int


class Operations:
    """The operations, in the process of a workspace. They raise as the workspace does."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def library(self, *, name: str, model: str) -> str:
        """The name of the library that is meant, from which the model can answer."""
        return (await self._workspace.engine(name, model)).library

    async def ask(
        self,
        *,
        question: str,
        library: str,
        model: str = "",
        filters: Filters,
        top_k: int,
        effort: Effort = "quick",
        door: str = TERMINAL,
        caller: str = LOCAL,
    ) -> Answer:
        """The answer to one question. Where one paper is chosen, it is the subject: "it" and "this paper" mean it."""
        subject: tuple[Turn, ...] = ()
        if len(filters.papers) == 1:
            subject = condense.about(await self.paper(id=filters.papers[0], library=library))
        return await self._workspace.ask(
            question,
            library=library,
            model=model,
            history=subject,
            filters=filters,
            top_k=top_k,
            effort=effort,
            door=door,
            caller=caller,
        )

    async def converse(
        self, *, conversation: str, question: str, library: str, model: str, on_text: Callable[[str], None]
    ) -> Answer:
        """The answer to the next question of a conversation; `on_text` gets its text piece by piece."""
        engine = await self._workspace.engine(library, model)
        events = self._workspace.conversations.ask(engine, conversation, question, door=TERMINAL, caller=LOCAL)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Delta):
                    on_text(event.text)
                elif isinstance(event, Done):
                    return event.answer
        raise AssertionError("the last event of an answer is Done")

    async def search(self, *, query: str, library: str, limit: int, filters: Filters = EVERYTHING) -> dict[str, Any]:
        """Ranked papers, as the object that HTTP gives."""
        found = await self._workspace.search(query, library=library, limit=limit, filters=filters)
        return serialize.search_results(found)

    async def ingest(
        self, *, paths: Sequence[FilePath], library: str, format: str, progress: Progress, dask: str = ""
    ) -> IngestedFiles:
        """Add files and folders; one that can't be read does not stop the others. `dask` as in `Workspace.bulk`."""
        errors: list[str] = []
        records = _records(dict.fromkeys(paths), format, errors)
        report = None
        first = next(records, None)
        if first is not None:
            opened = await self._workspace.library(library, create=True)
            async with self._workspace.bulk(dask) as bulk:
                report = await opened.ingest(chain([first], records), progress, bulk)
        return IngestedFiles(report=report, errors=tuple(errors))

    async def add(self, *, records: Sequence[dict[str, Any]], source: str, library: str) -> IngestReport:
        """Add papers as JSON objects; the nth gets line n of `source`."""
        batch = await threads.ingest(lambda: ingest.gather(corpus.from_values(records, source)))
        return await (await self._workspace.library(library, create=True)).ingest(batch)

    async def fetch(
        self,
        *,
        source: str,
        query: str,
        since: str,
        limit: int,
        library: str,
        fetching: Progress,
        progress: Progress,
    ) -> IngestReport:
        """Add what a source finds for a query."""
        return await self._workspace.fetch(
            source, query, since=since, limit=limit, library=library, fetching=fetching, progress=progress
        )

    async def enrich(self, *, library: str, source: str, asking: Progress, progress: Progress) -> EnrichReport:
        """Fill what papers lack."""
        return await self._workspace.enrich(library=library, source=source, asking=asking, progress=progress)

    async def papers(self, *, library: str, offset: int, limit: int) -> Papers:
        """A page of the papers, by id."""
        opened = await self._workspace.library(library)
        papers, counts = await opened.papers(offset, limit), await opened.counts()
        return Papers(library=opened.name, papers=tuple(papers), total=counts.papers)

    async def paper(self, *, id: str, library: str) -> Paper:
        """One paper, by any of its ids."""
        return await (await self._workspace.library(library)).paper(id)

    async def remove(self, *, ids: Sequence[str], library: str) -> Removed:
        """Remove those papers that are there."""
        opened = await self._workspace.library(library)
        known = await opened.resolve(ids)
        count = await opened.remove(set(known.values()))
        return Removed(library=opened.name, count=count, unknown=tuple(id for id in ids if id not in known))

    async def split(self, *, id: str, library: str) -> Papers:
        """Take a merge back: the papers that it becomes."""
        opened = await self._workspace.library(library)
        papers = await opened.split(id)
        return Papers(library=opened.name, papers=tuple(papers), total=len(papers))

    async def remove_library(self, *, name: str) -> None:
        """Delete a library and all it holds."""
        await self._workspace.remove(name)

    async def watch(self, *, text: str, library: str, source: str, destination: str) -> Watch:
        """Begin a watch."""
        return await runs.begin(self._workspace, text, library=library, source=source, destination=destination)

    async def run_watch(self, *, id: str) -> Run:
        """Run a watch, due or not; its digest waits to be sent."""
        return await runs.run_one(self._workspace, id)

    async def rebuild(self, *, library: str, embed: bool, progress: Progress, dask: str = "") -> Rebuilt:
        """Rebuild the indexes. `dask` as in `Workspace.bulk`."""
        opened = await self._workspace.library(library, repair=True)
        async with self._workspace.bulk(dask) as bulk:
            counts = await opened.rebuild(embed=embed, progress=progress, bulk=bulk)
        return Rebuilt(library=opened.name, papers=counts.papers, chunks=counts.chunks)


def _records(paths: Iterable[Path], format: str, errors: list[str]) -> Iterator[Record]:
    """The records of all files and folders; for one that can't be read, a message is added to `errors`."""
    for path in paths:
        try:
            yield from corpus.read(path, format or None)
        except CorpusError as error:
            errors.append(str(error))
