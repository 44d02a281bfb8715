"""MCP over standard input and output: a host starts `scholiast mcp` as a process of its own and talks to it there."""

from mcp.server.stdio import stdio_server

from service.mcp.server import make_server
from service.owner.client import Owner


async def serve(may_add: bool) -> bool:
    """Answer until the host closes our standard input, over the libraries of this machine's user.

    `may_add` lets a model add papers even where the settings do not. Raises ConfigError.
    """
    async with Owner() as owner, stdio_server() as (incoming, outgoing):
        server = make_server(owner, may_add=may_add or owner.workspace.settings.mcp_may_add)
        await server.run(incoming, outgoing, server.create_initialization_options())
    return True
