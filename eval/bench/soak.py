"""Whether a service stays as it was under load: memory, descriptors and threads, minute by minute, as a table.

    python -m eval.bench.soak [--minutes 60] [--share 0.8]

`scholiast serve` runs as users run it over the bundled sample. First its capacity is measured: how many answers a
second it gives to four clients. Then requests arrive at random at a share of that rate, whether earlier ones are
answered or not: questions, streams, searches, follow-ups, uploads of a paper and its removal, reads. The last row has
the slopes of a straight line through the second half of the run, which leaks would show in. Linux only.
"""

import argparse
import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np

from eval import questions
from eval.bench import load_client
from eval.bench.load_client import Client, Reply
from eval.bench.server import serving_sample
from eval.questions import SAMPLE_QUESTIONS

_CAPACITY_CLIENTS = 4
_CAPACITY_SECONDS = 15.0
_MIX = {"ask": 0.6, "stream": 0.1, "search": 0.1, "message": 0.1, "upload": 0.02, "remove": 0.02, "read": 0.06}


@dataclass(frozen=True)
class Usage:
    """What a process holds."""

    megabytes: float
    descriptors: int
    threads: int


def main() -> None:
    """Print a row for each minute."""
    options = _options()
    asked = [question.question for question in questions.load(SAMPLE_QUESTIONS)]
    with serving_sample() as (process, url):
        asyncio.run(_soak(process.pid, url, asked, options.minutes, options.share))


async def _soak(process: int, url: str, asked: Sequence[str], minutes: int, share: float) -> None:
    load = _Load(url, asked)
    rate = share * await load.capacity()
    print(f"{rate:.1f} requests/s, {share:.0%} of the capacity")
    print("minute | MB | descriptors | threads | answered | told later | failed | p50 ms | p95 ms", flush=True)
    used: list[Usage] = []
    for minute in range(1, minutes + 1):
        replies = await load.run(rate, 60.0)
        used.append(usage(process))
        waits = [1000 * reply.seconds for reply in replies if reply.status < 300] or [0.0]
        later = sum(reply.status in (429, 503) for reply in replies)
        failures = Counter(reply.status for reply in replies if reply.status not in (200, 404, 429, 503))
        failed = ", ".join(f"{count} x {status or 'broken'}" for status, count in failures.items()) or "0"
        p50, p95 = np.percentile(waits, [50, 95])
        held = f"{used[-1].megabytes:.0f} | {used[-1].descriptors} | {used[-1].threads}"
        print(f"{minute} | {held} | {len(waits)} | {later} | {failed} | {p50:.0f} | {p95:.0f}", flush=True)
    half = used[len(used) // 2 :]
    if len(half) > 1:
        slopes = (np.polyfit(range(len(half)), [getattr(one, name) for one in half], 1)[0] for name in vars(half[0]))
        print("a minute, second half | " + " | ".join(f"{slope:+.2f}" for slope in slopes))


def usage(process: int) -> Usage:
    """What a process holds now. Linux only."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    fields = {name: value for name, _, value in (line.partition(":") for line in lines)}
    descriptors = len(list(Path(f"/proc/{process}/fd").iterdir()))
    return Usage(int(fields["VmRSS"].split()[0]) / 1000, descriptors, int(fields["Threads"]))


class _Load:
    """Requests of all kinds, each on the first connection that is free."""

    def __init__(self, url: str, asked: Sequence[str]) -> None:
        self._host, self._port = str(urlsplit(url).hostname), urlsplit(url).port or 80
        self._asked, self._chance = asked, random.Random(1)
        self._free: list[Client] = []
        self._replies: list[Reply] = []
        self._papers = 0

    async def capacity(self) -> float:
        """Answers a second for a few clients that ask one question after another."""
        until = time.perf_counter() + _CAPACITY_SECONDS
        clients = [Client(self._host, self._port) for _ in range(_CAPACITY_CLIENTS)]
        runs = [client.run(load_client.asks(self._asked, seed=n), until) for n, client in enumerate(clients)]
        await asyncio.gather(*runs)
        return sum(reply.status == 200 for client in clients for reply in client.replies) / _CAPACITY_SECONDS

    async def run(self, rate: float, seconds: float) -> list[Reply]:
        """The replies to the requests of a while; the last ones are waited for."""
        self._replies = []
        until, tasks = time.perf_counter() + seconds, set[asyncio.Task[None]]()
        while time.perf_counter() < until:
            tasks.add(asyncio.create_task(self._send(self._request())))
            await asyncio.sleep(self._chance.expovariate(rate))
        await asyncio.gather(*tasks)
        return self._replies

    async def _send(self, request: bytes) -> None:
        client = self._free.pop() if self._free else Client(self._host, self._port)
        self._replies.append(await client.send(request))
        self._free.append(client)

    def _request(self) -> bytes:
        kinds: dict[str, Callable[[], bytes]] = {
            "ask": lambda: load_client.post("/v1/ask", {"question": self._question()}),
            "stream": lambda: load_client.post("/v1/ask", {"question": self._question(), "stream": True}),
            "search": lambda: load_client.get(f"/v1/search?q={quote(self._question())}"),
            "message": lambda: load_client.post("/v1/chat/completions", self._chat()),
            "upload": self._upload,
            "remove": lambda: load_client.delete(f"/v1/papers/soak-{self._chance.randint(1, max(1, self._papers))}"),
            "read": lambda: load_client.get("/v1/papers?limit=20"),
        }
        return kinds[self._chance.choices(list(_MIX), list(_MIX.values()))[0]]()

    def _question(self) -> str:
        return self._chance.choice(self._asked)

    def _chat(self) -> dict[str, object]:
        earlier = [{"role": "user", "content": self._question()}, {"role": "assistant", "content": "It does [1]."}]
        last = {"role": "user", "content": "And how much faster is it?"}
        return {"model": "scholiast", "messages": [*earlier, last]}

    def _upload(self) -> bytes:
        self._papers += 1
        text = f"We weigh {self._papers} stones of a river. Stone {self._papers * 7} is the heaviest of them."
        return load_client.post("/v1/papers", [{"id": f"soak-{self._papers}", "title": text[:40], "abstract": text}])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--share", type=float, default=0.8, help="of the capacity that is measured first")
    return parser.parse_args()


if __name__ == "__main__":
    main()
