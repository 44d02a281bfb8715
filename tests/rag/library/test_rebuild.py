"""Embedding a library again: it answers from what it has until all is new, whenever the process is killed.

Run as a program it kills: a process in which Chroma has run can't be forked, and importing it takes seconds.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.errors import BackendError, BusyError, LibraryError
from rag.library import staging
from rag.library.catalog import Catalog
from rag.library.library import Library
from rag.library.sync import Indexes
from rag.text import tokens
from rag.vector_indexes.chroma import ChromaIndex
from tests.support.stand_ins import FailingEmbedder, WordsEmbedder, papers

COUNT = 100
OLD, NEW = WordsEmbedder(), WordsEmbedder(dimension=48, name="others")


async def _made(home: Path) -> None:
    library = await Library.open(home, "main", OLD, create=True)
    await library.ingest(papers(COUNT))
    library.close()


async def _embed_again(home: Path, embedder: WordsEmbedder) -> None:
    library = await Library.open(home, "main", embedder, repair=True)
    try:
        await library.rebuild(embed=True)
    finally:
        library.close()


async def _answers(home: Path) -> str:
    """The embedder with which the library answers; it must answer with one of them."""
    for embedder in (OLD, NEW):
        try:
            library = await Library.open(home, "main", embedder)
        except LibraryError:
            continue
        vector = (await embedder.embed([papers(8)[7].abstract]))[0]
        assert [id for id, _ in await library.nearest(vector, 1)] == ["paper-7"]
        assert [id for id, _ in await library.matching("baseline 1007", 1)] == ["paper-7"]
        assert (await library.stored(["paper-7"]))["paper-7"].chunk_vectors.shape[1] == len(vector)
        library.close()
        return embedder.name
    raise AssertionError("neither embedder opens the library")


def _killed_at(owner: type | Any, name: str, call: int, *, after: bool) -> Callable[[], None]:
    """A patch that kills the process at the nth call of a function, before or after it has run."""

    def patch() -> None:
        original, calls = getattr(owner, name), [0]

        def dies(*arguments: Any, **named: Any) -> Any:
            calls[0] += 1
            result = original(*arguments, **named) if after or calls[0] < call else None
            if calls[0] == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(owner, name, dies)

    return patch


KILLS = {
    "before anything is kept": (_killed_at(Catalog, "stage", 1, after=False), OLD.name),
    "when some is kept": (_killed_at(Catalog, "stage", 2, after=True), OLD.name),
    "when the keyword index is built": (_killed_at(ChromaIndex, "apply", 1, after=False), OLD.name),
    "when both indexes are built": (_killed_at(Catalog, "adopt", 1, after=False), OLD.name),
    "within the transaction": (_killed_at(staging, "missing", 2, after=True), OLD.name),
    "before the commit": (_killed_at(staging, "adopt", 1, after=True), OLD.name),
    "after the commit": (_killed_at(Catalog, "adopt", 1, after=True), NEW.name),
    "while the old indexes are deleted": (_killed_at(Indexes, "_delete", 1, after=True), NEW.name),
}


def _in_fork(work: Callable[[], Awaitable[None]], patch: Callable[[], None] | None = None) -> int:
    """The status with which a process ends that does this."""
    pid = os.fork()
    if pid == 0:
        try:
            if patch:
                patch()
            asyncio.run(work())  # type: ignore[arg-type]  # a coroutine
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_any_moment_a_library_answers_and_the_next_run_ends_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.rag.library.test_rebuild", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {moment: [embedder, NEW.name, 1] for moment, (_, embedder) in KILLS.items()}


def _kill(base: Path, home: Path, patch: Callable[[], None]) -> list[str | int]:
    """With which embedder the library answers after the kill, and after the next run; how many indexes it has then."""
    shutil.copytree(base, home)
    outcome = home / "outcome"

    async def note() -> None:
        outcome.write_text(await _answers(home))

    assert os.WTERMSIG(_in_fork(lambda: _embed_again(home, NEW), patch)) == signal.SIGKILL
    assert _in_fork(note) == 0
    found = outcome.read_text()
    assert _in_fork(lambda: _embed_again(home, NEW)) == 0
    assert _in_fork(note) == 0
    return [found, outcome.read_text(), len(list((home / "libraries" / "main" / "chroma").iterdir()))]


async def test_an_embedder_that_fails_costs_nothing_and_what_it_gave_is_kept(tmp_path: Path) -> None:
    await _made(tmp_path)
    with pytest.raises(BackendError):
        await _embed_again(tmp_path, FailingEmbedder(calls=2, name="others"))
    assert await _answers(tmp_path) == OLD.name
    again = WordsEmbedder(name="others")
    await _embed_again(tmp_path, again)
    first = WordsEmbedder()
    await _embed_again(tmp_path, first)
    assert 0 < again.texts < first.texts / 2


async def test_papers_that_come_meanwhile_are_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From another machine, say, which the lock does not keep out."""
    await _made(tmp_path)
    build = Indexes._build

    def change(self: Indexes, *arguments: Any) -> None:
        build(self, *arguments)
        monkeypatch.setattr(Indexes, "_build", build)
        catalog = Catalog(tmp_path)
        stored = catalog.stored("main", ["paper-1"])["paper-1"]
        catalog.write("main", [replace(stored, paper=replace(stored.paper, id="new", title="Wombats"))])
        catalog.close()

    monkeypatch.setattr(Indexes, "_build", change)
    with pytest.raises(BusyError, match="was changed while it was embedded again; run `scholiast rebuild --embed"):
        await _embed_again(tmp_path, NEW)
    assert await _answers(tmp_path) == OLD.name
    await _embed_again(tmp_path, NEW)
    library = await Library.open(tmp_path, "main", NEW)
    assert (await library.counts()).papers == COUNT + 1
    assert [id for id, _ in await library.matching("wombats", 1)] == ["new"]
    library.close()


async def test_one_that_reads_while_it_is_rebuilt_goes_on(tmp_path: Path) -> None:
    library = await Library.open(tmp_path, "main", OLD, create=True)
    await library.ingest(papers(COUNT))
    vector = (await OLD.embed([papers(8)[7].abstract]))[0]
    rebuilding = asyncio.create_task(library.rebuild(embed=True))
    rankings = []
    while not rebuilding.done():
        rankings.append((await library.nearest(vector, 3), await library.matching("baseline 1007", 3)))
    await rebuilding
    rankings.append((await library.nearest(vector, 3), await library.matching("baseline 1007", 3)))
    assert len(rankings) > 2
    assert [ranking for ranking in rankings if ranking != rankings[0]] == []
    library.close()


if __name__ == "__main__":
    tokens.count("Load the tokenizer before forking.")
    outcomes, base = {}, Path(sys.argv[1]) / "base"
    assert _in_fork(lambda: _made(base)) == 0
    for number, (moment, (patch, _)) in enumerate(KILLS.items()):
        outcomes[moment] = _kill(base, Path(sys.argv[1]) / str(number), patch)
    print(json.dumps(outcomes))
