"""The right of one worker to do one job: while it lasts the worker may post, and it records what it posts."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

from rag.errors import ScholiastError
from rag.history.jobs import LEASE_SECONDS, Job, Jobs

_MARGIN_SECONDS = 5.0
_ROOT = "root:"
_PID_NAMESPACE = Path("/proc/self/ns/pid")


class LeaseLostError(Exception):
    """Another worker has taken the job over; nothing more may be posted."""


class Lease:
    """A job that this worker holds. `posted` are the messages that earlier attempts posted of the answer.

    `root` is the bot's own message under which the answer goes, for a slash command; otherwise empty.
    """

    def __init__(self, jobs: Jobs, job: Job, worker: str) -> None:
        self.job = job
        self._jobs = jobs
        self._worker = worker
        self._until = time.time() + LEASE_SECONDS
        self.root = next((post.removeprefix(_ROOT) for post in job.posted if post.startswith(_ROOT)), "")
        self.posted = [post for post in job.posted if not post.startswith(_ROOT)]

    async def check(self) -> None:
        """Before anything is posted: make sure that the job is still ours, after any pause. Raises LeaseLostError."""
        if time.time() > self._until - _MARGIN_SECONDS:
            await self.renew()

    async def renew(self) -> None:
        """Extend the lease. Raises LeaseLostError, and LibraryError."""
        if not await asyncio.to_thread(self._jobs.renew, [self.job.key], self._worker):
            raise LeaseLostError
        self._until = time.time() + LEASE_SECONDS

    async def record(self, posted: Sequence[str]) -> None:
        """Store which messages show the answer. Raises LeaseLostError."""
        entries = [*([f"{_ROOT}{self.root}"] if self.root else []), *posted]
        if not await asyncio.to_thread(self._jobs.record, self.job.key, self._worker, entries):
            raise LeaseLostError

    async def begin_thread(self, root: str) -> None:
        """Store the message under which the answer goes. Raises LeaseLostError."""
        self.root = root
        await self.record([])

    async def posted_by_others(self) -> set[str]:
        """The messages that other jobs have posted in the thread."""
        return await asyncio.to_thread(self._jobs.posted_in, self.job.thread) - set(self.job.posted)

    async def finish(self) -> None:
        """Mark the message as answered."""
        await asyncio.to_thread(self._jobs.finish, self.job.key, self._worker)

    async def release(self, seconds: float = 0.0) -> None:
        """Let any worker take the job, after this many seconds."""
        await asyncio.to_thread(self._jobs.release, self.job.key, self._worker, seconds)


@asynccontextmanager
async def renewed(lease: Lease) -> AsyncIterator[None]:
    """Keeps a lease alive: the other side may take longer than one lasts."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            with suppress(ScholiastError, LeaseLostError):  # whether it is lost is checked before anything is posted
                await lease.renew()

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()


def worker_name() -> str:
    """A new name that contains machine and process, so that others on the machine can see when the worker has died."""
    return f"{_machine()}|{os.getpid()}|{uuid4().hex}"


def is_dead(worker: str, ours: str) -> bool:
    """Whether a worker is known to have died; False when that can't be known on this machine."""
    machine, _, rest = worker.partition("|")
    pid, _, _ = rest.partition("|")
    if worker == ours or machine != _machine() or not pid.isdecimal():
        return False
    if int(pid) == os.getpid():
        return ours.partition("|")[0] == machine  # an earlier process that had this process id
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _machine() -> str:
    try:
        namespace = os.readlink(_PID_NAMESPACE)  # noqa: PTH115  # the text of the link, which leads to no file
    except OSError:
        namespace = ""
    return f"{socket.gethostname()}/{namespace}"
