"""Uploads that are stored in the background: how far each is and how it ended, for whoever began it, on any process."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import delete, insert, select, update

from rag import threads
from rag.database import Database
from rag.errors import NotFoundError
from rag.history.schema import timestamp, uploads

LEASE_SECONDS = 30.0
"""How long an upload counts as running after its process was last heard of."""

_KEPT_SECONDS = 7 * 86_400.0
_INTERRUPTED = "the process that stored it has ended; send it again, and what is stored already is left as it is"


@dataclass(frozen=True, kw_only=True)
class Upload:
    """An upload. `done` of `total` papers are stored; `report` is the report of the ingest, once it is done."""

    id: str
    library: str
    state: Literal["running", "done", "failed"]
    created: str
    done: int
    total: int
    error: str
    report: Mapping[str, Any] | None


class Uploads:
    """The uploads of a database, which several processes may share. All methods raise LibraryError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, caller: str, library: str, total: int) -> Upload:
        """A new upload of so many papers, which belongs to the caller. Deletes those that are long over."""
        return await threads.save(self._begin, caller, library, total)

    async def progress(self, id: str, done: int) -> None:
        """Note how many papers are stored, and that the process is alive."""
        await threads.save(self._change, id, done=done)

    async def finish(self, id: str, report: Mapping[str, Any]) -> None:
        """Note the end, with the report."""
        await threads.save(self._change, id, state="done", done=uploads.c.total, report=dict(report))

    async def fail(self, id: str, error: str) -> None:
        """Note that it can't be stored, and why."""
        await threads.save(self._change, id, state="failed", error=error)

    async def get(self, id: str, caller: str) -> Upload:
        """An upload of the caller's. Raises NotFoundError."""
        return await threads.read(self._get, id, caller)

    def _begin(self, caller: str, library: str, total: int) -> Upload:
        id, now = f"upl_{uuid4().hex}", time.time()
        row = {"id": id, "caller": caller, "library": library, "created": timestamp(), "heard": now, "total": total}
        with self._database.writing() as connection:
            connection.execute(insert(uploads).values(**row, state="running", done=0, error=""))
            connection.execute(delete(uploads).where(uploads.c.heard < now - _KEPT_SECONDS))
        return self._get(id, caller)

    def _change(self, id: str, **values: Any) -> None:
        with self._database.writing() as connection:
            connection.execute(update(uploads).where(uploads.c.id == id).values(**values, heard=time.time()))

    def _get(self, id: str, caller: str) -> Upload:
        with self._database.reading() as connection:
            row = connection.execute(
                select(uploads).where(uploads.c.id == id, uploads.c.caller == caller)
            ).one_or_none()
        if row is None:
            raise NotFoundError(f"no upload {id!r} of yours; its id is in the Location of the response that began it")
        ended = row.state == "running" and row.heard < time.time() - LEASE_SECONDS
        return Upload(
            id=row.id,
            library=row.library,
            state="failed" if ended else row.state,
            created=row.created,
            done=row.done,
            total=row.total,
            error=_INTERRUPTED if ended else row.error,
            report=row.report,
        )
