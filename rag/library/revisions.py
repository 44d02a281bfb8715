"""Which change of a library brought, altered or removed a paper: revisions, counted from 1, in SQL."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from rag.database import in_parts
from rag.errors import NotFoundError
from rag.library import identifiers
from rag.library.schema import libraries, papers, removals
from rag.types import Paper


def advance(connection: Connection, library: str) -> int:
    """The revision of a change that begins. Raises NotFoundError."""
    following = libraries.c.revision + 1
    bump = update(libraries).where(libraries.c.name == library).values(revision=following, keyed_revision=following)
    revision = connection.execute(bump.returning(libraries.c.revision)).scalar_one_or_none()
    if revision is None:
        raise NotFoundError(f"library {library!r} was removed meanwhile")
    return int(revision)


def remove(connection: Connection, library: str, ids: Collection[str], revision: int) -> None:
    """Delete papers, and record it."""
    delete_papers(connection, library, list(ids))
    identifiers.forget(connection, library, ids)
    if ids:
        gone = [{"library": library, "paper": id, "revision": revision} for id in ids]
        connection.execute(insert(removals), gone)


def delete_papers(connection: Connection, library: str, ids: Sequence[str]) -> None:
    """Delete papers that others take the place of."""
    for some in in_parts(ids):
        connection.execute(delete(papers).where(papers.c.library == library, papers.c.id.in_(some)))


def of_additions(connection: Connection, library: str, ids: Sequence[str]) -> dict[str, int | None]:
    """The revision with which each paper came that is there; None where that is not known."""
    found: dict[str, int | None] = {}
    for some in in_parts(ids):
        query = select(papers.c.id, papers.c.added).where(papers.c.library == library, papers.c.id.in_(some))
        found |= {row.id: row.added for row in connection.execute(query)}
    return found


def of_addition(
    id: str, records: Mapping[str, Sequence[Paper]], additions: Mapping[str, int | None], revision: int
) -> int | None:
    """When a paper came: with the first of the records that it is made from; None where one is older than that."""
    parts = {id, *(record.id for record in records.get(id, ()))}
    known = [additions[part] for part in parts if part in additions]
    return revision if not known else None if None in known else min(part for part in known if part is not None)


def added(connection: Connection, library: str, after: int, upto: int) -> list[str]:
    """The ids of the papers that came after one revision, up to and including another, in the order they came."""
    came = papers.c.added
    new = select(papers.c.id).where(papers.c.library == library, came > after, came <= upto)
    return list(connection.execute(new.order_by(came, papers.c.id)).scalars())


def changed(
    connection: Connection, query: Select[Any], library: str, after: int, upto: int
) -> tuple[Sequence[Row[Any]], list[str]]:
    """The rows that a query on `papers` gives of those that changed after one revision, up to and including another;
    and the ids of those removed."""
    new = query.where(papers.c.library == library, papers.c.revision > after, papers.c.revision <= upto)
    gone = select(removals.c.paper).where(
        removals.c.library == library, removals.c.revision > after, removals.c.revision <= upto
    )
    found = connection.execute(new.order_by(papers.c.revision, papers.c.id)).all()
    return found, list(connection.execute(gone.order_by(removals.c.paper)).scalars())


def after(connection: Connection, library: str, revision: int, papers_at_once: int) -> int | None:
    """The revision up to which about that many papers changed after another; None when fewer did."""
    later = select(papers.c.revision).where(papers.c.library == library, papers.c.revision > revision)
    return connection.execute(
        later.order_by(papers.c.revision).offset(papers_at_once - 1).limit(1)
    ).scalar_one_or_none()
