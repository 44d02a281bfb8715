"""What built a library, against what this process would build: they differ, or they fit."""

from rag.errors import LibraryError
from rag.library import advice, schema
from rag.library.rows import LibraryRow
from rag.text import chunk


def found(row: LibraryRow, embedder: str) -> str:
    """Why a library does not fit, and the command that mends it; empty when it fits."""
    again = advice.embed_again(row.name)
    if row.schema_version != schema.VERSION:
        return (
            f"library {row.name!r} has tables of version {row.schema_version}, this program of {schema.VERSION}; "
            "use the program that made it"
        )
    if not row.embedder:
        return f"library {row.name!r}: embedding every paper again was interrupted; {again}"
    if row.embedder != embedder:
        return (
            f"library {row.name!r} was built with embedder {row.embedder!r}, not {embedder!r}; "
            f"set SCHOLIAST_EMBEDDER={row.embedder}, or {again}"
        )
    if row.chunker != chunk.NAME:
        return f"library {row.name!r} was cut by chunker {row.chunker!r}, not {chunk.NAME!r}; {again}"
    return ""


def check_dimension(row: LibraryRow, embedder: str, dimension: int) -> None:
    """Raise LibraryError when an embedder gives vectors of another length than those stored."""
    if row.dimension != dimension:
        raise LibraryError(
            f"embedder {embedder!r} gives vectors of {dimension} numbers, library {row.name!r} holds "
            f"vectors of {row.dimension}; {advice.embed_again(row.name)}"
        )
