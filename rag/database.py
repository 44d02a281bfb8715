"""The SQL database: opened by URL, its tables created at first use, its errors turned into ours."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    func,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from rag.errors import ConfigError, LibraryError, UnavailableError, how_to_make_room
from rag.tables import create_missing

FILE = "scholiast.sqlite3"

BUSY_SECONDS = 30.0
_CONNECT_SECONDS = 5
_NOTICE_SECONDS = 30  # after which a Postgres server that vanished without a word is noticed
_LIBPQ_DRIVERS = ("psycopg", "psycopg2")
_VALUES_AT_ONCE = 500
_MORE_CONNECTIONS = 32  # than five, at times: those that wait to write must leave some to those that read
_RESTORE = "restore it from a backup, or move it away and ingest again"


class Database:
    """One database. Methods that block raise LibraryError when the database can't be used."""

    def __init__(self, home: Path, url: str = "", *, busy_seconds: float = BUSY_SECONDS) -> None:
        """The database at `url`, or the SQLite file in `home`; nothing is opened yet.

        `busy_seconds` is how long SQLite lets a writer wait for another one. Raises ConfigError for a URL that can't be
        used.
        """
        self._home = None if url else home
        self._busy_seconds = busy_seconds
        self._engine = _engine(url or f"sqlite:///{home / FILE}", busy_seconds)
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
                    create_missing(self._engine)
                self._ready = True

    def close(self) -> None:
        """Close every connection; the next use opens new ones."""
        self._engine.dispose()

    def count(self, table: Table) -> int:
        """How many rows a table has."""
        with self.reading() as connection:
            return connection.execute(select(func.count()).select_from(table)).scalar_one()

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

    def lock(self, name: str) -> "DatabaseLock":
        """The lock with this name, which no other machine that uses the database holds at the same time."""
        return DatabaseLock(self, name)

    @property
    def is_server(self) -> bool:
        """Whether other machines may use the database too."""
        return self._engine.dialect.name == "postgresql"

    def connect(self) -> Connection:
        """A connection of one's own to close, in which each statement is a transaction."""
        self.prepare()
        with self._our_errors():
            return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            reason = getattr(error, "orig", None) or error
            if hindrance := self._hindrance(error, str(reason)):
                raise UnavailableError(f"catalog {self.place}: {reason}; {hindrance}", public=hindrance) from error
            raise LibraryError(f"catalog {self.place}: {reason}; {_remedy(str(reason))}") from error

    def _hindrance(self, error: SQLAlchemyError, reason: str) -> str:
        """What to do where nothing is wrong with the database, and the same may succeed later; empty otherwise."""
        if room := how_to_make_room(reason):
            return room
        if isinstance(error, PoolTimeoutError):
            return "every connection to the database is in use; try again in a moment"
        if self._home is None and _is_outage(error):
            return "the database can't be reached just now, or is stopping; try again when its server runs"
        if "locked" in reason or "busy" in reason:
            return f"another process has been writing for {self._busy_seconds:g} seconds; try again when it is done"
        if "unable to open" in reason and self._home and self._home.exists() and not os.access(self._home, os.W_OK):
            return how_to_make_room("read-only file system")  # SQLite can't even read there, and does not say why
        return ""


class DatabaseLock:
    """An advisory lock of Postgres, held by a connection of its own, so that it is free when its process dies.

    Where the database is a file, no other machine uses it, and the lock is always free. Every method blocks.
    """

    def __init__(self, database: Database, name: str) -> None:
        """Use `Database.lock`."""
        self._database = database
        self._number = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)
        self._connection: Connection | None = None

    def acquire(self) -> bool:
        """Hold the lock; False while another connection does. Raises LibraryError when the database can't be used."""
        if not self._database.is_server or self._is_held():
            return True
        connection = self._database.connect()
        try:
            held = bool(connection.execute(select(func.pg_try_advisory_lock(self._number))).scalar_one())
        except SQLAlchemyError:
            held = False
        if held:
            self._connection = connection
        else:
            connection.close()
        return held

    def release(self) -> None:
        """Let others hold it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):  # a connection that is gone holds nothing
                connection.execute(select(func.pg_advisory_unlock(self._number)))
            connection.close()

    def _is_held(self) -> bool:
        """Whether the connection that holds it is still there: a server that was restarted has forgotten the lock."""
        try:
            return self._connection is not None and self._connection.execute(select(1)).scalar_one() == 1
        except SQLAlchemyError:
            self.release()
            return False


def in_parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Slices that fit into one statement, as databases limit the number of its values."""
    for start in range(0, len(values), _VALUES_AT_ONCE):
        yield values[start : start + _VALUES_AT_ONCE]


def copy_sqlite(source: Path, target: Path, *, standalone: bool = False) -> None:
    """Make `target` the database that `source` is at this moment, while others read and write both. Blocks.

    In one transaction of `target`, which may be a database in use: whenever the process is killed, it is as before or
    as `source` was. `standalone` leaves no file beside it. Raises LibraryError, and UnavailableError when it can't be
    written just now.
    """
    give_up = time.monotonic() + BUSY_SECONDS

    def wait(status: int, _remaining: int, _total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > give_up:
            raise UnavailableError(f"{target} is in use by another program; try again when that is done")

    try:
        with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
            written.execute("PRAGMA synchronous=FULL")
            written.execute("PRAGMA fullfsync=ON")
            read.backup(written, progress=wait)
            if standalone:
                written.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        if room := how_to_make_room(str(error)):
            raise UnavailableError(f"{source} can't be copied to {target} ({error}); {room}") from error
        raise LibraryError(f"{source} can't be copied to {target} ({error}); {_RESTORE}") from error


@contextmanager
def home_errors(home: Path | None) -> Iterator[None]:
    """Turn an OSError about the home folder into an error that says what to do: ConfigError, or UnavailableError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if room := how_to_make_room(reason):
            raise UnavailableError(
                f"SCHOLIAST_HOME is {home}, where nothing can be stored; {room}", public=room
            ) from error
        raise ConfigError(
            f"SCHOLIAST_HOME is {home}, and that can't be used ({reason}); set it to a folder you may write to"
        ) from error


def _remedy(reason: str) -> str:
    if "malformed" in reason or "not a database" in reason:
        return _RESTORE
    return "check SCHOLIAST_DATABASE_URL, the disk and the permissions of the folder"


def _is_outage(error: SQLAlchemyError) -> bool:
    """Whether a server is away, stops or starts, or can take no more connections; its SQL would be another error."""
    return isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )


def _engine(url: str, busy_seconds: float) -> Engine:
    try:
        place = make_url(url)
        engine = create_engine(place, max_overflow=_MORE_CONNECTIONS, **_options(place))
    except (ArgumentError, NoSuchModuleError, TypeError) as error:  # TypeError: a database in memory has no pool
        raise ConfigError(f"SCHOLIAST_DATABASE_URL: {error}") from error
    except ModuleNotFoundError as error:
        install = "run `pip install 'scholiast[postgres]'`" if error.name == "psycopg" else "install it"
        raise ConfigError(
            f"SCHOLIAST_DATABASE_URL needs the driver {error.name!r}; {install}, or leave it empty"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", partial(_prepare_sqlite, busy_seconds))
    return engine


def _options(url: URL) -> dict[str, Any]:
    """For a server: a connection is tried before it is used, as the server may have restarted since."""
    if url.get_backend_name() == "sqlite":
        return {}
    if url.get_driver_name() not in _LIBPQ_DRIVERS:
        return {"pool_pre_ping": True}
    patience = {
        "connect_timeout": _CONNECT_SECONDS,
        "tcp_user_timeout": _NOTICE_SECONDS * 1000,
        "keepalives_idle": _NOTICE_SECONDS // 3,
        "keepalives_interval": _NOTICE_SECONDS // 3,
        "keepalives_count": 2,
    }
    return {"pool_pre_ping": True, "connect_args": {name: patience[name] for name in patience if name not in url.query}}


def _prepare_sqlite(busy_seconds: float, connection: Any, _record: object) -> None:
    """Readers continue while one process writes, a writer waits for its turn, and foreign keys are enforced.

    FULL waits for the disk at every commit, so that what was acknowledged is there after a power cut; `fullfsync` has
    macOS do so too.
    """
    waiting = f"busy_timeout={busy_seconds * 1000:.0f}"
    for pragma in (waiting, "journal_mode=WAL", "synchronous=FULL", "fullfsync=ON", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
