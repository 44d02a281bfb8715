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
        self._checking: asyncio.Task[str] | None = None
        self._logged = ""
        self._pending: dict[Callable[[], Awaitable[object]], str] = {
            self._open: "the default library is being opened",
            self._search: "the embedder and the indexes are being loaded",
        }

    async def missing(self) -> list[str]:
        """Why the server is not ready; empty when it is. Once it was, a search shows whether it still is."""
        if self._pending:
            return list(self._pending.values())
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._fault())
        # Shared and never cancelled: its thread can't be stopped, and each probe would block one more.
        done, _ = await asyncio.wait([self._checking], timeout=_SEARCH_SECONDS)
        if not done:
            return [f"a search takes longer than {_SEARCH_SECONDS:g} seconds"]
        return list(filter(None, [self._checking.result()]))

    async def _fault(self) -> str:
        """Why a search fails now; empty when it does not."""
        try:
            await self._search()
        except ScholiastError as error:
            if str(error) != self._logged:
                log.error("not ready: %s", error)
            self._logged = str(error)
            return error.public
        self._logged = ""
        return ""

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
            if self._pending[step] != error.public:
                log.error("not ready: %s", error)
            self._pending[step] = error.public
        else:
            del self._pending[step]

    async def _open(self) -> None:
        await self._workspace.library()

    async def _search(self) -> None:
        """Loads what the first question would otherwise wait for."""
        await self._workspace.embedder.embed(["warm"])  # a query's vector is kept, so it would not show an outage
        engine = await self._workspace.engine()
        await engine.retriever.retrieve("warm", 1)
        await (await self._workspace.library()).check_server()
