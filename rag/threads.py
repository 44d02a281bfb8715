"""Threads for work that blocks, by what it is for: saving or ingesting never holds up reading, however long it waits.

SQLite lets one process write at a time, so a save may wait seconds for another program; an ingest computes for minutes.
"""

import asyncio
import contextvars
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = {"read": 8, "save": 8, "ingest": 2, "ahead": 1}


async def read(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Run what a question or a page waits for."""
    return await _run("read", work, *arguments, **named)


async def save(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Run what writes to the history."""
    return await _run("save", work, *arguments, **named)


async def ingest(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Run what changes a library."""
    return await _run("ingest", work, *arguments, **named)


def ahead(work: Callable[[], None]) -> None:
    """Run what nobody waits for, but later questions are faster after; it says itself what went wrong."""
    _pool("ahead").submit(work)


async def _run(pool: str, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    call = partial(contextvars.copy_context().run, work, *arguments, **named)
    return await asyncio.get_running_loop().run_in_executor(_pool(pool), call)


@cache
def _pool(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS[name], f"scholiast-{name}")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of its parent's threads
