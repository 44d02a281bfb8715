"""Uploads that are stored after their request was answered: a few at once, each with a state that can be asked for."""

import asyncio
import logging

from rag import serialize
from rag.errors import BusyError, LibraryError, ScholiastError
from rag.history.uploads import Upload
from rag.library.ingest import IngestBatch
from rag.workspace import Workspace

MAX_AT_ONCE = 4

_NOTE_SECONDS = 2.0
_STOPPED = "the service was stopped; send it again, and what is stored already is left as it is"

log = logging.getLogger("scholiast")


class Background:
    """What this process stores in the background, until it is closed."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._running: set[asyncio.Task[None]] = set()

    async def begin(self, caller: str, library: str, batch: IngestBatch) -> Upload:
        """Store papers from now on. Raises BusyError while enough is being stored already, and as `library` does."""
        if len(self._running) >= MAX_AT_ONCE:
            raise BusyError(f"{MAX_AT_ONCE} uploads are being stored in the background; try again when one is done")
        opened = await self._workspace.library(library, create=True)
        upload = await self._workspace.uploads.begin(caller, opened.name, len(batch.papers))
        task = asyncio.create_task(self._store(upload, batch))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return upload

    async def close(self) -> None:
        """Stop; what was not stored is reported as failed."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    async def _store(self, upload: Upload, batch: IngestBatch) -> None:
        uploads, done = self._workspace.uploads, 0

        def progress(now: int, _total: int) -> None:
            nonlocal done
            done = now

        async def note() -> None:
            while True:
                await asyncio.sleep(_NOTE_SECONDS)
                try:
                    await uploads.progress(upload.id, done)
                except LibraryError as error:  # the next note may succeed
                    log.warning("upload %s: %s", upload.id, error)

        noting = asyncio.create_task(note())
        try:
            library = await self._workspace.library(upload.library, create=True)
            report = await library.ingest(batch, progress)
        except asyncio.CancelledError:
            noting.cancel()
            await uploads.fail(upload.id, _STOPPED)
            raise
        except Exception as error:
            noting.cancel()
            log.error("upload %s failed: %s", upload.id, error, exc_info=not isinstance(error, ScholiastError))
            told = error.public if isinstance(error, ScholiastError) else "this is a bug; the log has it under this id"
            await uploads.fail(upload.id, told)
        else:
            noting.cancel()
            await uploads.finish(upload.id, serialize.report(report))
