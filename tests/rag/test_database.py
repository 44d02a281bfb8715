"""The database: it keeps what it acknowledged, takes any number of ids, and several processes may make it at once."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from rag.database import FILE, Database
from rag.errors import LibraryError, UnavailableError
from rag.library.catalog import Catalog
from rag.library.library import Library
from rag.types import Source
from tests.support.stand_ins import WordsEmbedder, papers

IDS = 300_000
FEWEST_VALUES = 999
"""The limit of variables in a statement of SQLite before version 3.32, the smallest of all."""

MAKES_TABLES = """
import sys
from pathlib import Path
from rag.library import schema
from rag.history import schema
from rag.database import Database
database = Database(Path(sys.argv[1]))
sys.stdin.readline()
database.prepare()
"""


def test_every_commit_waits_for_the_disk(tmp_path: Path) -> None:
    database = Database(tmp_path)
    with database.reading() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2  # FULL
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    database.close()


@pytest.fixture
def _few_values() -> Any:
    def limit(connection: Any, _record: object) -> None:
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, FEWEST_VALUES)

    event.listen(Engine, "connect", limit)
    yield
    event.remove(Engine, "connect", limit)


@pytest.mark.slow
@pytest.mark.usefixtures("_few_values")
async def test_any_number_of_ids_fits_into_the_smallest_limit_of_a_statement(tmp_path: Path) -> None:
    library = await Library.open(tmp_path, "main", WordsEmbedder(), create=True)
    known = papers(30)
    await library.ingest(known)
    ids = [f"paper-{number}" for number in range(IDS)]
    assert len(await library.stored(ids)) == len(await library.resolve(ids)) == 30
    assert len(await library.nearest((await library.embedder.embed(["a router"]))[0], 9, set(ids))) == 9
    assert len(await library.matching("router", 9, set(ids))) > 0
    catalog = Catalog(tmp_path)
    moved = (Source(path="moved.jsonl", line=1),)
    catalog.add_sources("main", {paper.id: moved for paper in known} | dict.fromkeys(ids[30:], ()))
    assert len(catalog.records("main", ids)) == len(catalog.hashes("main", ids)) == 30
    assert catalog.merged_hashes("main", ids) == {}
    assert len(catalog.holders("main", ids)) == 30
    assert catalog.by_id("main", ["paper-7"])["paper-7"].sources == (*moved, *known[7].sources)
    catalog.close()
    assert await library.remove(ids[:-1]) == 30
    library.close()


def test_thousands_of_papers_read_again_from_another_file_fit_too(tmp_path: Path, _few_values: None) -> None:
    catalog = Catalog(tmp_path)
    many = {f"p{number}": (Source(path="moved.jsonl", line=number),) for number in range(2 * FEWEST_VALUES)}
    with pytest.raises(LibraryError, match="FOREIGN KEY"):  # all are deleted before one without a paper is refused
        catalog.add_sources("main", many)
    catalog.close()


@pytest.mark.slow
def test_processes_that_make_the_tables_at_once_all_succeed(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / FILE)
    old.execute("CREATE TABLE libraries (name TEXT PRIMARY KEY, embedder TEXT NOT NULL)")
    old.close()
    command = [sys.executable, "-c", MAKES_TABLES, str(tmp_path)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path.cwd())
        for _ in range(6)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate()[1] for process in started] == [""] * 6
    assert [process.returncode for process in started] == [0] * 6


@pytest.mark.parametrize("column", ["chunk_vectors", "sentence_vectors"])
@pytest.mark.parametrize("kept", [0, 1, 30])
async def test_cut_vectors_are_named_with_the_command_that_repairs_them(tmp_path: Path, column: str, kept: int) -> None:
    library = await Library.open(tmp_path, "main", WordsEmbedder(), create=True)
    await library.ingest(papers(3))
    database = Database(tmp_path)
    with database.writing() as connection:
        cut = f"UPDATE papers SET {column} = substr({column}, 1, {kept}) WHERE id = 'paper-1'"
        connection.execute(text(cut))
    database.close()
    with pytest.raises(LibraryError, match=r"bytes for the \d vectors of paper 'paper-1' .* rebuild --embed --lib"):
        await library.stored(["paper-1"])
    assert len(await library.matching("retriever", 3)) == 1
    await library.rebuild(embed=True)
    assert (await library.stored(["paper-1"]))["paper-1"].chunk_vectors.shape[1] == 32
    library.close()


def test_a_lock_of_another_program_is_no_damage(tmp_path: Path) -> None:
    database = Database(tmp_path, busy_seconds=0.1)
    database.prepare()
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with (
        pytest.raises(UnavailableError, match=r"another process has been writing for 0\.1 seconds; try again"),
        database.writing() as connection,
    ):
        connection.execute(text("DELETE FROM libraries"))
    other.close()
    database.close()
