"""The SQL tables: created where they are missing, and how large they may be, for the planner of SQLite."""

from collections.abc import Iterator

from sqlalchemy import (
    Connection,
    Dialect,
    Engine,
    Executable,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.schema import CreateIndex, CreateTable

from rag.text.analysis import replace_surrogates

_TABLES_LOCK = 7_263_454_001  # a number of our own among Postgres's advisory locks
_MANY, _SOME = 1_000_000, 10

metadata = MetaData()
"""Holds every table: `library/schema.py` and `history/schema.py` add theirs."""


class CleanText(TypeDecorator[str]):
    """Text from outside, without what databases refuse: NUL and lone surrogates."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The value to store or to look for."""
        return None if value is None else replace_surrogates(value.replace("\0", ""))


def create_missing(engine: Engine) -> None:
    """Tables, the columns and indexes that those of an older version lack (such a column may be empty), and statistics.

    One process at a time: of two that look at once, the second would add what the first has added meanwhile. Where
    nothing is missing nothing is locked. Postgres keeps all from a table that gets a column until the transaction ends,
    so indexes, which may take minutes and keep nobody from reading, have one of their own.
    """
    for missing in (_missing_columns, _missing_indexes, _missing_statistics):
        with engine.connect() as connection:
            if not missing(connection):
                continue
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            elif engine.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_TABLES_LOCK)))
            for statement in missing(connection):
                connection.execute(statement)


def _missing_columns(connection: Connection) -> list[Executable]:
    """What adds them, and the tables that are missing."""
    known = {
        name: {column["name"] for column in found}
        for (_, name), found in inspect(connection).get_multi_columns().items()
    }
    statements: list[Executable] = []
    for table in metadata.sorted_tables:
        if table.name not in known:
            statements.append(CreateTable(table, if_not_exists=True))
            continue
        for column in table.columns:
            if column.name not in known[table.name]:
                kind = column.type.compile(connection.dialect)
                statements.append(text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"))
    return statements


def _missing_indexes(connection: Connection) -> list[Executable]:
    found = inspect(connection).get_multi_indexes()
    known = {index["name"] for indexes in found.values() for index in indexes}
    indexes = [index for table in metadata.sorted_tables for index in table.indexes]
    return [CreateIndex(index, if_not_exists=True) for index in indexes if index.name not in known]


def _missing_statistics(connection: Connection) -> list[Executable]:
    """What tells SQLite that a library may have very many rows, as its manual describes (optoverview.html, "Manual
    control of query plans using SQLITE_STAT tables").

    Without, it takes ten rows to be of one library, and reads all of an index that has every column of a query instead
    of looking up some ids. What `ANALYZE` finds while a library is small would be no better once it is large.
    """
    if connection.dialect.name != "sqlite":
        return []
    expected = {row for table in metadata.sorted_tables for row in _statistics(table)}
    found: set[tuple[str, str, str]] = set()
    if connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'")).first():
        found = {(row.tbl, row.idx, row.stat) for row in connection.execute(text("SELECT * FROM sqlite_stat1"))}
    if expected <= found:
        return []
    statements = [text("ANALYZE sqlite_master")]  # creates the table of statistics, and at the end reads it
    for table, index, size in sorted(expected - found):
        named = {"table": table, "index": index, "size": size}
        old = text("DELETE FROM sqlite_stat1 WHERE tbl = :table AND idx = :index")
        statements.append(old.bindparams(table=table, index=index))
        statements.append(text("INSERT INTO sqlite_stat1 VALUES (:table, :index, :size)").bindparams(**named))
    return [*statements, statements[0]]


def _statistics(table: Table) -> Iterator[tuple[str, str, str]]:
    """Of each index that begins with the library: all rows have the same, and the other columns tell them apart."""
    indexes = {f"sqlite_autoindex_{table.name}_1": list(table.primary_key.columns)}
    indexes |= {str(index.name): list(index.columns) for index in table.indexes}
    for name, columns in indexes.items():
        if columns[0].name == "library" and len(columns) > 1:
            sizes = [_MANY, _MANY, *[_SOME] * (len(columns) - 2), 1]
            yield table.name, name, " ".join(map(str, sizes))
