"""In which files and on which lines each paper was read, as the catalog keeps it."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, and_, delete, insert, select

from rag.database import in_parts
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
    """The sources of each paper that was read: a file that was read again says anew on which lines it stands."""
    return {id: _merged(known.get(id, ()), new) for id, new in read.items()}


def add(connection: Connection, library: str, read: Mapping[str, Sequence[Source]]) -> None:
    """Note the sources of papers that have none."""
    rows = [
        {"library": library, "paper": id, "path": source.path, "line": source.line}
        for id, found in read.items()
        for source in found
    ]
    if rows:
        connection.execute(insert(sources), rows)


def put(connection: Connection, library: str, read: Mapping[str, Sequence[Source]]) -> None:
    """Note sources in the place of those that the papers have."""
    theirs = and_(sources.c.library == library, sources.c.paper.in_(list(read)))
    connection.execute(delete(sources).where(theirs))
    add(connection, library, read)


def _merged(known: Sequence[Source], read: Sequence[Source]) -> tuple[Source, ...]:
    again = {source.path for source in read}
    kept = {source for source in known if source.path not in again}
    return tuple(sorted(kept | set(read), key=lambda source: (source.path, source.line)))
