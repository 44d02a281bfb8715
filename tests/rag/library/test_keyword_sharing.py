"""Machines that share a database leave each other their keyword indexes; one that can't be used is built as before."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from rag import vector_indexes
from rag.database import Database
from rag.library import keyword_index, registry
from rag.library.catalog import Catalog
from rag.library.keyword_index import KeywordIndex
from rag.library.keyword_snapshots import KeywordSnapshots
from rag.library.library import Library
from rag.protocols import VectorStore
from rag.types import Paper
from tests.support.running import wait_until
from tests.support.servers import Postgres, postgres_running
from tests.support.stand_ins import WordsEmbedder, papers

pytestmark = pytest.mark.slow

PAPERS = papers(60)
QUESTIONS = [
    "tokenizer of system 7",
    "an ablation of the planner",
    "halves the memory of baseline 1030",
    "code released",
]
WRITER = """
import sys
from pathlib import Path
from rag.database import Database
from rag.library.keyword_snapshots import KeywordSnapshots

home, url, library, folder = sys.argv[1:]
KeywordSnapshots(Database(Path(home), url), library).store(Path(folder), generation="g", version=1, revision=1)
"""


class Team:
    """Machines with a Postgres and a place for vectors that they share, each with a home folder of its own."""

    def __init__(self, folder: Path, url: str, library: str) -> None:
        self.folder, self.url, self.library = folder, url, library
        self.database = Database(folder, url)
        self.database.prepare()
        self._opened: list[Library] = []

    @property
    def place(self) -> Path:
        return self.folder / "vectors"

    @property
    def store(self) -> VectorStore:
        return vector_indexes.store(f"lancedb:{self.place}")

    async def machine(self, name: str, *, create: bool = False) -> Library:
        home = self.folder / name
        library = await Library.open(home, self.library, WordsEmbedder(), self.url, self.store, create=create)
        self._opened.append(library)
        return library

    def sql(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Of this library's snapshot, where the statement says so by `:library`."""
        with self.database.writing() as connection:
            found = connection.execute(text(statement), {"library": self.library, **values})
            return [tuple(row) for row in found] if found.returns_rows else []

    @property
    def snapshots(self) -> list[tuple[Any, ...]]:
        """The version and the revision of each that there is."""
        return self.sql("SELECT version, revision FROM keyword_snapshots WHERE library = :library")

    @property
    def parts(self) -> int:
        """Those of every library: parts that belong to none would count too."""
        return int(self.sql("SELECT count(*) FROM keyword_snapshot_parts")[0][0])

    def close(self) -> None:
        for library in self._opened:
            library.close()
        self.database.close()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with postgres_running() as server:
        yield server


@pytest.fixture
def team(
    tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Team]:
    monkeypatch.setattr("rag.library.keyword_sharing._MANY_CHANGED", 20)
    caplog.set_level(logging.INFO, "scholiast")
    team = Team(tmp_path, postgres.url, f"library-{sha256(str(tmp_path).encode()).hexdigest()[:8]}")
    yield team
    team.sql("DELETE FROM libraries")
    team.close()


async def found(library: Library) -> list[list[tuple[str, float]]]:
    return [list(await library.matching(question, 10)) for question in QUESTIONS]


def built(folder: Path, stored: list[Paper]) -> list[list[tuple[str, float]]]:
    """What an index finds that was built here."""
    index = KeywordIndex(folder, "main")
    index.apply(stored, [], 1)
    return [index.search(question, 10) for question in QUESTIONS]


async def test_a_machine_without_a_keyword_index_fetches_one_and_follows_what_came_later(
    team: Team, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = await team.machine("one", create=True)
    await one.ingest(PAPERS)
    other = await team.machine("other")
    assert await found(other) == await found(one) == built(tmp_path / "built", PAPERS)
    assert caplog.text.count("fetched the keyword index") == 1
    await one.ingest(papers(5, first=60))
    await one.remove(["paper-7"])
    later = [paper for paper in papers(65) if paper.id != "paper-7"]
    assert await found(other) == await found(one) == built(tmp_path / "later", later)
    await other.ingest(papers(3, first=65))
    assert await found(one) == await found(other)
    assert caplog.text.count("fetched the keyword index") == 1


async def test_an_index_is_stored_again_after_much_has_changed_and_fetched_by_who_was_away(
    team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = await team.machine("one", create=True), await team.machine("other")
    await one.ingest(PAPERS)
    await found(other)
    first = team.snapshots
    await one.ingest(papers(10, first=60))
    assert team.snapshots == first
    await one.ingest(papers(30, first=70))
    assert len(team.snapshots) == 1 and team.snapshots != first
    assert await found(other) == await found(one)
    assert caplog.text.count("fetched the keyword index") == 2
    folder = registry.folder_of(team.folder / "other", team.library) / "keywords"
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE keyword_snapshot_parts SET data = set_byte(data, 9, 0)", "is not what was stored"),
        ("UPDATE keyword_snapshot_parts SET file = 'meta.json' WHERE number = 1", "is not what was stored"),
        ("DELETE FROM keyword_snapshot_parts WHERE number = (SELECT max(number) FROM keyword_snapshot_parts)", "parts"),
    ],
)
async def test_a_damaged_index_is_built_instead_and_replaced(
    team: Team, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str, told: str
) -> None:
    one = await team.machine("one", create=True)
    await one.ingest(PAPERS)
    team.sql(damage)
    assert await found(await team.machine("other")) == built(tmp_path / "built", PAPERS)
    assert told in caplog.text and "fetched" not in caplog.text
    assert await found(await team.machine("third")) == built(tmp_path / "again", PAPERS)
    assert caplog.text.count("fetched the keyword index") == 1


async def test_a_file_in_the_database_can_not_leave_the_folder(
    team: Team, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = await team.machine("one", create=True)
    await one.ingest(PAPERS)
    ((id, data),) = team.sql("SELECT snapshot, data FROM keyword_snapshot_parts WHERE number = 0")
    name = "../../escaped"
    digest = sha256(f"{id}/0/{name}\0".encode() + bytes(data)).hexdigest()
    team.sql(
        "UPDATE keyword_snapshot_parts SET file = :name, sha256 = :digest WHERE number = 0", name=name, digest=digest
    )
    assert await found(await team.machine("other")) == await found(one)
    assert "names the file '../../escaped'" in caplog.text
    assert [name for _, _, names in os.walk(tmp_path) for name in names if name == "escaped"] == []


@pytest.mark.parametrize(
    ("change", "kept"), [("version = version - 1", False), ("version = 99", True), ("generation = 'other'", False)]
)
async def test_an_index_of_another_version_or_generation_is_ignored(
    team: Team, caplog: pytest.LogCaptureFixture, change: str, kept: bool
) -> None:
    one = await team.machine("one", create=True)
    await one.ingest(PAPERS)
    team.sql(f"UPDATE keyword_snapshots SET {change} WHERE library = :library")
    assert await found(await team.machine("other")) == await found(one)
    assert "is not used: it is of generation" in caplog.text and "fetched" not in caplog.text
    assert [version for version, _ in team.snapshots] == [99 if kept else keyword_index.VERSION]


async def test_a_process_that_is_killed_while_it_stores_an_index_leaves_none(team: Team, tmp_path: Path) -> None:
    one = await team.machine("one", create=True)
    built(tmp_path / "built", PAPERS)
    with team.database.writing() as holding:
        holding.execute(text("LOCK TABLE keyword_snapshot_parts IN EXCLUSIVE MODE"))
        process = storing(team, tmp_path / "built")
        try:
            assert wait_until(lambda: waits_for_the_parts(holding), 60)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert wait_until(lambda: not waits_for_the_parts_now(team), 60)
    assert (team.snapshots, team.parts) == ([], 0)
    await one.ingest(PAPERS)
    assert len(team.snapshots) == 1


def storing(team: Team, folder: Path) -> subprocess.Popen[bytes]:
    """A process that stores the index in a folder."""
    return subprocess.Popen([sys.executable, "-c", WRITER, str(team.folder), team.url, team.library, str(folder)])


def waits_for_the_parts(connection: Connection) -> bool:
    return bool(
        connection.execute(
            text(
                "SELECT count(*) FROM pg_locks JOIN pg_class ON relation = pg_class.oid "
                "WHERE relname = 'keyword_snapshot_parts' AND NOT granted"
            )
        ).scalar_one()
    )


def waits_for_the_parts_now(team: Team) -> bool:
    with team.database.reading() as connection:
        return waits_for_the_parts(connection)


async def test_of_two_processes_one_stores_an_index(team: Team, tmp_path: Path) -> None:
    await team.machine("one", create=True)
    built(tmp_path / "built", PAPERS)
    stored: list[bool] = []

    def store(revision: int) -> bool:
        snapshots = KeywordSnapshots(Database(team.folder, team.url), team.library)
        return snapshots.store(tmp_path / "built", generation="g", version=1, revision=revision)

    with team.database.writing() as holding:
        holding.execute(text("LOCK TABLE keyword_snapshot_parts IN EXCLUSIVE MODE"))
        first = threading.Thread(target=lambda: stored.append(store(1)))
        first.start()
        assert wait_until(lambda: waits_for_the_parts(holding), 60)
        assert not store(2)
    first.join()
    assert (stored, team.snapshots) == ([True], [(1, 1)])


async def test_an_index_goes_with_its_generation_and_with_its_library(team: Team) -> None:
    one = await team.machine("one", create=True)
    await one.ingest(PAPERS)
    ((first,),) = team.sql("SELECT id FROM keyword_snapshots")
    await one.rebuild()
    ((second,),) = team.sql("SELECT id FROM keyword_snapshots")
    assert second != first
    await one.remove([paper.id for paper in PAPERS[10:]])
    await one.rebuild()
    assert (team.snapshots, team.parts) == ([], 0)
    await one.ingest(PAPERS)
    assert len(team.snapshots) == 1
    one.close()
    await registry.remove(team.folder / "one", team.library, team.url, team.store)
    assert (team.snapshots, team.parts) == ([], 0)


async def test_where_the_database_is_a_file_nothing_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.library.keyword_sharing._MANY_CHANGED", 20)
    store = vector_indexes.store(f"lancedb:{tmp_path / 'vectors'}")
    library = await Library.open(tmp_path, "main", WordsEmbedder(), store=store, create=True)
    await library.ingest(PAPERS)
    library.close()
    catalog, database = Catalog(tmp_path), Database(tmp_path)
    assert catalog.keyword_snapshots("main") is None
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM keyword_snapshots")).scalar_one() == 0
