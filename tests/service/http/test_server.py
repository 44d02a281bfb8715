"""`scholiast serve` on a real port: streams, clients that leave, signals, and the lock it holds."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from service.http.app import create_app
from tests.conftest import QUESTION, CommandResult, settings
from tests.support.command import words
from tests.support.running import Script, running, wait_until, writes


@contextmanager
def served(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, when it is ready, and its URL."""
    command = [sys.executable, "-m", "tests.support.command", "serve", "--port", "0"]
    environment = {**os.environ, "SCHOLIAST_HOME": str(home)}
    server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        first = server.stderr.readline()
        assert first.startswith("Scholiast answers at http://"), first + server.stderr.read()
        url = first.split()[3]
        assert wait_until(lambda: httpx2.get(f"{url}/readyz").status_code == 200, 20)
        yield server, url
    finally:
        server.kill()
        server.communicate()


@pytest.mark.slow
def test_a_server_streams_holds_the_lock_and_releases_it_on_sigterm(
    home: Path, scholiast: Callable[..., CommandResult]
) -> None:
    with served(home) as (server, url):
        with httpx2.stream("POST", f"{url}/v1/ask", json={"question": QUESTION, "stream": True}) as response:
            names = [line.removeprefix("event: ") for line in response.iter_lines() if line.startswith("event: ")]
        assert (names[0], names[1], names[-1]) == ("sources", "delta", "done")
        assert scholiast("ask", QUESTION).code == 0  # in the server's process
        server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0
        assert scholiast("ask", QUESTION).code == 0


@pytest.mark.slow
def test_a_taken_port_is_an_error_and_ctrl_c_stops_a_server_without_a_traceback(
    home: Path, scholiast: Callable[..., CommandResult]
) -> None:
    with served(home) as (server, url):
        second = scholiast("serve", "--port", url.rpartition(":")[2])
        assert (second.code, "--port" in second.err, second.err.count("\n")) == (1, True, 1)
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=10)
        assert (server.returncode, "Traceback" in errors) == (130, False)


def test_a_client_that_leaves_stops_the_work(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = writes(monkeypatch, Script("Once upon a time", None))
    with running(create_app(settings(home), words())) as url:
        for turn in range(1, 6):
            with httpx2.stream("POST", f"{url}/v1/ask", json={"question": QUESTION, "stream": True}) as response:
                lines = response.iter_lines()  # kept: when it is collected, the client closes the connection
                assert any("Once upon a time" in line for line in lines)
                assert writer.stopped == turn - 1
            assert wait_until(lambda turn=turn: writer.stopped == turn, 1)  # type: ignore[misc]
