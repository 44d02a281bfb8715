"""The watches of a database: who watches what, how far each has come, and what it has told. Every method blocks.

A run holds a lease on its watch. All that it found, how far it came and the digest to post are one transaction, so that
a run that is killed, or has lost its lease, has told nothing, and the next one tells it all.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, select, update

from rag.database import Database, in_parts
from rag.errors import BusyError, NotFoundError, RequestError
from rag.history.jobs import Jobs
from rag.history.schema import timestamp
from rag.watches import schema
from rag.watches.findings import Finding, StandingAnswer, from_json, standing_from_json, to_json
from rag.watches.schema import findings, watches

LEASE_SECONDS = 60.0
"""How long a run counts as alive after it has renewed its lease."""

PERIOD_SECONDS = 20 * 3600.0
"""Less than a day, so that a watch that a timer runs every day is due each time, also when the last run took long."""

MAX_WATCHES = 200
"""How many watches one caller may have."""

SLACK = "slack:"
EMAIL = "email:"
_CLOCK_SKEW_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is watched, and how far it has come; `store.py` explains the fields that are not plain."""

    id: str
    owner: str
    text: str
    library: str
    source: str
    destination: str
    created: str
    revision: int
    fetched: str
    due: float
    standing: StandingAnswer | None = None

    @property
    def channel(self) -> str:
        """The Slack channel that is told; empty for none."""
        return self.destination.removeprefix(SLACK) if self.destination.startswith(SLACK) else ""

    @property
    def address(self) -> str:
        """The e-mail address that is told; empty for none."""
        return self.destination.removeprefix(EMAIL) if self.destination.startswith(EMAIL) else ""


class Watches:
    """The watches of a database, which several processes may share."""

    def __init__(self, database: Database) -> None:
        """The database is opened at first use."""
        self._database = database
        self.digests = Jobs(database, schema.digests)
        """What has to be posted to Slack: a job's thread is the id of its watch."""
        self.mails = Jobs(database, schema.mails)
        """What has to be sent by e-mail, in the same form."""

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def add(self, watch: Watch) -> None:
        """Store a new watch. Raises RequestError when its owner has too many."""
        with self._database.writing() as connection:
            connection.execute(insert(watches).values(**_row_of(watch), leased_until=0.0))
            count = connection.execute(
                select(func.count()).select_from(watches).where(watches.c.owner == watch.owner)
            ).scalar_one()
            if count > MAX_WATCHES:
                raise RequestError(f"there are {MAX_WATCHES} watches already, which is the most; remove one first")

    def all(self, owner: str | None = None) -> list[Watch]:
        """The watches of one owner, or of all, oldest first."""
        query = select(watches).order_by(watches.c.created, watches.c.id)
        with self._database.reading() as connection:
            return [_watch(row) for row in connection.execute(query.where(_of(owner)))]

    def get(self, id: str, owner: str | None = None) -> Watch:
        """One watch. Raises NotFoundError, also for another owner's."""
        with self._database.reading() as connection:
            row = connection.execute(select(watches).where(watches.c.id == id, _of(owner))).one_or_none()
        if row is None:
            raise _no_watch(id)
        return _watch(row)

    def remove(self, id: str, owner: str | None = None) -> None:
        """Remove a watch, what it found, and its digests that nobody has begun to post. Raises NotFoundError."""
        with self._database.writing() as connection:
            if not connection.execute(delete(watches).where(watches.c.id == id, _of(owner))).rowcount:
                raise _no_watch(id)
            for jobs in (schema.digests, schema.mails):
                connection.execute(delete(jobs).where(jobs.c.thread == id, jobs.c.attempts == 0))

    def due(self, owner: str | None = None) -> list[str]:
        """The ids of the watches that have to run, the one that waits longest first."""
        query = select(watches.c.id).where(
            _of(owner), watches.c.due <= time.time(), watches.c.leased_until < time.time()
        )
        with self._database.reading() as connection:
            return list(connection.execute(query.order_by(watches.c.due, watches.c.id)).scalars())

    def claim(self, id: str, runner: str, *, only_due: bool = False) -> Watch | None:
        """The watch, now held by this runner until its lease ends; None if it is held by another, or is not due."""
        now = time.time()
        free = and_(watches.c.id == id, watches.c.leased_until < now)
        if only_due:
            free = and_(free, watches.c.due <= now)
        lease = {"runner": runner, "leased_until": now + LEASE_SECONDS}
        with self._database.writing() as connection:
            row = connection.execute(update(watches).where(free).values(**lease).returning(watches)).one_or_none()
        return None if row is None else _watch(row)

    def renew(self, id: str, runner: str) -> None:
        """Extend a lease that the runner still holds."""
        with self._database.writing() as connection:
            until = time.time() + LEASE_SECONDS
            connection.execute(update(watches).where(_held(id, runner)).values(leased_until=until))

    def release(self, id: str, runner: str) -> None:
        """Give a lease up without having told anything; the watch stays due."""
        with self._database.writing() as connection:
            connection.execute(update(watches).where(_held(id, runner)).values(runner=None, leased_until=0.0))

    def told(self, id: str, papers: Sequence[str]) -> set[str]:
        """Those of the papers that the watch has told."""
        found: set[str] = set()
        with self._database.reading() as connection:
            for some in in_parts([f"paper:{paper}" for paper in papers]):
                query = select(findings.c.subject).where(findings.c.watch == id, findings.c.subject.in_(some))
                found |= {subject.removeprefix("paper:") for subject in connection.execute(query).scalars()}
        return found

    def finish(self, watch: Watch, runner: str, found: Sequence[Finding]) -> list[Finding]:
        """Store how far a watch has come and what it found, and give the lease up; returns the findings as stored.

        For Slack and e-mail they also become a digest. Raises BusyError when another run has taken over; then nothing
        is stored.
        """
        now = timestamp()
        stored = [replace(finding, found=now) for finding in found]
        standing = asdict(watch.standing) if watch.standing else None
        reached = {"revision": watch.revision, "fetched": watch.fetched, "due": watch.due, "standing": standing}
        done = update(watches).where(_held(watch.id, runner)).values(**reached, runner=None, leased_until=0.0)
        with self._database.writing() as connection:
            if not connection.execute(done).rowcount:
                raise BusyError(f"watch {watch.id} was removed, or another run has taken it over")
            for finding in stored:
                row = {"id": finding.id, "watch": watch.id, "subject": finding.subject, "found": now}
                connection.execute(insert(findings).values(**row, content=to_json(finding)))
            digest = {"text": watch.text, "findings": [to_json(finding) for finding in stored]}
            if stored and watch.channel:
                self.digests.insert(connection, _digest_key(watch), watch.id, {**digest, "channel": watch.channel})
            if stored and watch.address:
                self.mails.insert(connection, _digest_key(watch), watch.id, {**digest, "address": watch.address})
        return stored

    def findings(self, id: str, limit: int) -> list[Finding]:
        """The last findings of a watch, newest first."""
        newest = select(findings.c.content).where(findings.c.watch == id)
        newest = newest.order_by(findings.c.found.desc(), findings.c.id).limit(limit)
        with self._database.reading() as connection:
            return [from_json(content) for content in connection.execute(newest).scalars()]


def new_id() -> str:
    """An id for a watch."""
    return f"wat_{uuid4().hex}"


def watch_json(watch: Watch) -> dict[str, Any]:
    """A watch as HTTP and the terminal show it."""
    return {
        "id": watch.id,
        "text": watch.text,
        "library": watch.library,
        "source": watch.source,
        "to": watch.destination,
        "created": watch.created,
        "feed": f"/v1/watches/{watch.id}/feed",
        "standing": asdict(watch.standing) if watch.standing else None,
    }


def busy(id: str) -> BusyError:
    """That another run holds a watch."""
    return BusyError(f"watch {id} is running already; it is free a minute after that run has ended or died")


def _digest_key(watch: Watch) -> str:
    """What follows the colon is the earliest time, in Slack's form, at which the digest can have been posted."""
    return f"{watch.id}:{time.time() - _CLOCK_SKEW_SECONDS:.6f}"


def _of(owner: str | None) -> ColumnElement[bool]:
    return watches.c.owner == owner if owner is not None else watches.c.id.is_not(None)


def _held(id: str, runner: str) -> ColumnElement[bool]:
    return and_(watches.c.id == id, watches.c.runner == runner)


def _row_of(watch: Watch) -> dict[str, Any]:
    return {**vars(watch), "standing": asdict(watch.standing) if watch.standing else None}


def _watch(row: Row[Any]) -> Watch:
    known = {name: value for name, value in row._asdict().items() if name not in ("runner", "leased_until")}
    return Watch(**{**known, "standing": standing_from_json(row.standing) if row.standing else None})


def _no_watch(id: str) -> NotFoundError:
    return NotFoundError(f"there is no watch {id!r}; `scholiast watch list` or GET /v1/watches lists them")
