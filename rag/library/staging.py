"""Vectors of another embedder or chunker, kept beside those in use until all papers have them; then they are adopted.

A process that is killed meanwhile leaves the library as it was, and the next one goes on with what is kept.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Integer, Row, Select, and_, delete, func, insert, or_, select, update

from rag.database import in_parts
from rag.errors import BusyError, how_to_embed_again
from rag.library.schema import BYTES_PER_NUMBER, DESCRIPTION, VECTORS, libraries, papers, staged_papers, vector_columns
from rag.text import chunk
from rag.types import StoredPaper

_PAPERS_AT_ONCE = 500


def stage(connection: Connection, library: str, embedder: str, stored: Sequence[StoredPaper]) -> None:
    """Keep the vectors of papers, in place of those kept before; those of another embedder or chunker are dropped."""
    ids = [paper.paper.id for paper in stored]
    of_others = or_(staged_papers.c.embedder != embedder, staged_papers.c.chunker != chunk.NAME)
    connection.execute(delete(staged_papers).where(staged_papers.c.library == library, of_others))
    for some in in_parts(ids):
        connection.execute(
            delete(staged_papers).where(staged_papers.c.library == library, staged_papers.c.id.in_(some))
        )
    built = {"library": library, "embedder": embedder, "chunker": chunk.NAME}
    rows = [
        {**built, "id": paper.paper.id, "content_hash": paper.paper.content_hash, **vector_columns(paper)}
        for paper in stored
    ]
    if rows:
        connection.execute(insert(staged_papers), rows)


def missing(connection: Connection, library: str, embedder: str) -> list[str]:
    """The ids of the papers whose vectors are not kept yet, in order."""
    query = select(papers.c.id).outerjoin(staged_papers, _kept(library, embedder))
    query = query.where(papers.c.library == library, staged_papers.c.id.is_(None))
    return list(connection.execute(query.order_by(papers.c.id)).scalars())


def rows(connection: Connection, library: str, embedder: str) -> Iterator[Sequence[Row[Any]]]:
    """The papers with the vectors that are kept, by id; some hundreds at once, as many of them fill the memory."""
    columns = [column for column in DESCRIPTION if column.name not in VECTORS]
    query: Select[Any] = select(*columns, *(staged_papers.c[name] for name in VECTORS))
    query = query.join(staged_papers, _kept(library, embedder)).where(papers.c.library == library)
    after = ""
    while found := connection.execute(
        query.where(papers.c.id > after).order_by(papers.c.id).limit(_PAPERS_AT_ONCE)
    ).all():
        yield found
        after = found[-1].id


def adopt(connection: Connection, library: str, embedder: str, generation: str, revision: int) -> None:
    """Put the vectors in use, and the indexes that were built from them; `revision` is the last change in these.

    Raises BusyError when papers have come or changed since; nothing is lost then.
    """
    built = {"embedder": embedder, "chunker": chunk.NAME, "generation": generation, "chroma_revision": revision}
    in_library = libraries.c.name == library
    connection.execute(update(libraries).where(in_library).values(**built, dimension=_dimension(library)))
    if missing(connection, library, embedder):
        raise BusyError(f"library {library!r} was changed while it was embedded again; {how_to_embed_again(library)}")
    values = {name: staged_papers.c[name] for name in VECTORS}
    connection.execute(update(papers).where(papers.c.library == library, _kept(library, embedder)).values(values))
    connection.execute(delete(staged_papers).where(staged_papers.c.library == library))


def _kept(library: str, embedder: str) -> Any:
    return and_(
        staged_papers.c.library == library,
        staged_papers.c.id == papers.c.id,
        staged_papers.c.content_hash == papers.c.content_hash,
        staged_papers.c.embedder == embedder,
        staged_papers.c.chunker == chunk.NAME,
    )


def _dimension(library: str) -> Any:
    """How many numbers a vector has; 0 as long as there is none."""
    size = func.length(staged_papers.c.chunk_vectors, type_=Integer)
    numbers = size // BYTES_PER_NUMBER // staged_papers.c.chunk_count
    some = select(numbers).where(staged_papers.c.library == library, staged_papers.c.chunk_count > 0).limit(1)
    return func.coalesce(some.scalar_subquery(), 0)
