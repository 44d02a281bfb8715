"""A library keeps its promises with LanceDB as with Chroma, and changes between them by a rebuild."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from lancedb.table import LanceTable

from rag import vector_indexes
from rag.backup.restore import restore
from rag.backup.save import save
from rag.config import Settings
from rag.errors import ConfigError, LibraryError
from rag.library.checks import diagnose
from rag.library.library import Library
from rag.library.registry import remove
from rag.library.storing import no_progress
from rag.protocols import VectorStore
from rag.vector_indexes import lance
from tests.rag.library.test_library import nearest
from tests.rag.vector_indexes.test_indexes import stored
from tests.support.stand_ins import WordsEmbedder, papers

LANCEDB = vector_indexes.store("lancedb")


async def opened(home: Path, store: VectorStore = LANCEDB, *, create: bool = False, repair: bool = False) -> Library:
    return await Library.open(home, "main", WordsEmbedder(), store=store, create=create, repair=repair)


async def filled(home: Path) -> None:
    library = await opened(home, create=True)
    await library.ingest(papers(30))
    library.close()


def folders(home: Path) -> dict[str, int]:
    """How many indexes of each engine there are."""
    return {kind: len(list((home / "libraries" / "main" / kind).glob("*"))) for kind in vector_indexes.KINDS}


async def test_papers_are_added_changed_removed_and_rebuilt(tmp_path: Path) -> None:
    library = await opened(tmp_path, create=True)
    await library.ingest(papers(30))
    await library.ingest(papers(2, note="Changed since."))
    await library.remove(["paper-7"])
    before = await nearest(library, papers(9)[7].abstract, 30)
    assert len(before) == 29 and "paper-7" not in before
    assert await nearest(library, papers(4)[3].abstract, 1, {"paper-3", "paper-4"}) == ["paper-3"]
    await library.rebuild()
    assert await nearest(library, papers(9)[7].abstract, 30) == before
    library.close()
    assert folders(tmp_path) == {"chroma": 0, "lancedb": 1}


async def test_another_engine_says_so_until_a_rebuild_which_leaves_one_index(tmp_path: Path) -> None:
    await filled(tmp_path)
    chroma = vector_indexes.store()
    with pytest.raises(LibraryError, match=r"lancedb, not of chroma; set SCHOLIAST_VECTOR_INDEX=lancedb, or run"):
        await opened(tmp_path, chroma)
    library = await opened(tmp_path, chroma, repair=True)
    await library.rebuild()
    assert await nearest(library, papers(9)[7].abstract, 1) == ["paper-7"]
    library.close()
    assert folders(tmp_path) == {"chroma": 1, "lancedb": 0}


async def test_an_empty_library_takes_the_engine_that_it_is_opened_with(tmp_path: Path) -> None:
    (await opened(tmp_path, vector_indexes.store(), create=True)).close()
    await filled(tmp_path)
    assert folders(tmp_path) == {"chroma": 0, "lancedb": 1}


async def test_a_change_that_failed_half_way_is_applied_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(tmp_path)
    library = await opened(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(LanceTable, "add", None)
        with pytest.raises(TypeError):
            await library.ingest(papers(30, note="Changed since."))
    await library.ingest(papers(31))
    assert len(await nearest(library, papers(9)[7].abstract, 99)) == 31
    library.close()


@pytest.mark.slow
async def test_at_a_shared_place_two_owners_see_each_others_papers(tmp_path: Path) -> None:
    store = vector_indexes.store(f"lancedb:{tmp_path / 'place'}")
    one, two = await opened(tmp_path, store, create=True), await opened(tmp_path, store)
    await one.ingest(papers(20))
    assert await nearest(two, papers(9)[7].abstract, 1) == ["paper-7"]
    await two.remove(["paper-7"])
    await one.rebuild()
    for library in (one, two):
        assert len(await nearest(library, papers(9)[7].abstract, 20)) == 19
        library.close()
    await remove(tmp_path, "main", "", store)
    assert list((tmp_path / "place").iterdir()) == []


@pytest.mark.slow
async def test_the_doctor_finds_a_deleted_index_and_a_backup_is_restored_into_one(tmp_path: Path) -> None:
    await filled(tmp_path / "home")
    settings = Settings(home=tmp_path / "home", vector_index="lancedb")

    async def finding() -> str:
        found = await diagnose(settings, make_embedder=lambda _name: WordsEmbedder())
        (index,) = [finding for finding in found if finding.part == "LanceDB of main"]
        return f"{index.verdict}: {index.message}; {index.remedy}"

    assert "30 of 30 papers tried are there, 30 are found" in await finding()
    save(settings, tmp_path / "backup")
    shutil.rmtree(tmp_path / "home" / "libraries" / "main" / "lancedb")
    assert (await finding()).endswith("is missing; run `scholiast rebuild --library main`")
    restore(settings, tmp_path / "backup", overwrite=True, progress=no_progress)
    assert (await finding()).startswith("ok: ")


def test_many_rows_are_indexed_and_replaced_ones_are_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lance, "_UNINDEXED_AT_MOST", 300)
    index = LANCEDB.open(tmp_path, "main", "1", create=True)
    chance = np.random.default_rng(1)
    many = [stored(str(number), *chance.integers(-99, 99, (4, 2)).tolist()) for number in range(100)]
    for _ in range(3):
        index.apply(many, ["nobody"])
    vectors = np.concatenate([paper.chunk_vectors for paper in many])
    target = np.array([1, 0], np.float32)
    cosines = np.sort(vectors @ target / np.linalg.norm(vectors, axis=1))[::-1]
    hits = index.nearest(target, 50)
    assert [cosine for _, cosine in hits] == pytest.approx(cosines[:50].tolist(), abs=1e-3)
    assert index.count() == 400
    assert list(tmp_path.glob("*/_indices/*"))


def test_without_its_package_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "rag.vector_indexes.lance")
    monkeypatch.delattr(vector_indexes, "lance")
    monkeypatch.setitem(sys.modules, "lancedb", None)
    with pytest.raises(ConfigError, match=r"pip install 'scholiast\[lancedb\]'"):
        vector_indexes.store("lancedb")
