"""MCP over streamable HTTP, in the process of the service and behind the same keys."""

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Self

from starlette.types import Receive, Scope, Send

from rag.workspace import Workspace
from service.http import problems
from service.mcp import extra

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager


class McpEndpoint:
    """The ASGI application of `/mcp`. It keeps nothing between requests, so that any replica can answer.

    The SDK is loaded by the first request: that takes a second and 25 MB, which most services never need.
    Which hosts and pages may ask is checked before, as for every path, by `service.http.middleware.AccessMiddleware`.
    """

    def __init__(self, workspace: Workspace) -> None:
        """Without the SDK every request is told what to install."""
        self._workspace = workspace
        self._manager: asyncio.Future[StreamableHTTPSessionManager] | None = None
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._serving:
            self._serving.cancel()
            await asyncio.wait([self._serving])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not extra.is_installed():
            return await problems.of_status(404, extra.MISSING, scope)(scope, receive, send)
        if self._manager is None:
            self._manager = asyncio.get_running_loop().create_future()
            self._serving = asyncio.create_task(self._serve(self._manager))
        return await (await asyncio.shield(self._manager)).handle_request(scope, receive, send)

    async def _serve(self, ready: "asyncio.Future[StreamableHTTPSessionManager]") -> None:
        """In a task of its own, as the SDK wants to be left by the task that entered it."""
        try:
            manager = await asyncio.to_thread(_manager, self._workspace)
        except Exception as error:
            ready.set_exception(error)
            raise
        async with manager.run():
            ready.set_result(manager)
            await asyncio.Event().wait()


def _manager(workspace: Workspace) -> "StreamableHTTPSessionManager":
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from service.mcp.server import make_server
    from service.owner.client import Owner

    server = make_server(Owner(workspace), may_add=workspace.settings.mcp_may_add)
    return StreamableHTTPSessionManager(server, stateless=True)
