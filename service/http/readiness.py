"""Gets a fresh server ready: opens the default library and searches it once, trying again until both succeed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from rag.errors import ScholiastError
from rag.workspace import Workspace

_AGAIN_AFTER_SECONDS = 2.0

log = logging.getLogger("scholiast")


class Readiness:
    """What `/readyz` asks. Requests need not wait for it: they open what they need themselves."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._todo: dict[Callable[[], Awaitable[object]], str] = {
            self._open: "the default library is being opened",
            self._search: "the embedder and the indexes are being loaded",
        }

    def missing(self) -> list[str]:
        """Why the server is not ready; empty when it is."""
        return list(self._todo.values())

    async def run(self) -> None:
        """Return when the server is ready. What stands in the way is logged when it is first met."""
        while self._todo:
            for bring_up in list(self._todo):
                await self._try(bring_up)
            if self._todo:
                await asyncio.sleep(_AGAIN_AFTER_SECONDS)

    async def _try(self, bring_up: Callable[[], Awaitable[object]]) -> None:
        try:
            await bring_up()
        except ScholiastError as error:
            if self._todo[bring_up] != str(error):
                log.error("not ready: %s", error)
            self._todo[bring_up] = str(error)
        else:
            del self._todo[bring_up]

    async def _open(self) -> None:
        await self._workspace.library()

    async def _search(self) -> None:
        """Whatever the first question would have to wait for is loaded by this."""
        engine = await self._workspace.engine()
        await engine.retriever.retrieve("warm", 1)
