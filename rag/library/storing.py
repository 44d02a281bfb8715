"""Storing papers: embedded batch by batch, each put into the catalog as one change, which the indexes then follow."""

from collections.abc import Callable, Sequence
from contextlib import aclosing

from rag import threads
from rag.library import ingest, merging, schema
from rag.library.catalog import Catalog
from rag.library.merging import Change
from rag.library.sync import Indexes
from rag.protocols import BulkEmbedder, Embedder
from rag.types import StoredPaper

Progress = Callable[[int, int], None]
"""Called with how many papers are done, and of how many."""

_PAPERS_AT_ONCE = 32
# Small additions are slow in both indexes, so they catch up after every thousand papers, and at the end.
_BATCHES_BEFORE_INDEXES = 32


def no_progress(_done: int, _total: int) -> None:
    """Tells nobody."""


class Storing:
    """Stores papers of one library. Only its writer may call it."""

    def __init__(self, catalog: Catalog, library: str, embedder: Embedder, indexes: Indexes) -> None:
        self._catalog, self._library, self._embedder, self._indexes = catalog, library, embedder, indexes

    async def store(
        self,
        changes: Sequence[Change],
        total: int,
        progress: Progress = no_progress,
        bulk: BulkEmbedder | None = None,
    ) -> None:
        """Make changes; of `total` papers those that need none are done already. `bulk` as in `Library.ingest`.

        Raises BackendError when the embedder fails; what was stored until then stays, and the indexes have it.
        """
        done = total - sum(len(change.papers) for change in changes)
        batches = merging.batches(changes, _PAPERS_AT_ONCE)
        until_indexes = _BATCHES_BEFORE_INDEXES

        async def embedded(batch: Sequence[Change]) -> list[StoredPaper]:
            return await ingest.embed([paper for change in batch for paper in change.papers], bulk or self._embedder)

        try:
            async with aclosing(ingest.each(batches, embedded, bulk)) as results:
                async for batch, stored in results:
                    progress(max(0, done), total)
                    await threads.ingest(self._put, stored, batch)
                    done += sum(len(change.papers) for change in batch)
                    until_indexes -= 1
                    if until_indexes == 0:
                        await threads.ingest(self._indexes.catch_up)
                        until_indexes = _BATCHES_BEFORE_INDEXES
        finally:
            await threads.ingest(self._indexes.catch_up)
        progress(total, total)

    async def embed_aside(self, progress: Progress, bulk: BulkEmbedder | None) -> None:
        """Embed every paper again beside what is in use (`staging`), but for those that an earlier call has done."""

        async def embedded(ids: Sequence[str]) -> list[StoredPaper]:
            found = await threads.ingest(self._catalog.by_id, self._library, ids)
            return await ingest.embed(list(found.values()), bulk or self._embedder)

        total = (await threads.ingest(self._catalog.counts, self._library)).papers
        missing = await threads.ingest(self._catalog.unstaged, self._library, self._embedder.name)
        done = total - len(missing)
        batches = (missing[start : start + _PAPERS_AT_ONCE] for start in range(0, len(missing), _PAPERS_AT_ONCE))
        async with aclosing(ingest.each(batches, embedded, bulk)) as results:
            async for ids, stored in results:
                progress(done, total)
                await threads.ingest(self._catalog.stage, self._library, self._embedder.name, stored)
                done += len(ids)
        progress(total, total)

    def _put(self, stored: Sequence[StoredPaper], changes: Sequence[Change]) -> None:
        row = self._catalog.row(self._library)
        dimension = stored[0].sentence_vectors.shape[1] if stored else row.dimension
        if row.dimension == 0:
            self._catalog.update(self._library, dimension=dimension)
        else:
            schema.check_dimension(row, self._embedder.name, dimension)
        self._catalog.write(
            self._library,
            stored,
            records={id: records for change in changes for id, records in change.records.items()},
            gone=[id for change in changes for id in change.gone],
            apart=frozenset(pair for change in changes for pair in change.apart),
        )
