"""A retracted paper is marked wherever it stands, and does not answer unless it is asked for."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from rag.corpus.record import from_record
from rag.database import FILE
from rag.types import Paper
from rag.workspace import Workspace
from tests.conftest import settings
from tests.support.command import words

STATINS = Paper(
    id="s3",
    title="Statins and muscle pain",
    abstract="Statins caused muscle pain in 5% of 300 patients in a year.",
    year=2019,
    retracted=True,
)


@pytest.mark.parametrize(
    ("record", "retracted"),
    [
        ({"title": "Statins", "abstract": "They hurt.", "is_retracted": True}, True),
        ({"title": "Statins", "abstract": "They hurt.", "is_retracted": "False"}, False),
        ({"title": "Statins", "abstract": "They hurt.", "Publication Type": "Retracted Publication"}, True),
        ({"title": "RETRACTED: Statins", "abstract": "They hurt."}, True),
        ({"title": "Statins [Retracted]", "abstract": "They hurt."}, True),
        ({"title": "Statins", "abstract": "This article has been retracted. They hurt."}, True),
        ({"title": "Why papers are retracted", "abstract": "Most retracted papers hold errors."}, False),
    ],
)
def test_a_field_the_title_or_the_abstract_says_that_a_paper_is_retracted(
    record: dict[str, Any], retracted: bool
) -> None:
    (paper,) = from_record(record, "papers.jsonl", 1)
    assert isinstance(paper, Paper) and paper.retracted is retracted


async def test_a_retracted_paper_answers_only_when_it_is_asked_for(tmp_path: Path) -> None:
    async with Workspace(settings(tmp_path), words()) as workspace:
        await workspace.ingest(STATINS)
        declined = await workspace.ask("In how many patients did statins cause muscle pain?")
        assert (declined.outcome, declined.citations) == ("not_in_abstracts", ())
        assert "“Statins and muscle pain” (retracted)" in declined.text
        asked_for = await workspace.ask("What did the retracted study say of statins and muscle pain in patients?")
        assert asked_for.outcome == "answered"
        assert asked_for.citations[0].paper.retracted
        assert asked_for.citations[0].paper.suffix == " (2019, retracted)"


async def test_a_sound_paper_answers_beside_a_retracted_one(tmp_path: Path) -> None:
    sound = Paper(id="s4", title="Muscle pain under statins", abstract="Statins caused muscle pain in 2% of patients.")
    async with Workspace(settings(tmp_path), words()) as workspace:
        await workspace.ingest(STATINS, sound)
        answer = await workspace.ask("In how many patients did statins cause muscle pain?")
        assert {citation.paper.id for citation in answer.citations} == {"s4"}
        assert {passage.paper.id for passage in answer.passages} == {"s3", "s4"}


async def test_a_library_of_an_older_version_gets_the_column(tmp_path: Path) -> None:
    async with Workspace(settings(tmp_path), words()) as workspace:
        await workspace.ingest(STATINS)
    with create_engine(f"sqlite:///{tmp_path / FILE}").begin() as connection:
        connection.execute(text("ALTER TABLE papers DROP COLUMN retracted"))
    async with Workspace(settings(tmp_path), words()) as workspace:
        paper = await (await workspace.library()).paper("s3")
        assert not paper.retracted
        assert (await workspace.ingest(STATINS)).papers == 1
