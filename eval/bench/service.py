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
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np

from eval import questions
from eval.bench.server import SCHOLIAST, cpu_seconds, environment, peak_megabytes, serving
from eval.questions import SAMPLE_PAPERS, SAMPLE_QUESTIONS, Question

HELP_RUNS = 5


@dataclass(frozen=True)
class ProcessCost:
    """What a process took until it ended; memory at its peak."""

    seconds: float
    cpu_seconds: float
    megabytes: float


@dataclass(frozen=True)
class ReplyTimes:
    """How long the client waited for each reply, and the mean CPU time of the server for one."""

    milliseconds: Sequence[float]
    cpu_milliseconds: float


def main() -> None:
    """Print the tables."""
    options = _options()
    asked = questions.load(options.questions)
    with TemporaryDirectory() as name:
        folder = Path(name)
        help_cpu = sorted(_run(folder, "--help")[1].cpu_seconds for _ in range(HELP_RUNS))[HELP_RUNS // 2]
        report, ingest = _run(folder, "ingest", "--json", *(str(path.absolute()) for path in options.corpus))
        with serving(folder, environment(folder / "home")) as (process, url):
            connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
            waits = {
                path: _ask_all(partial(ask, connection), asked, options.rounds, process.pid)
                for path, ask in (("GET /v1/search", _search), ("POST /v1/ask", _ask))
            }
            server_memory = peak_megabytes(process.pid)
    print(f"{_machine()}\n{_counts(json.loads(report))}, {len(asked)} questions, each {options.rounds} times")
    _table("one client, warm | p50 ms | p95 ms | worst ms | server CPU ms, mean")
    for path, times in waits.items():
        spread = np.percentile(times.milliseconds, [50, 95, 100])
        _row(f"`{path}`", *(f"{value:.1f}" for value in (*spread, times.cpu_milliseconds)))
    _table("process | seconds | CPU seconds | peak MB")
    _row("`scholiast ingest`", f"{ingest.seconds:.1f}", f"{ingest.cpu_seconds:.1f}", f"{ingest.megabytes:.0f}")
    _row("`scholiast serve`, after the questions", "-", "-", server_memory)
    _row("`scholiast --help`", "-", f"{help_cpu:.2f}", "-")


def _table(head: str) -> None:
    print(f"\n| {head} |\n{'|---' * head.count('|')}|---|")


def _row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |")


def _counts(report: dict[str, Any]) -> str:
    return f"{report['papers']} papers, {report['chunks']} chunks"


def _run(folder: Path, *arguments: str) -> tuple[str, ProcessCost]:
    """The output of a command, and its cost. Raises CalledProcessError."""
    begun = time.perf_counter()
    variables = environment(folder / "home")
    process = subprocess.Popen(
        [str(SCHOLIAST), *arguments], cwd=folder, env=variables, text=True, stdout=subprocess.PIPE
    )
    printed = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, ["scholiast", *arguments])
    return printed, ProcessCost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)


def _ask_all(ask: Callable[[Question], float], asked: Sequence[Question], rounds: int, server: int) -> ReplyTimes:
    """Ask every question once to warm up, then once in each round."""
    for question in asked:
        ask(question)
    before = cpu_seconds(server)
    times = [ask(question) for _ in range(rounds) for question in asked]
    return ReplyTimes(times, 1000 * (cpu_seconds(server) - before) / len(times))


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


def _machine() -> str:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, load {load} (1, 5, 15 min)"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="*", type=Path, default=[SAMPLE_PAPERS])
    parser.add_argument("--questions", type=Path, default=SAMPLE_QUESTIONS, help="JSONL of question records")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
