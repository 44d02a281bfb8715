"""Runs an operation in the process that owns the library: this one where it can, otherwise the one that does."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from rag.errors import LockedError, OwnerDoor
from rag.workspace import Workspace
from service.owner import protocol
from service.owner.operations import Operations
from service.owner.server import serving

P = ParamSpec("P")
T = TypeVar("T")

_ATTEMPTS = 6
_PAUSE_SECONDS = 0.25
"""An owner that has just begun has not told its port, and one that ends breaks off what it did for us."""


class _OwnerLeftError(Exception):
    """The owner ended before the operation did."""


class Owner:
    """Whoever owns the libraries. While this process does, it works for others too."""

    def __init__(self, workspace: Workspace | None = None) -> None:
        """Without a workspace, over that of the settings. Raises ConfigError."""
        self.workspace = workspace or Workspace()
        self._serving = serving(self.workspace)

    async def __aenter__(self) -> Self:
        await self._serving.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._serving.__aexit__(kind, error, trace)
        await self.workspace.close()

    async def run(
        self, operation: Callable[Concatenate[Operations, P], Awaitable[T]], *args: P.args, **arguments: P.kwargs
    ) -> T:
        """The result of a method of `Operations`. Raises as it does; LockedError if the owner serves nobody."""
        for attempt in range(_ATTEMPTS):
            try:
                return await operation(Operations(self.workspace), *args, **arguments)
            except LockedError as error:
                if attempt == _ATTEMPTS - 1:
                    raise
                door = error.door
            try:
                if door:
                    result: T = await _run_there(door, operation.__name__, arguments)
                    return result
            except _OwnerLeftError:
                pass
            await asyncio.sleep(_PAUSE_SECONDS)
        raise AssertionError("unreachable")


async def _run_there(door: OwnerDoor, name: str, arguments: dict[str, Any]) -> Any:
    callbacks = {key: value for key, value in arguments.items() if callable(value)}
    request = {
        "key": door.key,
        "operation": name,
        "arguments": {k: protocol.to_json(name, k, v) for k, v in arguments.items() if k not in callbacks},
        "callbacks": list(callbacks),
    }
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port, limit=protocol.MAX_LINE_BYTES)
    except OSError as error:
        raise _OwnerLeftError from error
    try:
        writer.write(protocol.line(request))
        async for line in reader:
            message = json.loads(line)
            if "call" in message:
                callbacks[message["call"]](*message["arguments"])
            elif "error" in message:
                raise protocol.error_from_json(message["error"])
            else:
                return protocol.from_json(name, "return", message["result"])
    except (OSError, ValueError) as error:  # ValueError: half a line
        raise _OwnerLeftError from error
    finally:
        writer.close()
    raise _OwnerLeftError
