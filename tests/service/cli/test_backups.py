"""`scholiast backup` while a service answers and stores, and `scholiast restore` into a new home folder."""

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import pytest

from rag.types import Paper
from service.http.app import create_app
from tests.conftest import QUESTION, CommandResult, settings
from tests.support.command import words
from tests.support.running import running, wait_until

Scholiast = Callable[..., CommandResult]


def test_a_backup_is_told_and_put_back(
    scholiast: Scholiast, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "backup.zip"
    saved = scholiast("backup", file)
    assert saved.code == 0
    assert "holds 12 papers (libraries: default), 0 conversations and 0 answers" in saved.out
    assert "Settings and keys are not in the backup" in saved.out
    assert scholiast("backup", file).code == 2
    assert "--overwrite" in scholiast("restore", file).err
    monkeypatch.setenv("SCHOLIAST_HOME", str(tmp_path / "new"))
    assert "holds 12 papers" in scholiast("restore", file).out
    assert scholiast("doctor").code == 0


@pytest.mark.slow
def test_a_backup_under_load_answers_as_the_service_did(
    scholiast: Scholiast, home: Path, tmp_path: Path, papers: Sequence[Paper], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, stop, stored, statuses = tmp_path / "backup.zip", threading.Event(), [0], set[int]()

    def ask() -> None:
        while not stop.is_set():
            statuses.add(httpx.post(f"{url}/v1/ask", json={"question": QUESTION}, timeout=60).status_code)

    def store() -> None:
        while not stop.is_set():
            record = {"title": f"Otters {stored[0]}", "abstract": f"Otter number {stored[0]} sleeps in the river."}
            statuses.add(httpx.post(f"{url}/v1/papers?library=growing", json=[record], timeout=60).status_code)
            stored[0] += 1

    with running(create_app(settings(home), words())) as url:
        expected = httpx.post(f"{url}/v1/ask", json={"question": QUESTION}, timeout=60).json()
        threads = [threading.Thread(target=work) for work in (ask, ask, store)]
        for thread in threads:
            thread.start()
        try:
            assert wait_until(lambda: stored[0] >= 3, 60)
            before = stored[0]
            saved = scholiast("backup", file)
            after = stored[0]
            assert wait_until(lambda: stored[0] > after, 60)  # nothing waits for the backup, nor after it
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    assert saved.code == 0 and statuses == {200}

    monkeypatch.setenv("SCHOLIAST_HOME", str(tmp_path / "new"))
    assert scholiast("restore", file).code == 0
    answer = json.loads(scholiast("ask", QUESTION, "--json").out)
    assert all(answer[part] == expected[part] for part in ("text", "citations", "passages", "confidence"))
    listed = json.loads(scholiast("libraries", "list", "--json").out)["libraries"]
    growing = next(library["papers"] for library in listed if library["name"] == "growing")
    assert before <= growing <= after + 1
    assert scholiast("doctor").code == 0
