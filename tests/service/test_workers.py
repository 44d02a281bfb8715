"""`scholiast serve --workers 2`: two processes that answer on one port as one would."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx2
import pytest

from tests.conftest import QUESTION
from tests.support.running import wait_until
from tests.support.stand_ins import papers

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds workers where Linux lists them")
MORE = [{"title": p.title, "abstract": p.abstract, "year": p.year} for p in papers(12)]
ASK = {"question": "Which effect has the tokenizer of system 0?"}


class Service:
    """The command in a process of its own. Each request has a connection of its own, so that any worker may get it."""

    def __init__(self, home: Path) -> None:
        command = [sys.executable, "-m", "tests.support.command", "serve", "--port", "0", "--workers", "2"]
        environment = {**os.environ, "SCHOLIAST_HOME": str(home)}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        errors: IO[str] = self.process.stderr
        first = errors.readline()
        assert first.startswith("Scholiast answers at"), first + errors.read()
        limits = httpx2.Limits(max_keepalive_connections=0)
        self.request = httpx2.Client(base_url=first.split()[3], timeout=60, limits=limits, verify=False).request
        self.said: list[str] = []
        self.reading = threading.Thread(target=lambda: self.said.extend(errors), daemon=True)
        self.reading.start()

    def answer(self, body: Mapping[str, object] = ASK) -> Any:
        response = self.request("POST", "/v1/ask", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    def workers(self) -> list[int]:
        """The processes that answer."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]

    def answered(self) -> Counter[str]:
        """How many questions each worker that runs has answered."""
        found = re.findall(
            r'^scholiast_answers_total{.*worker="(\d)"} (\d+)', self.request("GET", "/metrics").text, re.M
        )
        return Counter({worker: int(count) for worker, count in found})


@contextmanager
def serving(home: Path) -> Iterator[Service]:
    service = Service(home)
    try:
        yield service
    finally:
        service.process.kill()
        service.process.wait()


def by_both(service: Service, ask: Callable[[], bool]) -> None:
    """Ask until both workers have answered."""
    before = service.answered()
    assert wait_until(lambda: ask() and len(service.answered() - before) == 2, 30)


@pytest.mark.slow
def test_two_workers_answer_as_one_process_does(home: Path) -> None:
    with serving(home) as service:
        assert wait_until(lambda: len(service.answered()) == 2 or not service.answer({"question": QUESTION}), 30)

        # What comes in through one worker is found by both, and several uploads wait for each other.
        parts = [MORE[start : start + 3] for start in range(0, len(MORE), 3)]
        with ThreadPoolExecutor(4) as pool:
            stored = list(pool.map(lambda part: service.request("POST", "/v1/papers", json=part), parts))
        assert [(reply.status_code, reply.json()["added"]) for reply in stored] == [(200, 3)] * 4
        by_both(service, lambda: service.answer()["citations"][0]["paper"]["title"] == MORE[0]["title"])

        # No answer has a quote of one version of a paper at the place of another.
        stop, replaced = threading.Event(), 0

        def replace() -> None:
            nonlocal replaced
            while not stop.is_set():
                longer = {**MORE[0], "abstract": f"{'In brief: ' * (replaced % 2)}{MORE[0]['abstract']}"}
                assert service.request("POST", "/v1/papers", json=[longer]).status_code == 200
                replaced += 1

        def ask_once() -> bool:
            answer = service.answer()
            assert answer["outcome"] == "answered"
            texts = {passage["number"]: passage["text"] for passage in answer["passages"]}
            assert all(citation["quote"] in texts[citation["number"]] for citation in answer["citations"])
            return replaced > 3

        with ThreadPoolExecutor(1) as pool:
            replacing = pool.submit(replace)
            by_both(service, ask_once)
            stop.set()
            replacing.result()

        for number in (1, 2):
            text = service.request("GET", "/metrics", params={"worker": number}).text
            assert "scholiast_answers_total" in text and "worker=" not in text

        # A conversation goes on at either of them, and so does a stream that was begun at one.
        id = service.request("POST", "/v1/conversations", json={}).json()["id"]
        for _ in range(4):
            assert service.request(
                "POST", f"/v1/conversations/{id}/messages", json={"content": ASK["question"]}
            ).is_success
        assert len(service.request("GET", f"/v1/conversations/{id}").json()["messages"]) == 8
        begun = service.request("POST", "/v1/ask", json={**ASK, "stream": True, "resumable": True}).text
        stream, last = re.findall(r"^id: (\S+):(\d+)$", begun, re.M)[-1]
        assert int(last) > 2
        for _ in range(8):
            again = service.request(
                "GET", f"/v1/streams/{stream}", headers={"last-event-id": f"{stream}:{int(last) - 1}"}
            )
            assert (again.status_code, re.findall(r"^event: (\w+)$", again.text, re.M)) == (200, ["done"])

        # Commands find whoever works for them, and a worker that is killed comes back.
        victim = service.workers()[0]
        os.kill(victim, signal.SIGKILL)
        assert service.answer()["outcome"] == "answered"
        command = [sys.executable, "-m", "tests.support.command", "papers", "list", "--json"]
        environment = {**os.environ, "SCHOLIAST_HOME": str(home)}
        listed = subprocess.run(command, env=environment, capture_output=True, check=True)
        assert json.loads(listed.stdout)["total"] == 24
        assert wait_until(lambda: len({*service.workers()} - {victim}) == 2, 20)
        by_both(service, lambda: service.answer()["outcome"] == "answered")

        # Nothing is left of it when it is stopped, and the library is free.
        workers = service.workers()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(20) == 0
        assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
        service.reading.join(5)
        assert not any("Traceback" in line for line in service.said), service.said
        assert not (home / "libraries" / "default" / "owner.json").exists()


@pytest.mark.slow
def test_workers_end_when_the_process_that_started_them_is_killed(home: Path) -> None:
    with serving(home) as service:
        workers = service.workers()
        assert len(workers) == 2
        service.process.kill()
        assert wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), 20)
        service.reading.join(5)
        assert not any("Traceback" in line for line in service.said), service.said
