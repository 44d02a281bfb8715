"""What a streamed answer costs over asking the same model directly, and how soon a client that leaves frees the model.

    python -m eval.bench.streaming [--clients 20] [--answers 5] [--tokens 50] [--interval 20] [--leavers 50]

A scripted server on loopback plays the model (`tests/support/scripted_llm.py`, from a checkout): it streams a number of
tokens, one at each interval. First the clients ask it through the openai SDK, then they ask `scholiast serve`, which
asks it; each client asks again as soon as it has its answer, after a pause of up to one answer's length. Waits to the
first text and to the end are medians; CPU is that of the process that used the SDK, without its start.
"""

import argparse
import asyncio
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx2
import numpy as np
from openai import AsyncOpenAI

from eval.bench.server import SCHOLIAST, cpu_seconds, environment, serving
from eval.questions import SAMPLE_PAPERS

QUESTION = "How does Hydra raise decoding throughput over Medusa?"
_WARM_UP = 3


@dataclass(frozen=True)
class AnswerTimes:
    """Seconds to the first text and to the end of one answer."""

    first: float
    total: float


_Ask = Callable[[], Awaitable[AnswerTimes]]


def main() -> None:
    """Print the table."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder, _model(options) as (model, left):
        direct, direct_cpu = asyncio.run(_direct(model, options))
        variables = _environment(Path(folder), model)
        subprocess.run([SCHOLIAST, "ingest", SAMPLE_PAPERS], env=variables, check=True, stdout=subprocess.DEVNULL)
        with serving(Path(folder), variables) as (process, url):
            through, cpu = asyncio.run(_through(url, process.pid, options))
            freed = asyncio.run(_leaving(url, options.leavers, left))
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    print(
        f"{options.clients} clients, {options.answers} answers each, {options.tokens} tokens of {options.interval} ms\n"
    )
    print("| | first text, p50 ms | p95 | total, p50 ms | p95 | CPU ms an answer |\n|---|---|---|---|---|---|")
    _row("the model, through the openai SDK", direct, direct_cpu)
    _row("`POST /v1/ask`, streamed", through, cpu)
    print(
        f"\n{len(freed)} of {options.leavers} clients that left freed the model, the slowest after {max(freed):.2f} s"
    )


def _row(name: str, waits: Sequence[AnswerTimes], cpu: float) -> None:
    first = np.percentile([1000 * wait.first for wait in waits], [50, 95])
    total = np.percentile([1000 * wait.total for wait in waits], [50, 95])
    print(f"| {name} | {first[0]:.0f} | {first[1]:.0f} | {total[0]:.0f} | {total[1]:.0f} | {1000 * cpu:.1f} |")


async def _direct(url: str, options: argparse.Namespace) -> tuple[list[AnswerTimes], float]:
    client = AsyncOpenAI(api_key="none", base_url=url, max_retries=0)

    async def ask() -> AnswerTimes:
        begun, first = time.perf_counter(), 0.0
        stream = await client.chat.completions.create(
            model="bench", stream=True, messages=[{"role": "user", "content": QUESTION}]
        )
        async for chunk in stream:
            if not first and chunk.choices and chunk.choices[0].delta.content:
                first = time.perf_counter() - begun
        return AnswerTimes(first, time.perf_counter() - begun)

    return await _measured(ask, os.getpid(), options)


async def _through(url: str, server: int, options: argparse.Namespace) -> tuple[list[AnswerTimes], float]:
    async with httpx2.AsyncClient(timeout=60) as client:

        async def ask() -> AnswerTimes:
            begun, first = time.perf_counter(), 0.0
            async with client.stream("POST", f"{url}/v1/ask", json={"question": QUESTION, "stream": True}) as reply:
                async for line in reply.aiter_lines():
                    if not first and line == "event: delta":
                        first = time.perf_counter() - begun
            return AnswerTimes(first, time.perf_counter() - begun)

        return await _measured(ask, server, options)


async def _measured(ask: _Ask, process: int, options: argparse.Namespace) -> tuple[list[AnswerTimes], float]:
    """The waits of each answer, and the mean CPU seconds of the process for one, after warming up."""
    for _ in range(_WARM_UP):
        await ask()
    chance = random.Random(1)

    async def client() -> list[AnswerTimes]:
        found = []
        for _ in range(options.answers):
            await asyncio.sleep(chance.random() * options.tokens * options.interval / 1000)
            found.append(await ask())
        return found

    before = cpu_seconds(process)
    waits = [wait for found in await asyncio.gather(*(client() for _ in range(options.clients))) for wait in found]
    return waits, (cpu_seconds(process) - before) / len(waits)


async def _leaving(url: str, clients: int, left: IO[str]) -> list[float]:
    """Seconds from each client's leaving until the model noticed."""
    found = []
    async with httpx2.AsyncClient(timeout=60) as client:
        for _ in range(clients):
            async with client.stream("POST", f"{url}/v1/ask", json={"question": QUESTION, "stream": True}) as reply:
                async for line in reply.aiter_lines():
                    if line == "event: delta":
                        break
                gone = time.monotonic()
            noticed = 0.0
            while noticed < gone:
                noticed = float((await asyncio.wait_for(asyncio.to_thread(left.readline), 10)).split()[1])
            found.append(noticed - gone)
    return found


@contextmanager
def _model(options: argparse.Namespace) -> Iterator[tuple[str, IO[str]]]:
    """The scripted model's address, and the lines in which it reports clients that left."""
    command = [sys.executable, "-m", "tests.support.scripted_llm", str(options.tokens), str(options.interval)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield process.stdout.readline().strip(), process.stdout
    finally:
        process.kill()
        process.wait()


def _environment(folder: Path, model: str) -> dict[str, str]:
    return environment(
        folder,
        SCHOLIAST_MODEL="openai:bench",
        SCHOLIAST_MODEL_BASE_URL=model,
        SCHOLIAST_ON_MODEL_FAILURE="error",
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--answers", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=50)
    parser.add_argument("--interval", type=float, default=20.0, help="milliseconds between tokens")
    parser.add_argument("--leavers", type=int, default=50)
    return parser.parse_args()


if __name__ == "__main__":
    main()
