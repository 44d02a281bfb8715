"""How many more answers several workers give than one process, and what they cost, as a table.

    python -m eval.bench.workers [--workers 2] [--clients 8] [--rounds 5] [--seconds 4]

Both services run at the same time, each over a copy of the bundled sample, and are asked in turn, so that what else the
machine does meanwhile is the same for both: read the ratios. A client asks its next question when it has the answer.
"""

import argparse
import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import numpy as np

from eval import questions
from eval.bench.load_client import Client, Reply, asks
from eval.bench.server import SCHOLIAST, cpu_seconds, environment, family, private_megabytes, serving
from eval.questions import SAMPLE_PAPERS, SAMPLE_QUESTIONS

_WARM_SECONDS = 3.0


@dataclass
class Service:
    """A running service, and what its rounds gave."""

    workers: int
    process: int
    url: str
    a_second: list[float] = field(default_factory=list)
    cpu_milliseconds: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    refused: int = 0

    def ask(self, texts: Sequence[str], clients: int, seconds: float) -> list[Reply]:
        """Have so many clients, each on a connection of its own, ask for so long."""
        address = urlsplit(self.url)
        until = time.perf_counter() + seconds
        asking = [Client(str(address.hostname), address.port or 80) for _ in range(clients)]

        async def run() -> None:
            await asyncio.gather(*(client.run(asks(texts, seed=n), until) for n, client in enumerate(asking)))

        asyncio.run(run())
        return [reply for client in asking for reply in client.replies]

    def measure(self, texts: Sequence[str], clients: int, seconds: float) -> None:
        """One round."""
        before, began = sum(map(cpu_seconds, family(self.process))), time.perf_counter()
        replies = self.ask(texts, clients, seconds)
        elapsed = time.perf_counter() - began
        answered = [reply.seconds for reply in replies if reply.status == 200]
        self.refused += len(replies) - len(answered)
        self.waits += answered
        self.a_second.append(len(answered) / elapsed)
        used = sum(map(cpu_seconds, family(self.process))) - before
        self.cpu_milliseconds.append(1000 * used / max(1, len(answered)))

    def row(self) -> str:
        """Of the table."""
        p50, p95 = 1000 * np.percentile(self.waits, [50, 95])
        memory = " + ".join(f"{private_megabytes(process):.0f}" for process in family(self.process))
        figures = f"{np.mean(self.a_second):.1f} | {np.mean(self.cpu_milliseconds):.1f} | {p50:.0f} | {p95:.0f}"
        return f"| {self.workers} | {figures} | {self.refused} | {memory} |"


def main() -> None:
    """Print the table."""
    options = _options()
    texts = [question.question for question in questions.load(SAMPLE_QUESTIONS) if not question.history]
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        command = [str(SCHOLIAST), "ingest", str(SAMPLE_PAPERS)]
        subprocess.run(command, cwd=folder, env=environment(folder / "home"), check=True, capture_output=True)
        services = []
        for workers in (1, options.workers):
            place = folder / str(workers)
            shutil.copytree(folder / "home", place / "home")
            process, url = stack.enter_context(serving(place, environment(place / "home"), workers=workers))
            services.append(Service(workers, process.pid, url))
        for service in services:
            service.ask(texts, options.clients, _WARM_SECONDS)
        for turn in range(options.rounds):
            for service in services if turn % 2 else reversed(services):
                service.measure(texts, options.clients, options.seconds)
        load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
        print(f"{os.cpu_count()} cores, load {load}; {options.clients} clients, {options.rounds} rounds")
        print(
            "| workers | answers/s | CPU ms an answer | p50 ms | p95 ms | not answered | private MB of each process |"
        )
        print("|---|---|---|---|---|---|---|", *(service.row() for service in services), sep="\n")
        one, several = services
        ratios = np.array(several.a_second) / np.array(one.a_second)
        error = np.std(ratios, ddof=1) / np.sqrt(len(ratios)) if len(ratios) > 1 else 0.0
        print(f"answers/s, {several.workers} workers to one: {np.mean(ratios):.2f} times (standard error {error:.2f})")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
