"""What the service costs: ingest, memory, and how long one client waits for `/v1/search` and `/v1/ask`, as a table.

    python -m eval.bench.service [CORPUS...] [--questions JSONL] [--rounds 3]

CORPUS is any file that can be ingested; the bundled sample by default, with its questions. Everything runs as users run
it: `scholiast ingest` into a temporary home, then `scholiast serve`, asked over HTTP on loopback, one question at a
time on one connection. Each round asks every question; a round before the first one warms up. On a busy machine the
server's own CPU time says more than the waits.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from http.client import HTTPConnection
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any
from urllib.parse import urlencode, urlsplit

import numpy as np

from eval import questions
from eval.bench.served import address, cpu_seconds
from eval.questions import Question

SCHOLIAST = Path(sys.executable).with_name("scholiast")
SAMPLE = Path(str(files("rag") / "data" / "sample_papers.jsonl"))
SAMPLE_QUESTIONS = Path(str(files("eval") / "data" / "sample_questions.jsonl"))
HELPS = 5

_Stream = int | IO[str] | None


@dataclass(frozen=True)
class Cost:
    """What a process took until it ended; memory at its peak."""

    seconds: float
    cpu_seconds: float
    megabytes: float


@dataclass(frozen=True)
class Waited:
    """How long the client waited for each reply, and how long the server computed for one on average."""

    milliseconds: Sequence[float]
    cpu_milliseconds: float


def main() -> None:
    """Print the tables."""
    options = _options()
    asked = questions.load(options.questions)
    with TemporaryDirectory() as folder:
        help_cpu = sorted(_run(folder, "--help")[1].cpu_seconds for _ in range(HELPS))[HELPS // 2]
        report, ingest = _run(folder, "ingest", "--json", *(str(path.absolute()) for path in options.corpus))
        with _served(folder) as (process, url):
            connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
            waits = {
                path: _waited(partial(ask, connection), asked, options.rounds, process.pid)
                for path, ask in (("GET /v1/search", _search), ("POST /v1/ask", _ask))
            }
            served = _peak_megabytes(process.pid)
    print(f"{_machine()}\n{_counted(json.loads(report))}, {len(asked)} questions, each {options.rounds} times")
    _table("one client, warm | p50 ms | p95 ms | worst ms | server CPU ms, mean")
    for path, waited in waits.items():
        spread = np.percentile(waited.milliseconds, [50, 95, 100])
        _row(f"`{path}`", *(f"{value:.1f}" for value in (*spread, waited.cpu_milliseconds)))
    _table("process | seconds | CPU seconds | peak MB")
    _row("`scholiast ingest`", f"{ingest.seconds:.1f}", f"{ingest.cpu_seconds:.1f}", f"{ingest.megabytes:.0f}")
    _row("`scholiast serve`, after the questions", "-", "-", served)
    _row("`scholiast --help`", "-", f"{help_cpu:.2f}", "-")


def _table(head: str) -> None:
    print(f"\n| {head} |\n{'|---' * head.count('|')}|---|")


def _row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |")


def _counted(report: dict[str, Any]) -> str:
    return f"{report['papers']} papers, {report['chunks']} chunks"


def _run(folder: str, *arguments: str) -> tuple[str, Cost]:
    """What a command printed, and what it cost. Raises CalledProcessError."""
    begun = time.perf_counter()
    process = _start(folder, *arguments, out=subprocess.PIPE)
    printed = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, ["scholiast", *arguments])
    return printed, Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)


@contextmanager
def _served(folder: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server on a free port, and its address. Its log goes to a file: nobody would empty a pipe."""
    log = Path(folder) / "serve.log"
    with log.open("w") as lines:
        process = _start(folder, "serve", "--port", "0", err=lines)
    try:
        yield process, address(process, log)
    finally:
        process.terminate()
        process.wait()


def _start(folder: str, *arguments: str, out: _Stream = None, err: _Stream = None) -> subprocess.Popen[str]:
    """As if nothing were set: neither in the environment nor in a file beside us."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCHOLIAST_")}
    environment["SCHOLIAST_HOME"] = str(Path(folder) / "home")
    command = [str(SCHOLIAST), *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, stdout=out, stderr=err)


def _waited(ask: Callable[[Question], float], asked: Sequence[Question], rounds: int, server: int) -> Waited:
    """Ask every question once to warm up, then in so many rounds."""
    for question in asked:
        ask(question)
    before = cpu_seconds(server)
    times = [ask(question) for _ in range(rounds) for question in asked]
    return Waited(times, 1000 * (cpu_seconds(server) - before) / len(times))


def _search(connection: HTTPConnection, question: Question) -> float:
    return _request(connection, "GET", f"/v1/search?{urlencode({'q': question.question, 'limit': 10})}")


def _ask(connection: HTTPConnection, question: Question) -> float:
    body = {"question": question.question, "history": [asdict(turn) for turn in question.history]}
    return _request(connection, "POST", "/v1/ask", body)


def _request(connection: HTTPConnection, method: str, path: str, body: Any = None) -> float:
    """Milliseconds from sending to having read the reply."""
    payload = None if body is None else json.dumps(body).encode()
    begun = time.perf_counter()
    connection.request(method, path, payload, {"Content-Type": "application/json"} if payload else {})
    response = connection.getresponse()
    reply = response.read()
    milliseconds = 1000 * (time.perf_counter() - begun)
    if response.status != 200:
        raise RuntimeError(f"{method} {path}: HTTP {response.status}: {reply[:500]!r}")
    return milliseconds


def _peak_megabytes(process: int) -> str:
    """Linux only."""
    status = Path(f"/proc/{process}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((f"{int(line.split()[1]) / 1000:.0f}" for line in lines if line.startswith("VmHWM")), "-")


def _machine() -> str:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, load {load} (1, 5, 15 min)"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="*", type=Path, default=[SAMPLE])
    parser.add_argument("--questions", type=Path, default=SAMPLE_QUESTIONS, help="JSONL of question records")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
