"""The public Python API: the README's example runs, every public name is there, and an answer shows itself."""

import asyncio
import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

import rag
from rag import serialize
from rag.config import Settings
from rag.errors import CorpusError
from rag.sync import SyncWorkspace
from rag.types import Answer, Citation, Paper, Passage, Sentence
from rag.workspace import Workspace
from tests.conftest import QUESTION, SAMPLE, settings
from tests.support.command import words

README = Path(__file__).parents[2] / "README.md"
HYDRA = "arxiv:2402.05109"


@pytest.mark.slow
def test_the_readmes_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [example] = [block.partition("```")[0] for block in README.read_text("utf-8").split("```python\n")[1:]]
    (tmp_path / "papers.jsonl").write_text(SAMPLE.read_text("utf-8"), "utf-8")
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {}
    exec(example, found)
    assert isinstance(found["answer"], Answer) and found["answer"].outcome == "answered"


@pytest.mark.parametrize("name", rag.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(rag, name).__name__ == name
    assert name in dir(rag)


def test_a_name_that_is_not_public_is_an_error_that_lists_those_that_are() -> None:
    with pytest.raises(AttributeError, match="Workspace"):
        _ = rag.Workbench


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import rag, sys; print({'chromadb', 'langchain', 'langchain_core', 'openai', 'onnxruntime'} & {*sys.modules})"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


async def test_papers_and_files_are_ingested_searched_and_asked(home: Path) -> None:
    paper = Paper(id="doi:10.1/1", title="Kites of the north", abstract="Kites fly at 300 metres over the coast.")
    async with Workspace(settings(home), words()) as workspace:
        report = await workspace.ingest(paper, SAMPLE, library="mine")
        assert (report.added, report.library) == (89, "mine")
        assert (await workspace.search("kites over the coast", library="mine"))[0].paper == paper
        answer = await workspace.ask(QUESTION)
        assert answer.outcome == "answered"
        assert (await workspace.answers.get(answer.id))["text"] == answer.text


async def test_a_file_that_can_not_be_read_adds_nothing(home: Path, tmp_path: Path) -> None:
    async with Workspace(settings(home), words()) as workspace:
        with pytest.raises(CorpusError):
            await workspace.ingest(SAMPLE, tmp_path / "none.jsonl", library="mine")
        assert (await (await workspace.library("mine", create=True)).counts()).papers == 0


def test_without_async_also_where_a_loop_runs(home: Path) -> None:
    async def notebook() -> Answer:
        with SyncWorkspace(settings(home), words()) as workspace:
            return workspace.ask(QUESTION)

    assert asyncio.run(notebook()).outcome == "answered"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCHOLIAST_HOME", str(tmp_path / "elsewhere"))
    assert Workspace(embedder=words()).settings.home == Settings().home == tmp_path / "elsewhere"


# An Answer is one dataclass


def an_answer(**changes: object) -> Answer:
    paper = Paper(id="doi:10.1/1", title="Kites *of* <b>the</b> north", abstract="Kites fly. They fall.", year=2020)
    passage = Passage(number=1, paper=paper, text="Kites fly.", score=0.123456, end=10)
    whole = Answer(
        id="ans_1",
        question="What flies?",
        standalone_question="What flies?",
        library="default",
        outcome="answered",
        text="Kites fly [1].",
        sentences=(Sentence(text="Kites fly.", citations=(1,), support="supported", reason="100% of its words"),),
        citations=(Citation(number=1, sentence=0, paper=paper, quote="Kites fly.", start=0, end=10),),
        passages=(passage,),
        confidence=0.98765,
        model="extractive",
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def test_every_field_of_an_answer_is_in_its_json_its_schema_and_what_is_parsed() -> None:
    shown, schema = serialize.answer(an_answer()), TypeAdapter(Answer).json_schema(mode="serialization")
    names = {field.name for field in fields(Answer)}
    assert set(shown) == set(schema["properties"]) == set(schema["required"]) == names
    assert json.loads(json.dumps(shown)) == shown
    parsed = serialize.parse_answer(shown)
    assert serialize.answer(parsed) == shown
    assert all(getattr(parsed, name) == getattr(an_answer(), name) for name in names - {"citations", "passages",
                                                                                        "confidence"})  # fmt: skip


def test_json_has_references_to_papers_and_four_digits() -> None:
    shown = serialize.answer(an_answer())
    reference: dict[str, object] = {
        "id": "doi:10.1/1",
        "title": "Kites *of* <b>the</b> north",
        "url": None,
        "year": 2020,
        "authors": [],
        "retracted": False,
    }
    assert shown["passages"] == [{"number": 1, "paper": reference, "text": "Kites fly.", "score": 0.1235}]
    assert (shown["citations"][0]["paper"], shown["confidence"]) == (reference, 0.9877)


def test_a_notebook_shows_the_answer_with_its_quotes_and_no_markup_of_strangers() -> None:
    shown = an_answer()._repr_markdown_()
    assert shown.startswith("Kites fly [1].\n\n**[1]** Kites \\*of\\* \\<b\\>the\\</b\\> north (2020)\n\n> Kites fly.")
