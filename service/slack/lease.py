"""The right to answer one message: as long as it lasts we may post, and what we post is noted before anything else."""

import asyncio
import os
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from rag.history.jobs import LEASE_SECONDS, Job, Jobs

_MARGIN_SECONDS = 5.0
_ROOT = "root:"
_NAMESPACE = Path("/proc/self/ns/pid")


class LostError(Exception):
    """Another worker has taken the job over; nothing more may be posted."""


class Lease:
    """A job that is ours. `posted` is what an earlier attempt showed of the answer, `root` the message it stands under,
    where that is ours too."""

    def __init__(self, inbox: Jobs, job: Job, worker: str) -> None:
        self.job = job
        self._inbox = inbox
        self._worker = worker
        self._until = time.time() + LEASE_SECONDS
        self.root = next((post.removeprefix(_ROOT) for post in job.posted if post.startswith(_ROOT)), "")
        self.posted = [post for post in job.posted if not post.startswith(_ROOT)]

    async def check(self) -> None:
        """Before anything is posted: whether the job is still ours, after however long a pause. Raises LostError."""
        if time.time() > self._until - _MARGIN_SECONDS:
            await self.renew()

    async def renew(self) -> None:
        """A sign of life. Raises LostError, and LibraryError."""
        if not await asyncio.to_thread(self._inbox.renew, [self.job.key], self._worker):
            raise LostError
        self._until = time.time() + LEASE_SECONDS

    async def record(self, posted: Sequence[str]) -> None:
        """Note what is shown of the answer. Raises LostError."""
        noted = [*([f"{_ROOT}{self.root}"] if self.root else []), *posted]
        if not await asyncio.to_thread(self._inbox.record, self.job.key, self._worker, noted):
            raise LostError

    async def begin_thread(self, root: str) -> None:
        """Note the message under which the answer goes, for what had no thread. Raises LostError."""
        self.root = root
        await self.record([])

    async def others(self) -> set[str]:
        """What other jobs have shown in the thread."""
        return await asyncio.to_thread(self._inbox.posted_in, self.job.thread) - set(self.job.posted)

    async def finish(self) -> None:
        """The message is answered."""
        await asyncio.to_thread(self._inbox.finish, self.job.key, self._worker)

    async def release(self, seconds: float = 0.0) -> None:
        """Somebody may try again, after so many seconds."""
        await asyncio.to_thread(self._inbox.release, self.job.key, self._worker, seconds)


def worker_name() -> str:
    """Names this worker and its process, so that others on the machine can see when it has died."""
    return f"{_machine()}|{os.getpid()}|{uuid4().hex}"


def is_dead(worker: str, ours: str) -> bool:
    """Whether a worker is known to have died; False when that can't be known from here."""
    machine, _, rest = worker.partition("|")
    pid, _, _ = rest.partition("|")
    if worker == ours or machine != _machine() or not pid.isdecimal():
        return False
    if int(pid) == os.getpid():
        return ours.partition("|")[0] == machine  # an earlier life of this process id
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _machine() -> str:
    try:
        namespace = os.readlink(_NAMESPACE)  # noqa: PTH115  # the text of the link, which leads to no file
    except OSError:
        namespace = ""
    return f"{socket.gethostname()}/{namespace}"
