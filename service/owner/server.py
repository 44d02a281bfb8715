"""Lets other processes of the same user operate on the libraries that this process owns."""

import asyncio
import json
import logging
import secrets
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from rag.errors import OwnerDoor, ScholiastError
from rag.workspace import Workspace
from service.owner import protocol
from service.owner.operations import Operations

_KEY_BYTES = 32
_FIRST_LINE_SECONDS = 10.0
_INTERNAL = "something went wrong in the process that owns the library; its own output says what"

log = logging.getLogger("scholiast")


@asynccontextmanager
async def serving(workspace: Workspace) -> AsyncIterator[None]:
    """Serve on a loopback port; which, and the key, is told in a file of each owned library that only the user reads.

    What is being done for others ends with it.
    """
    key = secrets.token_urlsafe(_KEY_BYTES)
    connections: set[asyncio.Task[None]] = set()

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await _answer(workspace, key, reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass
        finally:
            connections.discard(task)
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=protocol.MAX_LINE_BYTES)
    await workspace.announce(OwnerDoor(server.sockets[0].getsockname()[1], key))
    try:
        yield
    finally:
        server.close()
        for task in tuple(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _answer(workspace: Workspace, key: str, reader: StreamReader, writer: StreamWriter) -> None:
    async with asyncio.timeout(_FIRST_LINE_SECONDS):
        first = await reader.readline()
    try:
        request = json.loads(first)
        given, name = str(request["key"]), str(request["operation"])
    except (ValueError, TypeError, KeyError):
        return
    if not secrets.compare_digest(given.encode(), key.encode()) or not protocol.is_operation(name):
        return
    working = asyncio.create_task(_operate(workspace, name, request, writer))
    leaving = asyncio.create_task(reader.read())  # ends when the other process does
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (working, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await task


async def _operate(workspace: Workspace, name: str, request: dict[str, Any], writer: StreamWriter) -> None:
    loop = asyncio.get_running_loop()

    def callback(name: str) -> Callable[..., None]:
        def call(*arguments: object) -> None:  # from any thread
            loop.call_soon_threadsafe(writer.write, protocol.line({"call": name, "arguments": arguments}))

        return call

    try:
        given = {key: protocol.from_json(name, key, value) for key, value in request["arguments"].items()}
        callbacks = {key: callback(key) for key in request["callbacks"]}
        result = await getattr(Operations(workspace), name)(**given, **callbacks)
        last = {"result": protocol.to_json(name, "return", result)}
    except ScholiastError as error:
        last = {"error": protocol.error_to_json(error)}
    except Exception:
        log.exception("the operation %s of another process failed", name)
        last = {"error": protocol.error_to_json(ScholiastError(_INTERNAL))}
    writer.write(protocol.line(last))
    await writer.drain()
