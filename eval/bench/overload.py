"""What clients meet at overload: how long those wait that are served, and how soon the others are told, as a table.

    python -m eval.bench.overload [--clients 8 64 256] [--seconds 20] [--impatient]

`scholiast serve` runs as users run it over the bundled sample. Each client asks one question after another on its own
connection; one that is told `Retry-After` waits that long, unless it is impatient. `/healthz` is asked besides.
"""

import argparse
import asyncio
import time
from dataclasses import replace
from urllib.parse import urlsplit

import numpy as np

from eval import questions
from eval.bench import load_client
from eval.bench.load_client import Client, Reply
from eval.bench.server import cpu_seconds, serving_sample
from eval.questions import SAMPLE_QUESTIONS

_HEALTH_SECONDS = 0.2


def main() -> None:
    """Print a row for each number of clients."""
    options = _options()
    asked = [question.question for question in questions.load(SAMPLE_QUESTIONS)]
    with serving_sample() as (process, url):
        print("clients | served/s | p50 ms | p95 ms | worst ms | told later/s | p50 ms | worst ms | broken | ", end="")
        print("healthz worst ms | server CPU ms/served")
        asyncio.run(_load(url, 2, 5.0, asked, impatient=False))
        for clients in options.clients:
            before = cpu_seconds(process.pid)
            replies, health = asyncio.run(_load(url, clients, options.seconds, asked, options.impatient))
            _print_row(clients, options.seconds, replies, health, cpu_seconds(process.pid) - before)


async def _load(
    url: str, clients: int, seconds: float, asked: list[str], impatient: bool
) -> tuple[list[Reply], list[Reply]]:
    """The replies to all clients, and those of `/healthz`."""
    host, port = str(urlsplit(url).hostname), urlsplit(url).port or 80
    until = time.perf_counter() + seconds
    several = [(_Impatient if impatient else Client)(host, port) for _ in range(clients)]
    probe = Client(host, port)
    running = [client.run(load_client.asks(asked, seed=number), until) for number, client in enumerate(several)]
    await asyncio.gather(probe.run(lambda: load_client.get("/healthz"), until, _HEALTH_SECONDS), *running)
    return [reply for client in several for reply in client.replies], probe.replies


class _Impatient(Client):
    async def send(self, request: bytes) -> Reply:
        return replace(await super().send(request), retry_after=0.0)


def _print_row(clients: int, seconds: float, replies: list[Reply], health: list[Reply], cpu: float) -> None:
    served = [1000 * reply.seconds for reply in replies if reply.status == 200]
    later = [1000 * reply.seconds for reply in replies if reply.status in (429, 503)]
    broken = sum(reply.status not in (200, 429, 503) for reply in replies)
    cells = [
        str(clients),
        f"{len(served) / seconds:.1f}",
        *(f"{value:.0f}" for value in np.percentile(served or [0.0], [50, 95, 100])),
        f"{len(later) / seconds:.1f}",
        *(f"{value:.0f}" for value in np.percentile(later or [0.0], [50, 100])),
        str(broken),
        f"{max(1000 * reply.seconds for reply in health):.0f}",
        f"{1000 * cpu / max(1, len(served)):.0f}",
    ]
    print(" | ".join(cells), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[8, 64, 256])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--impatient", action="store_true", help="clients ask again at once when they are told to wait")
    return parser.parse_args()


if __name__ == "__main__":
    main()
