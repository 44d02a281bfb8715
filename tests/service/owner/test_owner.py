"""A command works while another process owns the library: it is done there, with the same output."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest

from rag.errors import LockedError, NotFoundError, OwnerDoor
from rag.library import lock
from rag.library.registry import folder_of
from rag.types import EVERYTHING, Paper
from rag.workspace import Workspace
from service.http.app import create_app
from service.owner import protocol
from service.owner.client import Owner
from service.owner.operations import Operations
from tests.conftest import QUESTION, CommandResult, settings
from tests.support.command import words
from tests.support.running import running, wait_until

pytestmark = pytest.mark.slow

Scholiast = Callable[..., CommandResult]

NEW = {"title": "Sleep and coffee", "abstract": "Coffee shortens sleep by forty minutes.", "year": 2021}


@pytest.fixture
def served(home: Path) -> Iterator[Path]:
    """A home folder whose default library a service owns, with keys that the commands do not know."""
    with running(create_app(settings(home, api_keys="secret"), words())):
        assert wait_until(lambda: door(home) is not None, 20)
        yield home


def door(home: Path) -> OwnerDoor | None:
    who = lock.owner(folder_of(home, "default"))
    return who.door if who else None


@contextmanager
def process(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.support.command", *arguments],
        env={**os.environ, "SCHOLIAST_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert wait_until(lambda: door(home) is not None, 30)
        yield started
    finally:
        started.kill()
        started.communicate()


def test_a_question_is_answered_by_the_service(scholiast: Scholiast, served: Path, papers: list[Paper]) -> None:
    done = scholiast("ask", QUESTION, "--json")
    assert done.code == 0, done.err
    answer = json.loads(done.out)
    abstracts = {paper.id: paper.abstract for paper in papers}
    assert answer["citations"]
    for citation in answer["citations"]:
        assert abstracts[citation["paper"]["id"]][citation["start"] : citation["end"]] == citation["quote"]
    shown = scholiast("ask", QUESTION).out
    assert "Hydra" in shown
    assert "Sources" in shown


def test_files_go_in_through_the_service_and_are_found(
    scholiast: Scholiast, served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new.jsonl").write_text(json.dumps(NEW) + "\nnot JSON\n")
    monkeypatch.chdir(tmp_path)
    done = scholiast("ingest", "new.jsonl", "missing.jsonl", "--json")
    assert done.code == 1
    assert "missing.jsonl" in done.err
    report = json.loads(done.out)
    assert (report["added"], len(report["rejected"])) == (1, 1)
    found = json.loads(scholiast("search", "coffee", "--json").out)["results"][0]
    assert found["paper"]["title"] == NEW["title"]
    assert "Coffee" in scholiast("search", "coffee").out
    total = json.loads(scholiast("papers", "list", "--json").out)["total"]
    removed = scholiast("papers", "remove", found["paper"]["id"], "no-such", "--json")
    assert json.loads(removed.out)["removed"] == 1
    assert "no paper 'no-such'" in removed.err
    assert json.loads(scholiast("papers", "list", "--json").out)["total"] == total - 1


def test_what_the_owner_refuses_is_refused_here(scholiast: Scholiast, served: Path) -> None:
    missing = scholiast("papers", "show", "no-such")
    assert missing.code == 1
    assert "has no paper 'no-such'" in missing.err
    unusable = scholiast("search", "words", "--limit", "0")
    assert unusable.code == 2
    assert "limit is 0" in unusable.err


def test_a_chat_works_for_others_while_it_waits_for_a_line(scholiast: Scholiast, home: Path) -> None:
    with process(home, "chat") as chat:
        assert scholiast("search", "Hydra").code == 0
        output, _ = chat.communicate(f"{QUESTION}\n", timeout=60)
        assert "Hydra" in output


def test_a_chat_goes_through_the_service(scholiast: Scholiast, served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO(f"{QUESTION}\n/good\n"))
    done = scholiast("chat")
    assert done.code == 0, done.err
    assert "Hydra" in done.out
    assert "Noted" in done.out


async def test_when_the_owner_is_killed_the_operation_is_done_here(home: Path) -> None:
    with process(home, "chat") as chat:
        async with Owner(Workspace(settings(home), words())) as owner:
            question = asyncio.create_task(
                owner.run(Operations.ask, question=QUESTION, library="", filters=EVERYTHING, top_k=8)
            )
            await asyncio.sleep(0)
            chat.send_signal(signal.SIGKILL)
            assert (await question).citations


async def test_only_who_can_read_the_users_files_is_served(home: Path) -> None:
    workspace = Workspace(settings(home), words())
    async with Owner(workspace):
        await workspace.library()
        where = door(home)
        assert where
        owner_file = folder_of(home, "default") / "owner.json"
        assert stat.S_IMODE(owner_file.stat().st_mode) == 0o600
        request = {"key": "guess", "operation": "papers", "arguments": {}, "callbacks": []}
        for wrong in (
            protocol.line(request),
            protocol.line({**request, "key": where.key, "operation": "__init__"}),
            b"GET / HTTP/1.1\r\n",
            b"[]\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", where.port)
            writer.write(wrong)
            assert await reader.read() == b""
            writer.close()


async def test_an_owner_that_serves_nobody_is_named(home: Path) -> None:
    async with Workspace(settings(home), words()) as workspace:
        await workspace.library()
        async with Owner(Workspace(settings(home), words())) as other:
            with pytest.raises(LockedError, match="in use by"):
                await other.run(Operations.paper, id="any", library="")
    async with Owner(Workspace(settings(home), words())) as free:
        with pytest.raises(NotFoundError):
            await free.run(Operations.paper, id="any", library="")
