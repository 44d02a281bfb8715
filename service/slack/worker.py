"""Answers the stored messages: takes free jobs, keeps their leases alive, and releases them when it is stopped."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from rag.errors import LockedError, ScholiastError
from rag.history.jobs import LEASE_SECONDS, Jobs
from service.lease import Lease, LeaseLostError, is_dead, worker_name
from service.slack.answer import should_give_up
from service.slack.client import SlackDownError, log

MAX_CONCURRENT = 4
"""How many messages are answered at the same time."""

_POLL_SECONDS = 2.0
_STOP_SECONDS = 10.0
_RETRY_SECONDS = 15.0
_LOCKED_RETRY_SECONDS = 4.0
_CLEAR_SECONDS = 3600.0


class Worker:
    """One of the workers on a database; they need not know of each other."""

    def __init__(self, jobs: Jobs, answer: Callable[[Lease], Awaitable[None]]) -> None:
        self._jobs, self._answer = jobs, answer
        self._name = worker_name()
        self._running: dict[asyncio.Task[None], Lease] = {}
        self._woken = asyncio.Event()
        self._clear_at = 0.0

    def wake(self) -> None:
        """Look for jobs at once."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled; then running answers may finish within ten seconds, and the others are released."""
        renewing = asyncio.create_task(self._renew_leases())
        try:
            while True:
                await self._poll()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._woken.wait()
                self._woken.clear()
        finally:
            await self._stop()
            renewing.cancel()

    async def _poll(self) -> None:
        try:
            await asyncio.to_thread(self._jobs.reclaim, lambda worker: is_dead(worker, self._name))
            if time.monotonic() > self._clear_at:
                self._clear_at = time.monotonic() + _CLEAR_SECONDS
                await asyncio.to_thread(self._jobs.clear)
            if room := MAX_CONCURRENT - len(self._running):
                for job in await asyncio.to_thread(self._jobs.take, self._name, room):
                    lease = Lease(self._jobs, job, self._name)
                    task = asyncio.create_task(self._work(lease))
                    self._running[task] = lease
                    task.add_done_callback(self._done)
        except ScholiastError as error:
            log.error("the jobs can't be read: %s", error)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self.wake()

    async def _work(self, lease: Lease) -> None:
        """Afterwards the message is answered, released, or another worker's, whatever fails."""
        try:
            await self._answer(lease)
            await lease.finish()
        except asyncio.CancelledError:
            await lease.release()
            raise
        except LeaseLostError:
            log.warning("%s was taken over by another worker", lease.job.key)
        except SlackDownError as error:
            log.error("%s has to wait: %s", lease.job.key, error)
            await (lease.finish() if should_give_up(lease) else lease.release(_RETRY_SECONDS * lease.job.attempts))
        except LockedError as error:
            log.warning("%s is left to others: %s", lease.job.key, error)
            await lease.release(_LOCKED_RETRY_SECONDS)
        except ScholiastError as error:
            log.error("%s has to wait: %s", lease.job.key, error)
            with suppress(ScholiastError):
                await lease.release(_RETRY_SECONDS * lease.job.attempts)
        except Exception:
            log.exception("%s failed, and the person who asked could not be told", lease.job.key)
            await lease.finish()

    async def _renew_leases(self) -> None:
        """Renew the leases of running jobs; a job whose lease is lost is cancelled at once."""
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            for task, lease in list(self._running.items()):
                try:
                    await lease.renew()
                except LeaseLostError:
                    task.cancel()
                except ScholiastError as error:
                    log.error("the lease of %s could not be renewed: %s", lease.job.key, error)

    async def _stop(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=_STOP_SECONDS)
        for task in list(self._running):
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
