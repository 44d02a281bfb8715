"""Workers share what one process has open: they write in turn, and what one leaves behind when it dies is finished."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import BusyError, LibraryError, LockedError, OwnerDoor
from rag.library import registry
from rag.library.index_owner import IndexOwner
from rag.library.library import Library
from rag.library.lock import LibraryLock, owner
from rag.library.owned_index import OwnedStore
from rag.vector_indexes.chroma import EmbeddedChroma
from rag.workspace import Workspace
from tests.conftest import settings
from tests.support.running import wait_until
from tests.support.stand_ins import WordsEmbedder, papers

_DYING = """
import os, sys
from rag.library.owned_index import OwnedStore, OwnerAddress
address = OwnerAddress(sys.argv[1], bytes.fromhex(sys.argv[2]), "chroma", "Chroma")
OwnedStore(address, "dying").lock("main").acquire("main")
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def held(tmp_path: Path) -> Iterator[IndexOwner]:
    with IndexOwner(tmp_path, "", EmbeddedChroma(), "http://127.0.0.1:1") as held:
        yield held


def may_begin(turn: LibraryLock) -> bool:
    """Whether no worker has its turn just now."""
    try:
        turn.acquire("main")
        turn.release()
    except BusyError:
        return False
    return True


async def opened(held: IndexOwner, home: Path, worker: str) -> Library:
    return await Library.open(home, "main", WordsEmbedder(), "", OwnedStore(held.address, worker), create=True)


async def test_what_one_worker_stores_removes_or_rebuilds_the_other_finds(held: IndexOwner, tmp_path: Path) -> None:
    one, other = await opened(held, tmp_path, "one"), await opened(held, tmp_path, "other")
    await one.ingest(papers(5))
    query = await one.embedder.embed_query("tokenizer")
    assert len(await other.nearest(query, 9)) == len(await other.matching("system", 9)) == 5
    await other.remove([(await other.papers())[0].id])
    assert len(await one.nearest(query, 9)) == len(await one.matching("system", 9)) == 4
    await one.rebuild()
    assert len(await other.nearest(query, 9)) == len(await other.matching("system", 9)) == 4
    one.close()
    assert len(await other.nearest(query, 9)) == 4
    other.close()


async def test_the_library_is_this_services_until_its_last_worker_has_closed_it(
    held: IndexOwner, tmp_path: Path
) -> None:
    one, other = await opened(held, tmp_path, "one"), await opened(held, tmp_path, "other")
    folder = registry.folder_of(tmp_path, "main")
    one.announce("", OwnerDoor(1, "one"))
    other.announce("", OwnerDoor(2, "other"))
    with pytest.raises(LockedError, match=r"http://127\.0\.0\.1:1") as caught:
        await Library.open(tmp_path, "main", WordsEmbedder())
    assert caught.value.door == OwnerDoor(1, "one")
    one.close()
    found = owner(folder)
    assert found and found.door == OwnerDoor(2, "other")
    other.close()
    assert owner(folder) is None
    (await Library.open(tmp_path, "main", WordsEmbedder())).close()


async def test_a_turn_that_is_given_up_while_it_is_waited_for_is_free_again(held: IndexOwner, tmp_path: Path) -> None:
    one = await opened(held, tmp_path, "one")
    other = OwnedStore(held.address, "other").lock("main")
    for moment in range(20):
        writing = asyncio.create_task(one.ingest(papers(1)))
        await asyncio.sleep(moment / 4000)
        writing.cancel()
        await asyncio.wait([writing])
        assert await asyncio.to_thread(wait_until, lambda: may_begin(other))
    one.close()


async def test_a_library_that_one_worker_removes_can_be_made_again_by_the_other(
    held: IndexOwner, tmp_path: Path
) -> None:
    def workspace(worker: str) -> Workspace:
        return Workspace(settings(tmp_path), WordsEmbedder(), store=OwnedStore(held.address, worker))

    async with workspace("one") as one, workspace("other") as other:
        await one.ingest(*papers(5), library="main")
        assert len(await other.search("tokenizer", library="main")) == 5
        await one.remove("main")
        assert not registry.folder_of(tmp_path, "main").exists()
        await other.ingest(*papers(2), library="main")
        assert len(await one.search("tokenizer", library="main")) == 2


def test_workers_write_in_turn_and_one_that_dies_loses_its_turn(held: IndexOwner, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _DYING, held.address.address, held.address.key.hex()]
    assert subprocess.run(command, check=False).returncode == -9
    store = OwnedStore(held.address, "one")
    one, other = store.lock("main"), OwnedStore(held.address, "other").lock("main")

    assert wait_until(lambda: may_begin(one))
    one.acquire("main")
    for turn in (one, other):
        with pytest.raises(BusyError):
            turn.acquire("main")
    one.release()
    other.acquire("main")
    index = store.open(tmp_path / "index", "main", "1", create=True)
    with pytest.raises(LibraryError, match="being written by another worker"):
        index.apply([], [])
