"""What SQLite does with each statement of a library that may have very many papers: it looks up what is wanted."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from rag.library.catalog import Catalog
from rag.types import Filters
from rag.workspace import Workspace
from tests.conftest import settings
from tests.support.stand_ins import WordsEmbedder, papers

READS_ALL = re.compile(r"SCAN \w+|SEARCH \w+ USING (?:COVERING )?INDEX \w+ \(library=\?\)")
MAY = ("count(", "ORDER BY papers.year", "FROM split_pairs", "sqlite_")
"""Parts of statements that may read all there is: papers to count them, their years once, and what is never much."""


@contextmanager
def statements() -> Iterator[dict[str, Any]]:
    """Every statement that is executed meanwhile, with one of its values."""
    seen: dict[str, Any] = {}

    def note(_c: object, _cursor: object, statement: str, values: object, _context: object, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
            seen[statement] = values[0] if many and isinstance(values, list) else values

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def plan(connection: Connection, statement: str, values: Any) -> str:
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    return " / ".join(row.detail for row in rows)


async def test_neither_a_question_nor_an_ingest_reads_a_whole_library(tmp_path: Path) -> None:
    async with Workspace(settings(tmp_path), WordsEmbedder()) as workspace:
        await workspace.ingest(*papers(60), library="main")
        with statements() as seen:
            await workspace.ingest(*papers(40, note="changed"), *papers(5, first=90), library="main")
            await workspace.ask("Which effect has the tokenizer of system 0?", library="main")
            library = await workspace.library("main")
            await library.paper("paper-3")
            await library.allowed(Filters(papers=("paper-5", "10.5555/1"), year_from=2001))
            await library.remove(["paper-4"])
    catalog = Catalog(tmp_path)
    with catalog._database.reading() as connection:
        plans = {statement: plan(connection, statement, values) for statement, values in seen.items()}
    catalog.close()
    assert len(plans) > 20
    wide = {s: p for s, p in plans.items() if READS_ALL.search(p) and not any(part in s for part in MAY)}
    assert wide == {}
