"""Jobs: messages that a door has received and must answer exactly once, also across crashes. Every method blocks.

A message becomes a job before the door acknowledges it. A worker takes a job for as long as it renews its lease; when
the lease expires, another one takes over. Jobs of one thread are taken one after another, oldest first.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from rag.database import Database
from rag.errors import LibraryError
from rag.history.schema import jobs

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
    """The jobs of a database. Several processes may share it."""

    def __init__(self, database: Database) -> None:
        """The database is opened at first use."""
        self._database = database

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def add(self, key: str, thread: str, payload: Mapping[str, Any]) -> bool:
        """Store a message; False when it was received before. Raises LibraryError when it can't be stored."""
        row = {"key": key, "thread": thread, "payload": dict(payload), "created": time.time()}
        try:
            with self._database.writing() as connection:
                connection.execute(insert(jobs).values(**row, status="open", leased_until=0.0, attempts=0, posted=[]))
        except LibraryError as error:
            if isinstance(error.__cause__, IntegrityError):
                return False
            raise
        return True

    def has(self, key: str) -> bool:
        """Whether this message was received."""
        return self._any(jobs.c.key == key)

    def has_thread(self, thread: str) -> bool:
        """Whether any message of the thread was received."""
        return self._any(jobs.c.thread == thread)

    def withdraw(self, key: str) -> None:
        """Drop a message that no worker has begun to answer; otherwise nothing happens."""
        waiting = and_(jobs.c.key == key, jobs.c.status == "open", jobs.c.attempts == 0)
        with self._database.writing() as connection:
            connection.execute(update(jobs).where(waiting).values(status="done", payload={}))

    def take(self, worker: str, limit: int) -> list[Job]:
        """Up to `limit` jobs that no worker holds, oldest first; each is the worker's until its lease expires."""
        now, older = time.time(), jobs.alias("older")
        before = or_(
            older.c.created < jobs.c.created, and_(older.c.created == jobs.c.created, older.c.key < jobs.c.key)
        )
        blocked = exists().where(older.c.thread == jobs.c.thread, older.c.status == "open", before)
        unleased = and_(jobs.c.status == "open", jobs.c.leased_until < now)
        waiting = select(jobs.c.key).where(unleased, ~blocked).order_by(jobs.c.created).limit(limit)
        with self._database.reading() as connection:
            keys = connection.execute(waiting).scalars().all()
        taken = []
        for key in keys:
            mine = update(jobs).where(unleased, jobs.c.key == key)
            with self._database.writing() as connection:
                lease = {"worker": worker, "leased_until": now + LEASE_SECONDS, "attempts": jobs.c.attempts + 1}
                row = connection.execute(mine.values(**lease).returning(jobs)).one_or_none()
            if row is not None:
                taken.append(_job(row))
        return taken

    def renew(self, keys: Collection[str], worker: str) -> set[str]:
        """Extend the leases; returns the keys that are still the worker's."""
        ours = and_(jobs.c.key.in_(keys), jobs.c.worker == worker, jobs.c.status == "open")
        alive = update(jobs).where(ours).values(leased_until=time.time() + LEASE_SECONDS).returning(jobs.c.key)
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
            posted = connection.execute(select(jobs.c.posted).where(jobs.c.thread == thread)).scalars().all()
        return {post for posts in posted for post in posts}

    def reclaim(self, is_dead: Callable[[str], bool]) -> None:
        """Release the jobs of workers that are known to be dead, without waiting for their leases."""
        held = and_(jobs.c.status == "open", jobs.c.worker.is_not(None))
        with self._database.reading() as connection:
            workers = connection.execute(select(jobs.c.worker).where(held).distinct()).scalars().all()
        for worker in filter(is_dead, workers):
            with self._database.writing() as connection:
                theirs = and_(held, jobs.c.worker == worker)
                connection.execute(update(jobs).where(theirs).values(worker=None, leased_until=0.0))

    def clear(self, kept_seconds: float = KEPT_SECONDS) -> None:
        """Delete the jobs that were finished long ago."""
        old = and_(jobs.c.status == "done", jobs.c.created < time.time() - kept_seconds)
        with self._database.writing() as connection:
            connection.execute(delete(jobs).where(old))

    def _any(self, condition: ColumnElement[bool]) -> bool:
        with self._database.reading() as connection:
            return connection.execute(select(jobs.c.key).where(condition).limit(1)).first() is not None

    def _change(self, key: str, holder: str, **values: Any) -> bool:
        ours = and_(jobs.c.key == key, jobs.c.worker == holder, jobs.c.status == "open")
        with self._database.writing() as connection:
            return bool(connection.execute(update(jobs).where(ours).values(**values)).rowcount)


def _job(row: Row[Any]) -> Job:
    return Job(
        key=row.key,
        thread=row.thread,
        created=row.created,
        attempts=row.attempts,
        payload=row.payload,
        posted=tuple(row.posted),
    )
