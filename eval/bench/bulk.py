"""How much faster an ingest is with two workers of Dask, each on a processor of its own, than on one processor.

    python -m eval.bench.bulk [--papers 160] [--rounds 3]

A processor stands for a machine: one ingest has one processor for all it does, the other two workers with a processor
each, and the writer beside them on either. The real embedder, in turn, each ingest in a process and a folder of its
own; the time of an ingest without the start of its processes. Linux only, as processes are bound to processors.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from distributed import LocalCluster

from eval.bench.scale import made_papers
from rag import embedders
from rag.embedders import dask_cluster
from rag.library.library import Library

ONE, TWO = "one processor", "two workers"


def main() -> None:
    """Print the seconds of each round, and how many papers a second the median is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--papers", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", nargs=2, metavar=("HOME", "CLUSTER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        home, cluster = arguments.measure
        print(asyncio.run(_seconds(Path(home), cluster, arguments.papers)))
        return
    first, second = sorted(os.sched_getaffinity(0))[:2]
    seconds: dict[str, list[float]] = {ONE: [], TWO: []}
    with TemporaryDirectory() as folder, _two_workers(first, second) as cluster:
        for number in range(arguments.rounds):
            for name, address, processors in ((ONE, "", {first}), (TWO, cluster, {first, second})):
                home = str(Path(folder) / f"{number} {name}")
                seconds[name].append(_in_process(home, address, arguments.papers, processors))
    for name, taken in seconds.items():
        rate = arguments.papers / statistics.median(taken)
        print(f"{name}: {', '.join(f'{some:.1f}' for some in taken)} s, {rate:.1f} papers a second")
    print(f"ratio: {statistics.median(seconds[ONE]) / statistics.median(seconds[TWO]):.2f}")


async def _seconds(home: Path, cluster: str, papers: int) -> float:
    embedder = embedders.embedder("minilm")
    library = await Library.open(home, "main", embedder, create=True)
    await library.ingest(islice(made_papers(papers), 2))  # loads the model
    begun = time.perf_counter()
    if cluster:
        async with dask_cluster.embedding(cluster, embedder) as bulk:
            await library.ingest(islice(made_papers(), papers), bulk=bulk)
    else:
        await library.ingest(islice(made_papers(), papers))
    seconds = time.perf_counter() - begun
    library.close()
    return seconds


def _in_process(home: str, cluster: str, papers: int, processors: set[int]) -> float:
    command = [sys.executable, "-m", "eval.bench.bulk", "--papers", str(papers), "--measure", home, cluster]
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)  # what a process starts has the same
    try:
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def _two_workers(*processors: int) -> Iterator[str]:
    """The address of a scheduler that has them."""
    with LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as cluster:
        command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address]
        command += ["--no-nanny", "--nthreads", "1", "--no-dashboard"]
        workers = [
            subprocess.Popen(["taskset", "--cpu-list", str(number), *command], stderr=subprocess.DEVNULL)
            for number in processors
        ]
        try:
            while len(cluster.scheduler.workers) < len(workers):
                time.sleep(0.1)
            yield cluster.scheduler_address
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()


if __name__ == "__main__":
    main()
