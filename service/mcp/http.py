"""MCP over streamable HTTP, in the process of the service and behind the same keys."""

from types import TracebackType
from typing import Self

from starlette.types import Receive, Scope, Send

from rag.workspace import Workspace
from service.http import problems
from service.mcp import extra


class McpEndpoint:
    """The ASGI application of `/mcp`. It keeps nothing between requests, so that any replica can answer.

    Which hosts and pages may ask is checked before, as for every path, by `service.http.middleware.AccessMiddleware`.
    """

    def __init__(self, workspace: Workspace) -> None:
        """Without the SDK every request is told what to install."""
        self._manager = None
        if extra.is_installed():
            from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

            from service.mcp.server import make_server
            from service.owner.client import Owner

            server = make_server(Owner(workspace), may_add=workspace.settings.mcp_may_add)
            self._manager = StreamableHTTPSessionManager(server, stateless=True)
            self._running = self._manager.run()

    async def __aenter__(self) -> Self:
        if self._manager:
            await self._running.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._manager:
            await self._running.__aexit__(kind, error, trace)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._manager:
            return await self._manager.handle_request(scope, receive, send)
        return await problems.of_status(404, extra.MISSING, scope)(scope, receive, send)
