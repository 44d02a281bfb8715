"""The database is held by another program, or the disk is full: searches go on, answers say that they are not kept."""

import asyncio
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from rag.database import FILE
from rag.engine import collect_answer
from rag.errors import UnavailableError
from rag.history.answers import NOT_STORED, SAVE_SECONDS, STORED_LATE
from rag.workspace import Workspace
from service.http.app import create_app
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.running import Script, running, writes
from tests.support.small_disk import fill

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""
ANSWERS = 24
"""More than there are threads that save."""


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Another process has begun to write to the database, and does not end."""
    command = [sys.executable, "-c", HOLDER, str(home / FILE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate("")


@pytest.mark.slow
async def test_a_lock_of_another_program_holds_up_neither_searches_nor_answers(home: Path) -> None:
    app = create_app(settings(home, max_in_flight=str(ANSWERS)), words())
    with running(app) as url:
        async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
            await client.post("/v1/ask", json={"question": QUESTION})
            with held(home):
                asking = [
                    asyncio.create_task(client.post("/v1/ask", json={"question": QUESTION})) for _ in range(ANSWERS)
                ]
                await asyncio.sleep(SAVE_SECONDS / 2)
                # All of them wait to be stored now.
                found = await client.get("/v1/search", params={"q": "attention heads"})
                assert found.json()["results"]
                assert [task for task in asking if task.done()] == []
                answers = [(await task).json() for task in asking]
                began = await client.post("/v1/conversations", json={})
            assert {answer["outcome"] for answer in answers} == {"answered"}
            assert all(answer["notice"].endswith((STORED_LATE, NOT_STORED)) for answer in answers)
            assert (began.status_code, began.json()["type"]) == (503, "urn:scholiast:problem:storage-unavailable")
            assert "another process has been writing for 5 seconds; try again" in began.json()["detail"]
            kept = (await client.post("/v1/ask", json={"question": QUESTION})).json()
            assert (await client.get(f"/v1/answers/{kept['id']}")).json() == kept
            assert STORED_LATE not in kept["notice"]


@pytest.mark.slow
async def test_an_answer_in_a_conversation_does_not_wait_for_a_lock_either(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = writes(monkeypatch, Script("The best recipe is named [1].", None))
    async with Workspace(settings(home), words()) as workspace:
        id = (await workspace.conversations.begin("me", "default")).id
        events = workspace.conversations.ask(await workspace.engine(), id, QUESTION, door="python", caller="me")
        asking = asyncio.create_task(collect_answer(events))
        while not script.heard:  # noqa: ASYNC110  # by now the question is stored
            await asyncio.sleep(0.01)
        with held(home):
            script.go.set()
            answer = await asking
        assert answer.text.startswith("The best recipe")
        assert answer.notice.endswith((STORED_LATE, NOT_STORED))


@pytest.mark.slow
async def test_on_a_full_disk_answers_come_and_say_that_they_are_not_kept(
    home: Path, small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    full = Path(shutil.copytree(home, small_disk / "home"))
    async with Workspace(settings(full), words()) as workspace:
        conversation = await workspace.conversations.begin("me", "default")
        before = await workspace.ask(QUESTION)
        fill(small_disk)
        with caplog.at_level(logging.ERROR):
            answer = await workspace.ask(QUESTION)
        assert (answer.outcome, answer.text) == ("answered", before.text)
        assert answer.notice.endswith(NOT_STORED)
        assert f"answer {answer.id} could not be stored: " in caplog.text
        assert "free some disk space and try again; nothing is damaged" in caplog.text
        assert await workspace.search("attention heads")
        with pytest.raises(UnavailableError, match="free some disk space"):
            await workspace.answers.judge(before.id, "me", "bad", "x" * 4000)
        assert not workspace.jobs.has("Ev1")
        with pytest.raises(UnavailableError, match="free some disk space"):  # so Slack is not acknowledged
            workspace.jobs.add("Ev1", "thread", {"text": "x" * 8000})
        (small_disk / "filler").unlink()
        kept = await workspace.ask(QUESTION)
        assert kept.notice == before.notice
        assert (await workspace.answers.get(kept.id))["text"] == kept.text
        assert (await workspace.conversations.get(conversation.id)).messages == 0
