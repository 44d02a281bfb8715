"""Embeds on a cluster of Dask: its workers make the vectors of an ingest, whose one writer is here (extra `bulk`).

A batch of texts is one task, so it is embedded as one batch, as without a cluster. Dask repeats the task of a worker
that dies on another one. Workers make the embedder of their own settings, so only texts and vectors are sent, no keys.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager
from functools import cache
from importlib import metadata
from typing import NamedTuple

import dask
import numpy as np
from distributed import Client, Future, KilledWorker, LocalCluster, Worker, get_worker
from numpy.typing import NDArray

from rag import config, embedders
from rag.errors import BackendError, ConfigError, RequestError, ScholiastError
from rag.protocols import Embedder

_LOCAL = "local"
_ADDRESSES = "tcp://HOST:PORT or tls://HOST:PORT of a Dask scheduler, or local:N for N processes of this machine"
_CONNECT_SECONDS = 10
_WITHOUT_WORKERS_SECONDS = 30
_BATCHES_A_THREAD = 2
"""One that is embedded and one that waits, so that no worker waits for the writer."""

_NO_PAGES: dict[str, list[str]] = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
"""Dask has pages of what a cluster does, which every user of the machine could read."""

_LEAVE_INTERRUPTS = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
"""A local worker's first statement: Ctrl-C in a terminal reaches all its processes, and the writer ends the workers."""

PROBES = ("Sparse autoencoders find features that a person can name.", "β-Lactamase, 5 µM")
_SAME = 0.999
"""From this cosine on, two vectors of a text differ by rounding, as those of different processors and of one provider
do; those of other weights are far below."""


class _Identity(NamedTuple):
    """What must be the same here and on a worker; `vectors` are those of the probes, shape (probes, dimension)."""

    version: str
    embedder: str
    vectors: NDArray[np.float32]

    def mismatch(self, other: "_Identity") -> str:
        """What another one has that does not fit; empty where all does."""
        if other[:2] != self[:2]:
            return f"scholiast {other.version} with embedder {other.embedder!r}"
        if other.vectors.shape != self.vectors.shape:
            return f"embedder {other.embedder!r} with vectors of {other.vectors.shape[1]} numbers"
        if (other.vectors * self.vectors).sum(axis=1).min() < _SAME:
            return f"embedder {other.embedder!r} with other weights"
        return ""


class DaskEmbedder:
    """Embeds documents by the workers of a cluster; `embedding` makes it."""

    def __init__(self, client: Client, wanted: _Identity) -> None:
        self._client = client
        self._wanted = wanted
        self.name = wanted.embedder

    @property
    def batches_at_once(self) -> int:
        """So many that the workers that there are now always have another one."""
        return _BATCHES_A_THREAD * max(1, int(self._client.scheduler_info()["total_threads"]))

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the embedder does, on one worker. Raises BackendError, and ConfigError when that worker does not fit."""
        future = self._client.submit(_embed, self._wanted, list(texts), pure=False)
        try:
            return await self._result(future)
        except KilledWorker as error:
            raise _failure("several workers died of the same texts", "give them more memory") from error
        except CancelledError as error:
            raise _failure(
                "the scheduler is gone", "run the same again when it is back, what is stored stays"
            ) from error
        finally:
            future.release()

    async def check(self) -> None:
        """Raise BackendError when there are no workers, and ConfigError when one does not fit."""
        try:
            await self._client.wait_for_workers(1, timeout=_WITHOUT_WORKERS_SECONDS)
        except TimeoutError as error:
            raise _failure("the scheduler has no workers", "start some with `dask worker ADDRESS`") from error
        for worker, fault in (await self._client.run(_check, self._wanted, on_error="return")).items():
            if isinstance(fault, ScholiastError):
                raise fault
            if fault is not None:
                message = (
                    f"Dask worker {worker} can't run scholiast {self._wanted.version} ({fault!r}); install it there"
                )
                raise ConfigError(message)

    async def _result(self, future: Future) -> NDArray[np.float32]:
        """Waits as long as there are workers."""
        result: asyncio.Future[NDArray[np.float32]] = asyncio.ensure_future(future.result())
        try:
            while not (await asyncio.wait([result], timeout=_WITHOUT_WORKERS_SECONDS))[0]:
                if not self._client.scheduler_info()["n_workers"]:
                    raise _failure(
                        "all workers are gone", "run the same again when some are back, what is stored stays"
                    )
            return await result
        finally:
            result.cancel()


@asynccontextmanager
async def embedding(cluster: str, embedder: Embedder) -> AsyncIterator[DaskEmbedder]:
    """What embeds as `embedder` does on a cluster: one by its scheduler's address, or `local:N`, N processes here.

    Raises RequestError for another text, BackendError when no scheduler or worker answers, and ConfigError when a
    worker has another version or embedder.
    """
    wanted = await _identity(embedder)
    kind, _, count = cluster.partition(":")
    if kind != _LOCAL:
        async with _connected(cluster, wanted) as connected:
            yield connected
        return
    if not (count.isascii() and count.isdigit() and int(count)):
        raise RequestError(f"{cluster!r} is no cluster; give {_ADDRESSES}")
    with dask.config.set(_NO_PAGES):
        # Every user of a machine can connect to its ports; certificates of the moment keep the others out.
        local = LocalCluster(
            n_workers=int(count),
            threads_per_worker=1,
            security=True,
            preload=[_LEAVE_INTERRUPTS],
            scheduler_kwargs={"dashboard": False},
            dashboard_address="127.0.0.1:0",
            asynchronous=True,
        )
        async with local, _connected(local, wanted) as connected:
            yield connected


@asynccontextmanager
async def _connected(cluster: str | LocalCluster, wanted: _Identity) -> AsyncIterator[DaskEmbedder]:
    client = Client(cluster, asynchronous=True, timeout=_CONNECT_SECONDS, set_as_default=False)
    try:
        await _start(client, cluster)
        connected = DaskEmbedder(client, wanted)
        await connected.check()
        yield connected
    finally:
        await client.close()


async def _start(client: Client, cluster: str | LocalCluster) -> None:
    try:
        await client
    except ValueError as error:
        raise RequestError(f"{cluster!r} is no cluster ({error}); give {_ADDRESSES}") from error
    except OSError as error:
        raise _failure(f"no scheduler answers at {cluster} ({error})", "start it with `dask scheduler`") from error


def _failure(reason: str, remedy: str) -> BackendError:
    return BackendError(f"Dask: {reason}; {remedy}", retryable=True, reason="its cluster can't be used")


async def _embed(wanted: _Identity, texts: Sequence[str]) -> NDArray[np.float32]:
    """The task of a worker, which may have come after the others were checked."""
    await _check(wanted)
    return await _workers_embedder().embed(texts)


async def _check(wanted: _Identity, dask_worker: Worker | None = None) -> None:
    """Outside of a task Dask gives the worker as an argument of that name."""
    worker = f"Dask worker {(dask_worker or get_worker()).address}"
    try:
        fault = wanted.mismatch(await _workers_identity())
    except ScholiastError as error:
        raise ConfigError(f"{worker} can't embed: {error}") from error
    if fault:
        raise ConfigError(
            f"{worker} has {fault}, not scholiast {wanted.version} with embedder {wanted.embedder!r} as here; "
            "install the same version there and set SCHOLIAST_EMBEDDER"
        )


async def _workers_identity() -> _Identity:
    if not _known:
        _known.append(await _identity(_workers_embedder()))
    return _known[0]


_known: list[_Identity] = []
"""The identity of a worker's process, once it is known."""


@cache
def _workers_embedder() -> Embedder:
    return embedders.embedder(config.load().embedder)


async def _identity(embedder: Embedder) -> _Identity:
    return _Identity(metadata.version("scholiast"), embedder.name, await embedder.embed(PROBES))
