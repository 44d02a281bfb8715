"""Where each paper was read, by file and line, in SQL."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from rag.database import in_parts
from rag.library import works
from rag.library.schema import sources
from rag.types import Source


def of(connection: Connection, library: str, ids: Sequence[str]) -> dict[str, tuple[Source, ...]]:
    """Where each paper was read, by path and line; papers without a source are left out."""
    found: dict[str, tuple[Source, ...]] = {}
    for some in in_parts(ids):
        query = select(sources).where(sources.c.library == library, sources.c.paper.in_(some))
        for row in connection.execute(query.order_by(sources.c.path, sources.c.line)):
            found[row.paper] = (*found.get(row.paper, ()), Source(path=row.path, line=row.line))
    return found


def merged(
    known: Mapping[str, Sequence[Source]], read: Mapping[str, Sequence[Source]]
) -> dict[str, tuple[Source, ...]]:
    """The sources of each paper that was read: those in a file that was read again replace the known ones there."""
    return {id: works.merge_sources(known.get(id, ()), new) for id, new in read.items()}


def put(connection: Connection, library: str, read: Mapping[str, Sequence[Source]]) -> None:
    rows = [
        {"library": library, "paper": id, "path": source.path, "line": source.line}
        for id, found in read.items()
        for source in found
    ]
    if rows:
        connection.execute(insert(sources), rows)


def replace(connection: Connection, library: str, read: Mapping[str, Sequence[Source]]) -> None:
    for some in in_parts(list(read)):
        connection.execute(delete(sources).where(sources.c.library == library, sources.c.paper.in_(some)))
    put(connection, library, read)
