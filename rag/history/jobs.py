"""Jobs: messages that a door has received and must answer exactly once, also across crashes. Every method blocks.

A message becomes a job before the door acknowledges it. A worker takes a job for as long as it renews its lease; when
the lease expires, another one takes over. Jobs of one thread are taken one after another, oldest first.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, delete, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from rag.database import Database
from rag.errors import LibraryError
from rag.history import schema

LEASE_SECONDS = 30.0
"""How long a job counts as being worked on after the last renewal of its lease."""

KEPT_SECONDS = 30 * 86_400.0
"""How long a finished job is remembered, so that its message is not answered again."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A message to be answered. `key` identifies it for good; `attempts` counts how often it was taken, now included.

    `payload` is what the door needs to answer, `posted` what it has shown of the answer so far, by the door's own ids.
    """

    key: str
    thread: str
    created: float
    attempts: int
    payload: Mapping[str, Any]
    posted: tuple[str, ...]


class Jobs:
    """The jobs of a table. Several processes may share it."""

    def __init__(self, database: Database, table: Table = schema.jobs) -> None:
        """The database is opened at first use; `table` is one that `schema.job_table` made."""
        self._database, self._table = database, table

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def add(self, key: str, thread: str, payload: Mapping[str, Any]) -> bool:
        """Store a message; False when it was received before. Raises LibraryError when it can't be stored."""
        try:
            with self._database.writing() as connection:
                self.insert(connection, key, thread, payload)
        except LibraryError as error:
            if isinstance(error.__cause__, IntegrityError):
                return False
            raise
        return True

    def insert(self, connection: Connection, key: str, thread: str, payload: Mapping[str, Any]) -> None:
        """Store a message within a transaction."""
        row = {"key": key, "thread": thread, "payload": dict(payload), "created": time.time()}
        new = {**row, "status": "open", "leased_until": 0.0, "attempts": 0, "posted": []}
        connection.execute(insert(self._table).values(**new))

    def has(self, key: str) -> bool:
        """Whether this message was received."""
        return self._any(self._table.c.key == key)

    def has_thread(self, thread: str) -> bool:
        """Whether any message of the thread was received."""
        return self._any(self._table.c.thread == thread)

    def withdraw(self, key: str) -> None:
        """Drop a message that no worker has begun to answer; otherwise nothing happens."""
        waiting = and_(self._table.c.key == key, self._table.c.status == "open", self._table.c.attempts == 0)
        with self._database.writing() as connection:
            connection.execute(update(self._table).where(waiting).values(status="done", payload={}))

    def take(self, worker: str, limit: int) -> list[Job]:
        """Up to `limit` jobs that no worker holds, oldest first; each is the worker's until its lease expires."""
        now, older = time.time(), self._table.alias("older")
        before = or_(
            older.c.created < self._table.c.created,
            and_(older.c.created == self._table.c.created, older.c.key < self._table.c.key),
        )
        blocked = exists().where(older.c.thread == self._table.c.thread, older.c.status == "open", before)
        unleased = and_(self._table.c.status == "open", self._table.c.leased_until < now)
        waiting = select(self._table.c.key).where(unleased, ~blocked).order_by(self._table.c.created).limit(limit)
        with self._database.reading() as connection:
            keys = connection.execute(waiting).scalars().all()
        taken = []
        for key in keys:
            mine = update(self._table).where(unleased, self._table.c.key == key)
            with self._database.writing() as connection:
                lease = {"worker": worker, "leased_until": now + LEASE_SECONDS, "attempts": self._table.c.attempts + 1}
                row = connection.execute(mine.values(**lease).returning(self._table)).one_or_none()
            if row is not None:
                taken.append(_job(row))
        return taken

    def renew(self, keys: Collection[str], worker: str) -> set[str]:
        """Extend the leases; returns the keys that are still the worker's."""
        ours = and_(self._table.c.key.in_(keys), self._table.c.worker == worker, self._table.c.status == "open")
        alive = (
            update(self._table)
            .where(ours)
            .values(leased_until=time.time() + LEASE_SECONDS)
            .returning(self._table.c.key)
        )
        with self._database.writing() as connection:
            return set(connection.execute(alive).scalars())

    def record(self, key: str, worker: str, posted: Sequence[str]) -> bool:
        """Record what is shown of the answer so far; False when the job is no longer the worker's."""
        return self._change(key, worker, posted=list(posted))

    def finish(self, key: str, worker: str) -> bool:
        """Mark the message as answered for good; its payload is deleted."""
        return self._change(key, worker, status="done", payload={}, leased_until=0.0)

    def release(self, key: str, worker: str, seconds: float = 0.0) -> bool:
        """Let any worker take the job, after this many seconds."""
        return self._change(key, worker, worker=None, leased_until=time.time() + seconds - 0.001)

    def posted_in(self, thread: str) -> set[str]:
        """Everything that was recorded as shown in a thread."""
        with self._database.reading() as connection:
            posted = (
                connection.execute(select(self._table.c.posted).where(self._table.c.thread == thread)).scalars().all()
            )
        return {post for posts in posted for post in posts}

    def reclaim(self, is_dead: Callable[[str], bool]) -> None:
        """Release the jobs of workers that are known to be dead, without waiting for their leases."""
        held = and_(self._table.c.status == "open", self._table.c.worker.is_not(None))
        with self._database.reading() as connection:
            workers = connection.execute(select(self._table.c.worker).where(held).distinct()).scalars().all()
        for worker in filter(is_dead, workers):
            with self._database.writing() as connection:
                theirs = and_(held, self._table.c.worker == worker)
                connection.execute(update(self._table).where(theirs).values(worker=None, leased_until=0.0))

    def clear(self, kept_seconds: float = KEPT_SECONDS) -> None:
        """Delete the jobs that were finished long ago."""
        old = and_(self._table.c.status == "done", self._table.c.created < time.time() - kept_seconds)
        with self._database.writing() as connection:
            connection.execute(delete(self._table).where(old))

    def _any(self, condition: ColumnElement[bool]) -> bool:
        with self._database.reading() as connection:
            return connection.execute(select(self._table.c.key).where(condition).limit(1)).first() is not None

    def _change(self, key: str, holder: str, **values: Any) -> bool:
        ours = and_(self._table.c.key == key, self._table.c.worker == holder, self._table.c.status == "open")
        with self._database.writing() as connection:
            return bool(connection.execute(update(self._table).where(ours).values(**values)).rowcount)


def _job(row: Row[Any]) -> Job:
    return Job(
        key=row.key,
        thread=row.thread,
        created=row.created,
        attempts=row.attempts,
        payload=row.payload,
        posted=tuple(row.posted),
    )
