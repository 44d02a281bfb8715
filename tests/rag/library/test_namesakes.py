"""Two papers under one id are both kept, and the report says so."""

from pathlib import Path

import pytest

from rag.library.namesakes import is_other_work
from rag.types import IngestReport
from rag.workspace import Workspace
from tests.conftest import settings
from tests.support.command import words

COFFEE = "x,Coffee and sleep,Coffee shortens sleep by forty minutes in adults."
BRIDGES = "x,Wind on long bridges,Wind loads bend bridges by two centimetres."


def table(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["id,title,abstract", *rows]))
    return path


async def ingest(workspace: Workspace, path: Path, *rows: str) -> IngestReport:
    return await workspace.ingest(table(path, *rows))


async def titles(workspace: Workspace) -> list[str]:
    return sorted(paper.title for paper in await (await workspace.library("default")).papers())


@pytest.mark.parametrize("together", [True, False])
async def test_the_same_id_with_another_title_is_another_paper_and_a_warning(together: bool, tmp_path: Path) -> None:
    async with Workspace(settings(tmp_path / "home"), words()) as workspace:
        if together:
            report = await ingest(workspace, tmp_path / "a.csv", COFFEE, BRIDGES)
        else:
            await ingest(workspace, tmp_path / "a.csv", COFFEE)
            report = await ingest(workspace, tmp_path / "b.csv", BRIDGES)
        assert await titles(workspace) == ["Coffee and sleep", "Wind on long bridges"]
        assert [note.text[:39] for note in report.notes] == ["id 'x' is that of 'Coffee and sleep' to"]


async def test_reading_them_again_changes_nothing(tmp_path: Path) -> None:
    async with Workspace(settings(tmp_path / "home"), words()) as workspace:
        await ingest(workspace, tmp_path / "a.csv", COFFEE, BRIDGES)
        again = await ingest(workspace, tmp_path / "a.csv", COFFEE, BRIDGES)
        assert (again.added, again.updated, again.unchanged, again.papers) == (0, 0, 2, 2)


async def test_the_number_of_a_row_is_no_id(tmp_path: Path) -> None:
    async with Workspace(settings(tmp_path / "home"), words()) as workspace:
        await ingest(workspace, tmp_path / "a.csv", COFFEE.replace("x,", "0,"))
        report = await ingest(workspace, tmp_path / "b.csv", BRIDGES.replace("x,", "0,"))
        assert (report.added, report.notes, report.papers) == (1, (), 2)
        again = await ingest(workspace, tmp_path / "b.csv", BRIDGES.replace("x,", "0,"), COFFEE.replace("x,", "1,"))
        assert (again.unchanged, again.papers) == (2, 2)


@pytest.mark.parametrize(
    ("title", "other", "apart"),
    [
        ("Coffee and sleep", "Coffee and sleep in adults", False),
        ("Coffee and Sleep.", "COFFEE AND SLEEP", False),
        ("Coffee and sleep", "Wind on long bridges", True),
        ("Coffee and sleep", "", False),
    ],
)
def test_a_revised_title_is_still_that_of_the_same_work(title: str, other: str, apart: bool) -> None:
    assert is_other_work(title, other) is apart
