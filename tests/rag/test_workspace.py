"""A workspace: libraries are opened once, kept, and given back together; which one is meant where none is named."""

import asyncio
import gc
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from rag.errors import ConfigError, LockedError, NotFoundError, RequestError
from rag.types import Paper
from rag.workspace import MAX_OPEN_LIBRARIES, Workspace, list_libraries, open_library
from tests.conftest import QUESTION, settings
from tests.support.command import words


async def test_a_library_is_opened_once_however_many_ask_for_it_at_once(home: Path) -> None:
    async with Workspace(settings(home), words()) as workspace:
        first, *others = await asyncio.gather(*(workspace.library("default") for _ in range(5)))
        assert all(other is first for other in others)


async def test_while_a_workspace_is_open_its_libraries_are_its_own(home: Path) -> None:
    async with Workspace(settings(home), words(), url="http://127.0.0.1:9") as workspace:
        await workspace.library()
        with pytest.raises(LockedError, match=r"http://127\.0\.0\.1:9"):
            await open_library(settings(home), "default", words())
    (await open_library(settings(home), "default", words())).close()


async def test_the_default_library_is_always_there_and_no_other_is(tmp_path: Path) -> None:
    async with Workspace(settings(tmp_path), words()) as workspace:
        assert (await workspace.library()).name == "default"
        with pytest.raises(NotFoundError, match="'other'"):
            await workspace.library("other")
        assert (await workspace.library("other", create=True)).name == "other"


async def test_the_demo_is_meant_only_while_the_default_library_is_empty(
    tmp_path: Path, papers: Sequence[Paper]
) -> None:
    async with Workspace(settings(tmp_path), words()) as workspace:
        await (await workspace.library("demo", create=True)).ingest(papers[:1])
        assert (await workspace.library()).name == "demo"
        assert (await workspace.library("default")).name == "default"
        await (await workspace.library("default")).ingest(papers[:1])
        assert (await workspace.library()).name == "default"


async def test_an_engine_answers_from_its_library_with_the_model_that_was_chosen(home: Path) -> None:
    async with Workspace(settings(home), words()) as workspace:
        answer = await (await workspace.engine(model="extractive")).ask(QUESTION)
        assert (answer.library, answer.model, answer.outcome) == ("default", "extractive", "answered")
        with pytest.raises(RequestError, match="extractive"):
            await workspace.engine(model="gpt-9")


async def test_a_model_that_the_settings_name_wrongly_is_a_wrong_setting(home: Path) -> None:
    async with Workspace(settings(home, model="gpt-9"), words()) as workspace:
        with pytest.raises(ConfigError, match="SCHOLIAST_MODEL"):
            await workspace.engine()


async def test_a_home_that_can_not_be_used_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="SCHOLIAST_HOME"):
        await list_libraries(settings(tmp_path / "file"))


async def test_libraries_beyond_the_limit_are_closed_and_what_was_begun_with_them_goes_on(
    home: Path, papers: Sequence[Paper], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.workspace.MAX_OPEN_LIBRARIES", 2)
    async with Workspace(settings(home), words()) as workspace:
        begun = await workspace.engine()
        for number in range(6):
            await (await workspace.library(f"library-{number}", create=True)).ingest(papers[:1])
        gc.collect()
        assert (await begun.ask(QUESTION)).outcome == "answered"
        assert await workspace.library("default") is begun.vocabulary
        (await open_library(settings(home), "library-0", words())).close()
        with pytest.raises(LockedError):
            await open_library(settings(home), "library-5", words())
        assert (await (await workspace.library("library-1")).counts()).papers == 1


@pytest.mark.slow
@pytest.mark.timeout(300)  # making a library waits for the disk many times
async def test_the_files_and_threads_of_a_process_do_not_grow_with_the_libraries_it_has_opened(
    home: Path, papers: Sequence[Paper]
) -> None:
    async with Workspace(settings(home), words()) as workspace:
        counted = []
        for number in range(MAX_OPEN_LIBRARIES + 6):
            await (await workspace.library(f"library-{number}", create=True)).ingest(papers[:1])
            await (await workspace.engine(f"library-{number}")).ask(QUESTION)
            gc.collect()
            counted.append(len(os.listdir("/proc/self/fd")))  # noqa: PTH208
        assert max(counted) < 1.2 * counted[MAX_OPEN_LIBRARIES]
