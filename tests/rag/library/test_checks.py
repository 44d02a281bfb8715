"""The doctor names each fault with its remedy, commands on a damaged library do too, and rebuild repairs it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.config import Settings
from rag.database import FILE
from rag.errors import ConfigError, LibraryError
from rag.library.catalog import Catalog
from rag.library.checks import Finding, diagnose
from rag.library.keyword_index import KeywordIndex
from rag.library.library import Library
from rag.protocols import Embedder
from rag.types import ProbeResult, Probes
from rag.vector_indexes import chroma
from rag.vector_indexes.chroma import ChromaIndex, probe_in_subprocess
from rag.vector_indexes.probing import probe_open
from tests.support.stand_ins import WordsEmbedder, papers

pytestmark = pytest.mark.slow

REBUILD = "run `scholiast rebuild --library main`"


@pytest.fixture
async def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of 30 papers whose Chroma has written its graph to files, as it does from 1,000 chunks on."""
    monkeypatch.setattr(chroma, "_CONFIGURATION", {"hnsw": {"space": "cosine", "batch_size": 5, "sync_threshold": 10}})
    monkeypatch.setattr(chroma, "probe_in_subprocess", probe_in_this_process)
    library = await Library.open(tmp_path, "main", WordsEmbedder(), create=True)
    await library.ingest(papers(30))
    library.close()
    return tmp_path


def probe_in_this_process(folder: Path, library: str, probes: Probes) -> ProbeResult:
    """For indexes that do not crash it: another process takes seconds to import Chroma."""
    return probe_open(ChromaIndex.embedded(folder, library, create=False), probes)


def words(_name: str) -> Embedder:
    return WordsEmbedder()


async def findings(home: Path, make: Callable[[str], Embedder] = words) -> dict[str, Finding]:
    return {finding.part: finding for finding in await diagnose(Settings(home=home), make_embedder=make)}


def files(home: Path, pattern: str) -> list[Path]:
    return sorted((home / "libraries" / "main").rglob(pattern))


async def ask(home: Path) -> list[str]:
    library = await Library.open(home, "main", WordsEmbedder())
    try:
        vector = (await library.embedder.embed([papers(8)[7].abstract]))[0]
        return [id for id, _ in await library.nearest(vector, 1)]
    finally:
        library.close()


async def rebuild(home: Path) -> None:
    library = await Library.open(home, "main", WordsEmbedder(), repair=True)
    await library.rebuild()
    library.close()


async def test_a_sound_library_has_no_fault(home: Path) -> None:
    found = await findings(home)
    assert {finding.verdict for finding in found.values()} == {"ok"}
    assert list(found) == [
        "configuration",
        "tokenizer",
        "embedder",
        "reranker",
        "catalog",
        "library main",
        "Chroma of main",
        "keywords of main",
    ]
    assert "30 papers" in found["library main"].message
    assert "30 of 30 papers tried" in found["Chroma of main"].message


async def test_a_deleted_chroma_folder_is_named_and_rebuilt(home: Path) -> None:
    shutil.rmtree(home / "libraries" / "main" / "chroma")
    found = (await findings(home))["Chroma of main"]
    assert (found.verdict, found.remedy) == ("fault", REBUILD)
    assert "is missing" in found.message
    with pytest.raises(LibraryError, match=REBUILD):
        await ask(home)
    await rebuild(home)
    assert await ask(home) == ["paper-7"]


async def test_a_corrupt_chroma_is_named_and_rebuilt(home: Path) -> None:
    for path in files(home, "chroma.sqlite3"):
        path.write_bytes(b"garbage" * (path.stat().st_size // 7))
    found = (await findings(home))["Chroma of main"]
    assert (found.verdict, found.remedy) == ("fault", REBUILD)
    assert "is damaged" in found.message
    with pytest.raises(LibraryError, match=REBUILD):
        await ask(home)
    await rebuild(home)
    assert await ask(home) == ["paper-7"]


async def test_a_corrupt_graph_does_not_crash_its_reader(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chroma, "probe_in_subprocess", probe_in_subprocess)
    (graph,) = files(home, "data_level0.bin")
    graph.write_bytes(b"\x7f" * graph.stat().st_size)
    with pytest.raises(LibraryError, match=rf"is damaged .*{REBUILD}"):
        await ask(home)
    await rebuild(home)
    assert await ask(home) == ["paper-7"]


async def test_a_graph_that_has_lost_chunks_is_named_and_rebuilt(home: Path) -> None:
    (graph,) = files(home, "data_level0.bin")
    shutil.copytree(graph.parent, home / "older")
    library = await Library.open(home, "main", WordsEmbedder())
    await library.ingest(papers(40, first=30))
    library.close()
    shutil.rmtree(graph.parent)
    (home / "older").rename(graph.parent)
    with pytest.raises(LibraryError, match=rf"is damaged .*{REBUILD}"):
        await ask(home)
    await rebuild(home)
    assert await ask(home) == ["paper-7"]


async def test_a_graph_that_only_misses_some_of_its_chunks_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few_links = {"space": "cosine", "num_threads": 1, "max_neighbors": 3, "ef_construction": 5, "ef_search": 10}
    monkeypatch.setattr(chroma, "_CONFIGURATION", {"hnsw": {**few_links, "batch_size": 5, "sync_threshold": 10}})
    library = await Library.open(tmp_path, "main", WordsEmbedder(), create=True)
    await library.ingest(papers(300))
    probed = library._indexes.probe()
    library.close()
    assert (probed.found, probed.tried) == (40, 40)
    assert 20 <= probed.reached < 40


async def test_another_embedder_is_named_with_both_remedies(home: Path) -> None:
    found = (await findings(home, lambda _: WordsEmbedder(name="others")))["library main"]
    assert found.verdict == "fault"
    assert found.message == "library 'main' was built with embedder 'words', not 'others'"
    assert found.remedy == (
        "set SCHOLIAST_EMBEDDER=words, or run `scholiast rebuild --embed --library main` to embed every paper again"
    )


async def test_an_embedder_that_changed_under_its_name_is_noticed(home: Path) -> None:
    found = (await findings(home, lambda _: WordsEmbedder(dimension=16)))["library main"]
    assert found.verdict == "fault"
    assert "another vector for a sentence of paper" in found.message


async def test_an_embedder_that_can_not_be_made_leaves_the_rest_to_be_checked(home: Path) -> None:
    def missing(name: str) -> Embedder:
        raise ConfigError(f"no weights for {name!r}; install them")

    found = await findings(home, missing)
    assert (found["embedder"].verdict, found["embedder"].remedy) == ("fault", "install them")
    assert found["library main"].verdict == "ok"


async def test_a_damaged_catalog_is_one_fault(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"garbage" * 999)
    found = (await findings(tmp_path))["catalog"]
    assert found.verdict == "fault"
    assert found.remedy == "restore it from a backup, or move it away and ingest again"


async def test_damaged_keywords_are_named_and_rebuilt(home: Path) -> None:
    for path in files(home, "meta.json"):
        path.write_bytes(b"{")
    found = (await findings(home))["keywords of main"]
    assert (found.verdict, found.remedy) == ("fault", REBUILD)
    with pytest.raises(LibraryError, match=REBUILD):
        await ask(home)
    await rebuild(home)
    assert await ask(home) == ["paper-7"]


async def test_an_index_that_would_rank_by_other_words_is_named_and_rebuilt(home: Path) -> None:
    (folder,) = (home / "libraries" / "main" / "keywords").iterdir()
    index = KeywordIndex(folder, "main")
    index.apply(papers(2, note="Words that were taken out since."), (), index.revision)
    index.close()
    found = (await findings(home))["keywords of main"]
    assert (found.verdict, found.remedy) == ("fault", REBUILD)
    assert found.message.startswith("2 of 30 papers tried, such as 'paper-0', have other words")
    await rebuild(home)
    assert (await findings(home))["keywords of main"].verdict == "ok"


async def test_indexes_ahead_of_a_restored_catalog_are_named(home: Path) -> None:
    catalog = Catalog(home)
    catalog.update("main", revision=0)
    catalog.close()
    found = (await findings(home))["keywords of main"]
    assert (found.verdict, found.remedy) == ("fault", REBUILD)
    with pytest.raises(LibraryError, match=REBUILD):
        await ask(home)


async def test_a_library_that_is_not_there_is_a_fault(home: Path) -> None:
    found = (await diagnose(Settings(home=home), "mian", make_embedder=words))[-1]
    assert (found.verdict, found.message, found.remedy) == ("fault", "no library 'mian'", "there is 'main'")


async def test_a_library_in_use_is_not_checked(home: Path) -> None:
    library = await Library.open(home, "main", WordsEmbedder())
    found = (await findings(home))["indexes of main"]
    library.close()
    assert found.verdict == "warning"
    assert "in use by process" in found.message


async def test_a_misspelt_setting_is_pointed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOLIAST_EMBEDER", "words")
    unknown = (await diagnose(Settings(home=tmp_path), make_embedder=words))[0]
    assert (unknown.verdict, unknown.message) == ("warning", "SCHOLIAST_EMBEDER is no setting")
