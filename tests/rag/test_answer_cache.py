"""A question asked again is answered again without work, as long as nothing has changed that the answer depends on."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from rag.engine import CitationEvent, Delta, Engine, Event, Sources
from rag.types import Answer, Filters, Paper, Turn
from rag.workspace import Workspace
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.scripted_llm import Script, ScriptedLLM, scripted_llm

SCRIPTS = {"good": Script(pieces=["The best recipe ", "is named Hydra++ [1]."]), "bad": Script(status=500, body="no")}


@pytest.fixture
async def llm() -> AsyncIterator[ScriptedLLM]:
    async with scripted_llm(SCRIPTS) as llm:
        yield llm


def workspace(home: Path, llm: ScriptedLLM, kept: int = 8, model: str = "good") -> Workspace:
    found = settings(home, model=f"openai:{model}", model_base_url=llm.base_url, answer_cache=str(kept))
    return Workspace(found, words())


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")


async def events(engine: Engine, question: str = QUESTION) -> tuple[list[Event], Answer]:
    *found, done = [event async for event in engine.stream(question)]
    return found, done.answer  # type: ignore[union-attr]  # the last is Done


async def test_the_same_question_is_answered_by_the_model_once(home: Path, llm: ScriptedLLM) -> None:
    async with workspace(home, llm) as open_workspace:
        first, answer = await events(await open_workspace.engine())
        asked = len(llm.requests)
        again, another = await events(await open_workspace.engine())
    assert asked > 0
    assert len(llm.requests) == asked
    assert again == first
    assert {type(event) for event in again} == {Sources, Delta, CitationEvent}
    assert (another.text, another.citations, another.passages) == (answer.text, answer.citations, answer.passages)
    assert another.id != answer.id
    assert another.usage.total_tokens == 0


async def test_without_the_setting_each_is_a_question_of_its_own(home: Path, llm: ScriptedLLM) -> None:
    async with workspace(home, llm, kept=0) as open_workspace:
        await events(await open_workspace.engine())
        asked = len(llm.requests)
        await events(await open_workspace.engine())
    assert len(llm.requests) == 2 * asked


async def test_another_question_history_filter_or_library_is_none_of_the_same(
    home: Path, llm: ScriptedLLM, papers: Sequence[Paper]
) -> None:
    async with workspace(home, llm) as open_workspace:
        engine = await open_workspace.engine()
        await engine.ask(QUESTION)
        asked = [len(llm.requests)]
        for arguments in (
            {"filters": Filters(year_from=1990)},
            {"top_k": 3},
            {"history": (Turn(role="user", content="Hello"), Turn(role="assistant", content="Hello."))},
        ):
            await engine.ask(QUESTION, **arguments)
            asked.append(len(llm.requests))
        await open_workspace.ingest(Paper(id="new", title="Otters", abstract="Otters hold hands while they sleep."))
        await engine.ask(QUESTION)
        asked.append(len(llm.requests))
    assert asked == sorted(set(asked))


async def test_an_answer_that_tells_of_a_failure_is_not_kept(home: Path, llm: ScriptedLLM) -> None:
    async with workspace(home, llm, model="bad") as open_workspace:
        _, answer = await events(await open_workspace.engine())
        assert answer.notice
        asked = len(llm.requests)
        await events(await open_workspace.engine())
    assert len(llm.requests) > asked


async def test_of_more_answers_than_are_kept_the_oldest_goes(home: Path, llm: ScriptedLLM) -> None:
    async with workspace(home, llm, kept=1) as open_workspace:
        engine = await open_workspace.engine()
        for question in (QUESTION, f"{QUESTION} Please.", QUESTION):
            asked = len(llm.requests)
            await engine.ask(question)
    assert len(llm.requests) > asked
