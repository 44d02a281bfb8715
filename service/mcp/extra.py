"""The SDK is an extra."""

from importlib.util import find_spec

MISSING = "MCP needs its SDK; run `pip install 'scholiast[mcp]'`"


def is_installed() -> bool:
    """Whether the SDK can be loaded."""
    return find_spec("mcp") is not None
