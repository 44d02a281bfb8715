"""How much faster an ingest is with two workers of Dask, each on a processor of its own, than on one processor.

    python -m eval.bench.bulk [--papers 160] [--rounds 3]

A processor stands for a machine: one ingest has one processor for all it does, the other has two workers with a
processor each, and the writer beside them on either. The real embedder; the ingests take turns, each in a process and a
folder of its own, and are timed without the start of processes and models. The CPU time of the writer tells how many
workers it can keep busy, also on a machine whose processors others use too. Linux only: processes are bound.
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
from typing import NamedTuple

import psutil
from distributed import LocalCluster

from eval.bench.scale import made_papers
from rag import embedders
from rag.embedders import dask_cluster
from rag.library.library import Library
from rag.protocols import BulkEmbedder


class Taken(NamedTuple):
    """What an ingest took: seconds, and CPU seconds of its process and of the workers."""

    seconds: float
    own: float
    workers: float = 0.0


class Workers(NamedTuple):
    """Workers of Dask, and the address of their scheduler."""

    address: str
    processes: list[subprocess.Popen[bytes]]

    def cpu(self) -> float:
        """The CPU seconds that they have used."""
        times = [psutil.Process(process.pid).cpu_times() for process in self.processes]
        return float(sum(time.user + time.system for time in times))


def main() -> None:
    """Print a row for each kind of ingest, then how they compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--papers", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", nargs=2, metavar=("HOME", "CLUSTER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        home, cluster = arguments.measure
        print(*asyncio.run(_measure(Path(home), cluster, arguments.papers)))
        return
    first, second = sorted(os.sched_getaffinity(0))[:2]
    alone, shared = [], []
    with TemporaryDirectory() as folder, _workers(first, second) as workers:
        for number in range(arguments.rounds):
            alone.append(_in_process(Path(folder) / f"{number}-alone", "", arguments.papers, {first}))
            before = workers.cpu()
            taken = _in_process(Path(folder) / f"{number}-shared", workers.address, arguments.papers, {first, second})
            shared.append(taken._replace(workers=workers.cpu() - before))
    print("| | papers a second, by round | CPU s per 1,000 papers: writer | workers |\n|---|---|---|---|")
    for name, rounds in (("one processor", alone), ("two workers", shared)):
        rates = ", ".join(f"{arguments.papers / taken.seconds:.1f}" for taken in rounds)
        own, others = (1000 * statistics.median(cpu) / arguments.papers for cpu in list(zip(*rounds, strict=True))[1:])
        print(f"| {name} | {rates} | {own:.1f} | {others:.1f} |")
    ratios = sorted(one.seconds / two.seconds for one, two in zip(alone, shared, strict=True))
    print(f"\nratio of the seconds, by round: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")


async def _measure(home: Path, cluster: str, papers: int) -> Taken:
    embedder = embedders.embedder("minilm")
    library = await Library.open(home, "main", embedder, create=True)
    await library.ingest(islice(made_papers(papers), 2))  # loads the model and the indexes
    if not cluster:
        taken = await _ingest(library, papers, None)
    else:
        async with dask_cluster.embedding(cluster, embedder) as bulk:
            taken = await _ingest(library, papers, bulk)
    library.close()
    return taken


async def _ingest(library: Library, papers: int, bulk: BulkEmbedder | None) -> Taken:
    records = list(islice(made_papers(), papers))
    begun, cpu = time.perf_counter(), time.process_time()
    await library.ingest(records, bulk=bulk)
    return Taken(time.perf_counter() - begun, time.process_time() - cpu)


def _in_process(home: Path, cluster: str, papers: int, processors: set[int]) -> Taken:
    command = [sys.executable, "-m", "eval.bench.bulk", "--papers", str(papers), "--measure", str(home), cluster]
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)  # what a process starts has the same
    try:
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    finally:
        os.sched_setaffinity(0, before)
    return Taken(*map(float, printed.split()))


@contextmanager
def _workers(*processors: int) -> Iterator[Workers]:
    """A worker on each processor."""
    with LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as cluster:
        command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address]
        command += ["--no-nanny", "--nthreads", "1", "--no-dashboard"]
        processes = [
            subprocess.Popen(["taskset", "--cpu-list", str(number), *command], stderr=subprocess.DEVNULL)
            for number in processors
        ]
        try:
            while len(cluster.scheduler.workers) < len(processes):
                time.sleep(0.1)
            yield Workers(cluster.scheduler_address, processes)
        finally:
            for process in processes:
                process.kill()
                process.wait()


if __name__ == "__main__":
    main()
