"""The SQL database: opened by URL, its tables created at first use, its errors turned into ours."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Dialect,
    Engine,
    MetaData,
    Text,
    TypeDecorator,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from rag.errors import ConfigError, LibraryError, how_to_make_room
from rag.text.analysis import replace_surrogates

FILE = "scholiast.sqlite3"

_BUSY_SECONDS = 30
_VALUES_AT_ONCE = 500
_RESTORE = "restore it from a backup, or move it away and ingest again"

metadata = MetaData()
"""Holds every table: `library/schema.py` and `history/schema.py` add theirs."""


class CleanText(TypeDecorator[str]):
    """Text from outside, without what databases refuse: NUL and lone surrogates."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The value to store or to look for."""
        return None if value is None else replace_surrogates(value.replace("\0", ""))


class Database:
    """One database. Methods that block raise LibraryError when the database can't be used."""

    def __init__(self, home: Path, url: str = "") -> None:
        """The database at `url`, or the SQLite file in `home`; nothing is opened yet.

        Raises ConfigError for a URL that can't be used.
        """
        self._home = None if url else home
        self._engine = _engine(url or f"sqlite:///{home / FILE}")
        self._ready = False
        self._preparing = threading.Lock()
        self.place = self._engine.url.render_as_string(hide_password=True)

    def prepare(self) -> None:
        """Create what is missing; `reading` and `writing` do so too. Raises ConfigError for the home folder."""
        with self._preparing:
            if not self._ready:
                with home_errors(self._home):
                    if self._home:
                        self._home.mkdir(parents=True, exist_ok=True)
                with self._our_errors():
                    _create_tables(self._engine)
                self._ready = True

    def close(self) -> None:
        """Close every connection; the next use opens new ones."""
        self._engine.dispose()

    def check(self) -> None:
        """Raise LibraryError when the database is damaged (SQLite only; Postgres checks itself)."""
        if self._engine.dialect.name == "sqlite":
            with self.reading() as connection:
                verdict = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
            if verdict != "ok":
                raise LibraryError(f"catalog {self.place}: {verdict}; {_RESTORE}")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with."""
        self.prepare()
        with self._our_errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction. Its first statement must write: then SQLite waits for its turn instead of failing later."""
        self.prepare()
        with self._our_errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            reason = getattr(error, "orig", None) or error
            raise LibraryError(f"catalog {self.place}: {reason}; {_remedy(str(reason))}") from error


def in_parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Slices that fit into one statement, as databases limit the number of its values."""
    for start in range(0, len(values), _VALUES_AT_ONCE):
        yield values[start : start + _VALUES_AT_ONCE]


@contextmanager
def home_errors(home: Path | None) -> Iterator[None]:
    """Turn an OSError about the home folder into a ConfigError that says what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"SCHOLIAST_HOME is {home}, and that can't be used ({reason}); set it to a folder you may write to"
        ) from error


def _remedy(reason: str) -> str:
    if room := how_to_make_room(reason):
        return room
    if "malformed" in reason or "not a database" in reason:
        return _RESTORE
    if "locked" in reason:
        return f"another process has been writing for {_BUSY_SECONDS} seconds; try again when it is done"
    return "check SCHOLIAST_DATABASE_URL, the disk and the permissions of the folder"


def _engine(url: str) -> Engine:
    try:
        engine = create_engine(make_url(url))
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError(f"SCHOLIAST_DATABASE_URL: {error}") from error
    except ModuleNotFoundError as error:
        install = "run `pip install 'scholiast[postgres]'`" if error.name == "psycopg" else "install it"
        raise ConfigError(
            f"SCHOLIAST_DATABASE_URL needs the driver {error.name!r}; {install}, or leave it empty"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Readers continue while one process writes, a writer waits for its turn, and foreign keys are enforced.

    With a write-ahead log, NORMAL does not wait for the disk at every commit: a killed process loses nothing, a power
    cut may lose the last commits but never leaves half of one.
    """
    waiting = f"busy_timeout={_BUSY_SECONDS * 1000}"
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", waiting):
        connection.execute(f"PRAGMA {pragma}")


def _create_tables(engine: Engine) -> None:
    """Also the columns that tables of an older version lack; such a column may be empty."""
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            known = {column["name"] for column in inspect(connection).get_columns(table.name)}
            for column in table.columns:
                if column.name not in known:
                    kind = column.type.compile(engine.dialect)
                    connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"))
            for index in table.indexes:
                connection.execute(CreateIndex(index, if_not_exists=True))
