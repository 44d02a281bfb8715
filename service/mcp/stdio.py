"""MCP over standard input and output: a host starts `scholiast mcp` as a process of its own and talks to it there."""

from mcp.server.stdio import stdio_server

from rag.workspace import Workspace
from service.mcp.server import make_server


async def serve(may_add: bool) -> bool:
    """Answer until the host closes our standard input, over the libraries of this machine's user.

    `may_add` lets a model add papers even where the settings do not. Raises ConfigError.
    """
    async with Workspace() as workspace, stdio_server() as (incoming, outgoing):
        server = make_server(workspace, may_add=may_add or workspace.settings.mcp_may_add)
        await server.run(incoming, outgoing, server.create_initialization_options())
    return True
