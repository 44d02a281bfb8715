"""Whether questions can be answered: opens the default library and searches it, at the start until both succeed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from rag.errors import ScholiastError
from rag.workspace import Workspace

_RETRY_AFTER_SECONDS = 2.0
_SEARCH_SECONDS = 5.0

log = logging.getLogger("scholiast")


class Readiness:
    """The state that `/readyz` reports. Requests need not wait for it: they open what they need themselves."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._pending: dict[Callable[[], Awaitable[object]], str] = {
            self._open: "the default library is being opened",
            self._search: "the embedder and the indexes are being loaded",
        }

    async def missing(self) -> list[str]:
        """Why the server is not ready; empty when it is. Once it was, a search shows whether it still is."""
        if self._pending:
            return list(self._pending.values())
        try:
            async with asyncio.timeout(_SEARCH_SECONDS):
                await self._search()
        except ScholiastError as error:
            return [str(error)]
        except TimeoutError:
            return [f"a search takes longer than {_SEARCH_SECONDS:g} seconds"]
        return []

    @property
    def degraded(self) -> list[str]:
        """What does not work, though questions are answered without it."""
        down = self._workspace.reranker_down
        return [f"the reranker is down ({down}); passages stay in the order of the search"] if down else []

    async def run(self) -> None:
        """Return when the server is ready. Each reason why it is not is logged once."""
        while self._pending:
            for step in list(self._pending):
                await self._try(step)
            if self._pending:
                await asyncio.sleep(_RETRY_AFTER_SECONDS)

    async def _try(self, step: Callable[[], Awaitable[object]]) -> None:
        try:
            await step()
        except ScholiastError as error:
            if self._pending[step] != str(error):
                log.error("not ready: %s", error)
            self._pending[step] = str(error)
        else:
            del self._pending[step]

    async def _open(self) -> None:
        await self._workspace.library()

    async def _search(self) -> None:
        """Loads what the first question would otherwise wait for."""
        engine = await self._workspace.engine()
        await engine.retriever.retrieve("warm", 1)
