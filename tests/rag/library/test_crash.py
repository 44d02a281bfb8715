"""An ingest that is killed at any point and run again gives the same library as one that was not disturbed.

Run as a program it runs the rounds: importing Chroma takes longer than a round, so rounds are forks of one process.
"""

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from rag import vector_indexes
from rag.errors import RequestError
from rag.library import storing
from rag.library.catalog import Catalog
from rag.library.library import Library
from rag.library.registry import folder_of
from rag.library.sync import Indexes
from rag.text import tokens
from rag.types import Source
from tests.support.stand_ins import WordsEmbedder, papers

ROUNDS = 10
AT_ONCE = 5


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("work", ["changing", "merging"])
def test_killed_at_any_point_and_run_again_it_is_the_same_library(tmp_path: Path, work: str) -> None:
    command = [sys.executable, "-m", "tests.rag.library.test_crash", str(tmp_path), str(ROUNDS), "7", work]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rounds = [json.loads((tmp_path / str(number) / "outcome.json").read_text()) for number in range(ROUNDS)]
    assert sum(outcome["killed"] for outcome in rounds) >= ROUNDS // 2
    assert [outcome["state"] for outcome in rounds] == [done.stdout.strip()] * ROUNDS


async def _first_ingest(home: Path) -> None:
    library = await Library.open(home, "main", WordsEmbedder(), create=True)
    await library.ingest(papers(24))
    library.close()


async def _second_ingest(home: Path) -> None:
    """Adds papers, changes some, takes some out."""
    library = await Library.open(home, "main", WordsEmbedder())
    await library.ingest([*papers(12), *papers(24, first=12, note="Corrected.")])
    await library.remove([f"paper-{number}" for number in range(0, 36, 7)])
    library.close()


async def _merging(home: Path) -> None:
    """Adds a published record of each work, which is merged with the one that is there, and splits some again."""
    library = await Library.open(home, "main", WordsEmbedder())
    await library.ingest(
        replace(
            paper,
            id=f"doi:10.5555/{number}",
            doi=f"10.5555/{number}",
            venue="Journal of Systems",
            sources=(Source(path="published.jsonl", line=number + 1),),
        )
        for number, paper in enumerate(papers(24))
    )
    for number in range(0, 24, 7):
        with suppress(RequestError):  # split before the kill
            await library.split(f"doi:10.5555/{number}")
    library.close()


WORK = {"changing": _second_ingest, "merging": _merging}


async def _state(home: Path) -> str:
    """A hash of all that the catalog and both indexes hold."""
    library = await Library.open(home, "main", WordsEmbedder())
    stored = await library.stored([paper.id for paper in await library.papers(0, 1000)])
    questions = ("the router of system 12", "corrected", "baseline 1020")
    hits = [await library.matching(words, 100) for words in questions]
    library.close()
    catalog = Catalog(home)
    indexes = Indexes(catalog, "main", folder_of(home, "main"), vector_indexes.store())
    rows = indexes.vectors().rows()
    indexes.close()
    catalog.close()
    words = [repr((paper.paper, paper.chunks, paper.sentences)) for paper in stored.values()]
    vectors = [paper.chunk_vectors.tobytes() + paper.sentence_vectors.tobytes() for paper in stored.values()]
    dense = sorted((id, vector.tobytes()) for id, vector in rows.items())
    return sha256(repr((words, vectors, dense, hits)).encode()).hexdigest()


def _round(home: Path, base: Path, seconds: float, work: str) -> None:
    """Kill an ingest after some seconds, run it again, and record the outcome."""
    shutil.copytree(base, home)
    victim = _fork(lambda: asyncio.run(WORK[work](home)))
    time.sleep(seconds)
    os.kill(victim, signal.SIGKILL)
    killed = os.WIFSIGNALED(os.waitpid(victim, 0)[1])
    asyncio.run(WORK[work](home))
    (home / "outcome.json").write_text(json.dumps({"killed": killed, "state": asyncio.run(_state(home))}))


def _fork(work: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return pid


def _wait(*pids: int) -> None:
    if any(os.waitpid(pid, 0)[1] for pid in pids):
        raise SystemExit(1)


def _run_rounds(folder: Path, rounds: int, seed: int, work: str) -> None:
    """Run the rounds, then print the state of an undisturbed library."""
    storing._PAPERS_AT_ONCE, storing._BATCHES_BEFORE_INDEXES = 4, 2
    tokens.count("Load the tokenizer before forking.")
    base, undisturbed = folder / "base", folder / "undisturbed"
    _wait(_fork(lambda: asyncio.run(_first_ingest(base))))
    shutil.copytree(base, undisturbed)
    begun = time.perf_counter()
    _wait(_fork(lambda: asyncio.run(WORK[work](undisturbed))))
    seconds = 2 * (time.perf_counter() - begun)  # several at once are slower
    chance = random.Random(seed)
    for first in range(0, rounds, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, rounds))
        moments = [chance.uniform(0, seconds) for _ in numbers]
        forks = [
            _fork(partial(_round, folder / str(number), base, moment, work))
            for number, moment in zip(numbers, moments, strict=True)
        ]
        _wait(*forks)
    print(asyncio.run(_state(undisturbed)))


if __name__ == "__main__":
    _run_rounds(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
