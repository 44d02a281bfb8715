"""Under which ids and titles each paper came, and the records of those that were merged, in SQL."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from rag.database import in_parts
from rag.library import works
from rag.library.schema import DESCRIPTION, libraries, merged_records, paper_from_row, paper_keys, papers, split_pairs
from rag.types import Paper, Source

_PAPERS_AT_ONCE = 1000
_FIELDS = tuple(field.name for field in fields(Paper) if field.name != "sources")


def replace(connection: Connection, library: str, records: Mapping[str, Sequence[Paper]]) -> None:
    """Record of each paper, by id, the records it is made from, in place of what was recorded of it."""
    forget(connection, library, records)
    keys = [
        {"library": library, "key": key, "paper": id}
        for id, found in records.items()
        for key in {id}.union(*map(works.keys, found))
    ]
    if keys:
        connection.execute(insert(paper_keys), keys)
    kept = [_row(library, id, record) for id, found in records.items() if _are_merged(found) for record in found]
    if kept:
        connection.execute(insert(merged_records), kept)


def forget(connection: Connection, library: str, ids: Iterable[str]) -> None:
    """Delete what was recorded of papers."""
    for some in in_parts(list(ids)):
        for table in (paper_keys, merged_records):
            connection.execute(delete(table).where(table.c.library == library, table.c.paper.in_(some)))


def holders(connection: Connection, library: str, keys: Collection[str]) -> dict[str, list[str]]:
    """The ids of the papers that came under each key, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for some in in_parts(list(keys)):
        query = select(paper_keys.c.key, paper_keys.c.paper).where(
            paper_keys.c.library == library, paper_keys.c.key.in_(some)
        )
        for row in connection.execute(query.order_by(paper_keys.c.paper)):
            found[row.key].append(row.paper)
    return found


def records_of(connection: Connection, library: str, ids: Collection[str]) -> dict[str, list[Paper]]:
    """The records of each paper that was merged from several, by its id."""
    found: dict[str, list[Paper]] = defaultdict(list)
    for some in in_parts(list(ids)):
        query = select(merged_records).where(merged_records.c.library == library, merged_records.c.paper.in_(some))
        for row in connection.execute(
            query.order_by(merged_records.c.id, merged_records.c.file, merged_records.c.content_hash)
        ):
            found[row.paper].append(_record(row))
    return found


def merged_hashes(connection: Connection, library: str, ids: Collection[str]) -> dict[works.PartKey, works.Stored]:
    """The paper of the merged records with each key, for keys with one of these ids, and their content hashes."""
    found: dict[works.PartKey, works.Stored] = {}
    table = merged_records.c
    for some in in_parts(list(ids)):
        query = select(table.id, table.file, table.paper, table.content_hash)
        for row in connection.execute(query.where(table.library == library, table.id.in_(some))):
            _, hashes = found.get((row.id, row.file), ("", frozenset()))
            found[(row.id, row.file)] = (row.paper, hashes | {row.content_hash})
    return found


def split(connection: Connection, library: str, pairs: works.Pairs) -> None:
    """Record that the records of these ids are not merged again."""
    known = pairs_of(connection, library)
    new = [sorted(pair) for pair in pairs if pair not in known]
    if new:
        connection.execute(insert(split_pairs), [{"library": library, "id": a, "other": b} for a, b in new])


def pairs_of(connection: Connection, library: str) -> works.Pairs:
    """The pairs of ids whose records are not merged."""
    query = select(split_pairs.c.id, split_pairs.c.other).where(split_pairs.c.library == library)
    return {frozenset((row.id, row.other)) for row in connection.execute(query)}


def are_complete(connection: Connection, library: str) -> bool:
    """Whether the ids of all papers are recorded."""
    query = select(libraries.c.revision, libraries.c.keyed_revision).where(libraries.c.name == library)
    revision, keyed = connection.execute(query).one()
    return bool(revision == (keyed or 0))


def complete(connection: Connection, library: str) -> None:
    """Record the ids of papers that a program wrote which did not record them."""
    at = libraries.c.name == library
    # The first statement of a transaction writes; only then is the rest of it alone.
    connection.execute(update(libraries).where(at).values(keyed_revision=libraries.c.keyed_revision))
    revision, keyed = connection.execute(select(libraries.c.revision, libraries.c.keyed_revision).where(at)).one()
    query = select(*DESCRIPTION).where(papers.c.library == library, papers.c.revision > (keyed or 0))
    for rows in connection.execute(query.order_by(papers.c.revision, papers.c.id)).partitions(_PAPERS_AT_ONCE):
        replace(connection, library, {row.id: [paper_from_row(row, ())] for row in rows})
    connection.execute(update(libraries).where(at).values(keyed_revision=revision))


def _are_merged(records: Sequence[Paper]) -> bool:
    """Whether records differ: those that say the same under the same id are one."""
    return len({(record.id, record.content_hash) for record in records}) > 1


def _row(library: str, paper: str, record: Paper) -> dict[str, object]:
    id, file = works.part_key(record)
    return {
        "library": library,
        "id": id,
        "file": file,
        "paper": paper,
        "content_hash": record.content_hash,
        "fields": {name: getattr(record, name) for name in _FIELDS},
        "sources": [[source.path, source.line] for source in record.sources],
    }


def _record(row: Row[Any]) -> Paper:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.fields.items()
    }
    return Paper(**values, sources=tuple(Source(path=path, line=line) for path, line in row.sources))
