"""Questions are answered while a newer version adds to the tables, which is how replicas are replaced one by one."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from rag.database import Database
from rag.workspace import Workspace, open_database
from tests.conftest import settings
from tests.support.running import wait_until
from tests.support.servers import postgres_running
from tests.support.stand_ins import WordsEmbedder, papers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

NEWER = """
import sys
from pathlib import Path
from sqlalchemy import Column, Index, Table, Text
from rag.database import Database
from rag.history import schema
from rag.library import schema
from rag.tables import metadata
schema.libraries.append_column(Column("note", Text))
Index("papers_by_venue", schema.papers.c.venue)
Table("shelves", metadata, Column("name", Text, primary_key=True))
sys.stdin.readline()
database = Database(Path(sys.argv[1]), sys.argv[2])
database.prepare()
"""
"""What a version does at its start that has a column, an index and a table more."""

QUESTION = "Which effect has the tokenizer of system 0?"


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_running() as server:
        yield server.url


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres"))


@asynccontextmanager
async def asked(workspace: Workspace) -> AsyncIterator[list[str]]:
    """The outcomes of questions that are asked one after the other meanwhile."""
    outcomes: list[str] = []
    ended = asyncio.Event()

    async def ask() -> None:
        while not ended.is_set():
            outcomes.append((await workspace.ask(QUESTION, library="main")).outcome)

    asking = asyncio.create_task(ask())
    try:
        yield outcomes
    finally:
        ended.set()
        await asking


async def more(outcomes: list[str]) -> bool:
    """Whether three more questions are answered."""
    wanted = len(outcomes) + 3
    return await asyncio.to_thread(wait_until, lambda: len(outcomes) >= wanted, 30)


def start(home: Path, url: str) -> subprocess.Popen[str]:
    """A newer version, which waits for a line."""
    command = [sys.executable, "-c", NEWER, str(home), url]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def go(newer: subprocess.Popen[str]) -> None:
    assert newer.stdin is not None
    newer.stdin.write("\n")
    newer.stdin.flush()


def has_column(database: Database) -> bool:
    with database.reading() as connection:
        return "note" in {column["name"] for column in inspect(connection).get_columns("libraries")}


def has_index(database: Database) -> bool:
    with database.reading() as connection:
        return "papers_by_venue" in {index["name"] for index in inspect(connection).get_indexes("papers")}


@contextmanager
def written(database: Database) -> Iterator[None]:
    """Meanwhile another process of a shared database writes to the papers, so that no index of them can be made."""
    if not database.is_server:
        yield
        return
    with database.writing() as connection:
        connection.execute(text("UPDATE papers SET year = year"))
        yield


async def test_an_older_process_answers_and_stores_while_a_newer_one_adds_to_the_tables(
    tmp_path: Path, url: str
) -> None:
    configured = settings(tmp_path, database_url=url)
    newer = await asyncio.to_thread(start, tmp_path, url)
    async with Workspace(configured, WordsEmbedder()) as workspace:
        await workspace.ingest(*papers(12), library="main")
        database = open_database(configured)
        async with asked(workspace) as outcomes:
            assert await more(outcomes)
            with written(database):
                go(newer)
                assert await asyncio.to_thread(wait_until, lambda: has_column(database), 60)
                assert await more(outcomes)
                assert not (database.is_server and has_index(database))
            assert await asyncio.to_thread(newer.wait, 60) == 0
            assert has_index(database)
            assert await more(outcomes)
            assert (await workspace.ingest(*papers(9, first=12), library="main")).papers == 21
        database.close()
    assert set(outcomes) == {"answered"}


async def test_a_start_waits_for_nobody_where_nothing_is_missing(tmp_path: Path, postgres: str) -> None:
    configured = settings(tmp_path, database_url=postgres)
    first, second = open_database(configured), open_database(configured)
    first.prepare()
    with first.writing() as connection:
        connection.execute(text("UPDATE papers SET year = year"))
        async with asyncio.timeout(20):
            await asyncio.to_thread(second.prepare)
    first.close()
    second.close()
