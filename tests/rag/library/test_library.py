"""A library ingests each paper once, finds it, and is the same however often it was interrupted."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag import vector_indexes
from rag.errors import BackendError, CorpusError, LibraryError, LockedError, NotFoundError, RequestError
from rag.library.catalog import Catalog, Counts
from rag.library.keyword_index import KeywordIndex
from rag.library.library import Library
from rag.library.registry import LibrarySummary, libraries, remove
from rag.text import chunk
from rag.types import Filters, Paper, RejectedRecord, Source
from tests.support.stand_ins import FailingEmbedder, WordsEmbedder, papers


@asynccontextmanager
async def opened(
    home: Path, name: str = "main", embedder: WordsEmbedder | None = None, *, create: bool = True, repair: bool = False
) -> AsyncIterator[Library]:
    library = await Library.open(home, name, embedder or WordsEmbedder(), create=create, repair=repair)
    try:
        yield library
    finally:
        library.close()


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    async with opened(tmp_path) as library:
        yield library


async def nearest(library: Library, text: str, limit: int = 3, allowed: set[str] | None = None) -> list[str]:
    vector = (await library.embedder.embed([text]))[0]
    return [id for id, _ in await library.nearest(vector, limit, allowed)]


async def test_papers_are_found_by_nearness_and_by_words(library: Library) -> None:
    report = await library.ingest(papers(40))
    assert (report.added, report.papers) == (40, 40)
    assert await nearest(library, papers(40)[17].abstract, limit=1) == ["paper-17"]
    assert [id for id, _ in await library.matching("baseline 1017", 1)] == ["paper-17"]


async def test_ingesting_again_changes_nothing_and_embeds_nothing(library: Library) -> None:
    await library.ingest(papers(5))
    library.embedder = WordsEmbedder()
    report = await library.ingest(papers(5))
    assert (report.added, report.updated, report.unchanged) == (0, 0, 5)
    assert library.embedder.texts == 0


async def test_a_changed_paper_is_replaced_everywhere(library: Library) -> None:
    await library.ingest(papers(9))
    changed = replace(papers(9)[4], abstract="Quokkas smile. They live on an island.")
    report = await library.ingest([changed])
    assert (report.added, report.updated, report.unchanged, report.papers) == (0, 1, 0, 9)
    assert await nearest(library, "quokkas smile on an island", limit=1) == ["paper-4"]
    assert [id for id, _ in await library.matching("quokkas", 9)] == ["paper-4"]
    assert "paper-4" not in [id for id, _ in await library.matching("baseline 1004", 1)]
    assert (await library.paper("paper-4")).abstract == changed.abstract


async def test_of_two_records_of_one_paper_the_last_is_kept_with_the_sources_of_both(library: Library) -> None:
    first, last = papers(1)[0], replace(papers(1, note="Corrected.")[0], sources=(Source(path="b.csv", line=3),))
    report = await library.ingest([first, last])
    assert (report.added, report.updated, report.unchanged) == (1, 0, 1)
    assert await library.paper(first.id) == replace(last, sources=(*last.sources, *first.sources))
    again = await library.ingest([first, last])
    assert (again.added, again.updated, again.unchanged) == (0, 0, 2)


async def test_a_known_paper_in_another_file_keeps_both_sources(library: Library) -> None:
    await library.ingest(papers(1))
    elsewhere = replace(papers(1)[0], sources=(Source(path="other.csv", line=2),))
    assert (await library.ingest([elsewhere])).unchanged == 1
    assert [source.path for source in (await library.paper("paper-0")).sources] == ["other.csv", "papers.jsonl"]


async def test_rejected_records_are_reported_and_the_rest_is_stored(library: Library) -> None:
    rejected = RejectedRecord(source="x.jsonl", line=2, reason="no title")
    report = await library.ingest([papers(1)[0], rejected])
    assert (report.added, report.rejected) == (1, (rejected,))


async def test_records_that_end_in_an_error_change_nothing(library: Library) -> None:
    def broken() -> Iterator[Paper]:
        yield from papers(200)
        raise CorpusError("x.jsonl is not UTF-8")

    with pytest.raises(CorpusError):
        await library.ingest(broken())
    assert await library.counts() == Counts(papers=0, chunks=0)


async def test_a_failing_embedder_leaves_what_was_stored_before_usable(tmp_path: Path) -> None:
    async with opened(tmp_path, embedder=FailingEmbedder(calls=1)) as library:
        with pytest.raises(BackendError, match="503"):
            await library.ingest(papers(200))
        stored = (await library.counts()).papers
        assert 0 < stored < 200
        assert await library.matching("baseline 1001", 1) != []
    async with opened(tmp_path) as library:
        assert (await library.ingest(papers(200))).added == 200 - stored


async def test_progress_runs_from_the_known_papers_to_all(library: Library) -> None:
    await library.ingest(papers(10))
    steps: list[tuple[int, int]] = []
    await library.ingest(papers(100), lambda done, total: steps.append((done, total)))
    assert steps == [(10, 100), (42, 100), (74, 100), (100, 100)]


async def test_removed_papers_are_gone_everywhere(library: Library) -> None:
    await library.ingest(papers(9))
    assert await library.remove(["paper-3", "paper-5", "nobody"]) == 2
    assert not {"paper-3", "paper-5"} & set(await nearest(library, "data set", limit=9))
    assert not {"paper-3", "paper-5"} & {id for id, _ in await library.matching("data set", 9)}
    assert await library.stored(["paper-3"]) == {}
    with pytest.raises(NotFoundError, match="'paper-3'"):
        await library.paper("paper-3")
    await library.ingest(papers(9))
    assert "paper-3" in await nearest(library, papers(9)[3].abstract)


async def test_stored_papers_have_exact_offsets_and_unit_vectors(library: Library) -> None:
    await library.ingest(papers(3))
    paper = (await library.stored(["paper-2"]))["paper-2"]
    assert [paper.text(span) for span in paper.chunks] == [piece.text for piece in chunk.split(papers(3)[2])]
    assert paper.text(paper.sentences[0]) == "We study the optimizer of system 2 on data set 14."
    sentence = (await library.embedder.embed([paper.text(paper.sentences[0])]))[0]
    assert float(paper.sentence_vectors[0] @ sentence) == pytest.approx(1, abs=1e-3)
    assert np.linalg.norm(paper.chunk_vectors, axis=1) == pytest.approx(1, abs=1e-3)


async def test_filters_become_the_ids_that_pass(library: Library) -> None:
    await library.ingest([*papers(12), replace(papers(13)[12], year=None)])
    assert await library.allowed(Filters()) is None
    assert await library.allowed(Filters(year_from=2024)) == {"paper-9"}
    assert await library.allowed(Filters(year_to=2015)) == {"paper-0", "paper-10"}
    assert await library.allowed(Filters(year_to=2015, papers=("paper-0", "paper-1"))) == {"paper-0"}
    assert await library.allowed(Filters(papers=("paper-1",))) == {"paper-1"}


@pytest.mark.slow
async def test_only_allowed_papers_are_found_whether_few_or_many(library: Library) -> None:
    await library.ingest(papers(60))
    everything = await nearest(library, "the router of system 10", 60)
    for step in (1, 2, 10, 30):
        allowed = {f"paper-{number}" for number in range(0, 60, step)}
        for limit in (1, 3, 60):
            expected = [id for id in everything if id in allowed][:limit]
            assert await nearest(library, "the router of system 10", limit, allowed) == expected
        assert {id for id, _ in await library.matching("system", 60, allowed)} == allowed
    assert await nearest(library, "anything", 6, set()) == []


async def test_an_empty_library_finds_nothing(library: Library) -> None:
    assert await nearest(library, "anything") == []
    assert await library.matching("anything", 3) == []
    assert await library.counts() == Counts(papers=0, chunks=0)


@pytest.mark.slow
async def test_papers_are_found_while_others_are_ingested(library: Library) -> None:
    await library.ingest(papers(20))
    writing = asyncio.create_task(library.ingest(papers(200)))
    while not writing.done():
        found = await nearest(library, papers(20)[7].abstract, limit=1)
        assert found == ["paper-7"]
        assert [id for id, _ in await library.matching("baseline 1007", 1)] == ["paper-7"]
    assert (await writing).added == 180


async def test_two_ingests_at_once_take_turns(library: Library) -> None:
    reports = await asyncio.gather(library.ingest(papers(30)), library.ingest(papers(30)))
    assert sorted((report.added, report.unchanged) for report in reports) == [(0, 30), (30, 0)]


async def test_a_rebuild_gives_the_same_library_without_embedding(library: Library) -> None:
    await library.ingest(papers(30))
    before = await nearest(library, "the sampler", 30), await library.matching("the sampler", 30)
    library.embedder = embedder = WordsEmbedder()
    assert (await library.rebuild()).papers == 30
    assert embedder.texts == 0
    assert (await nearest(library, "the sampler", 30), await library.matching("the sampler", 30)) == before


async def test_a_rebuild_leaves_one_folder_of_each_index(library: Library, tmp_path: Path) -> None:
    await library.ingest(papers(3))
    (tmp_path / "libraries" / "main" / "chroma" / "interrupted").mkdir()
    await library.rebuild()
    for index in ("chroma", "keywords"):
        assert len(list((tmp_path / "libraries" / "main" / index).iterdir())) == 1


async def test_another_embedder_is_one_clear_error_until_a_rebuild(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await library.ingest(papers(30))
    other = WordsEmbedder(dimension=16, name="others")
    with pytest.raises(LibraryError, match=r"'words', not 'others'; set SCHOLIAST_EMBEDDER=words, or run"):
        await Library.open(tmp_path, "main", other)
    async with opened(tmp_path, embedder=other, repair=True) as library:
        await library.rebuild(embed=True)
    async with opened(tmp_path, embedder=other) as library:
        assert await nearest(library, papers(30)[7].abstract, limit=1) == ["paper-7"]


async def test_vectors_of_another_length_are_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await library.ingest(papers(1))
    async with opened(tmp_path, embedder=WordsEmbedder(dimension=8)) as library:
        with pytest.raises(LibraryError, match="vectors of 8 numbers, library 'main' holds vectors of 32"):
            await library.ingest(papers(2))
        assert (await library.counts()).papers == 1
        for allowed in (None, {"paper-0"}):
            with pytest.raises(LibraryError, match="vectors of 8 numbers"):
                await nearest(library, "anything", 1, allowed)


async def test_an_empty_library_takes_any_embedder(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    async with opened(tmp_path, embedder=WordsEmbedder(dimension=8, name="others")) as library:
        assert (await library.ingest(papers(1))).added == 1


async def test_an_unknown_library_names_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="none yet; `scholiast ingest` makes one"):
        await Library.open(tmp_path, "nowhere", WordsEmbedder())
    async with opened(tmp_path, "main"), opened(tmp_path, "other"):
        pass
    with pytest.raises(NotFoundError, match="no library 'nowhere'; there is 'main', 'other'"):
        await Library.open(tmp_path, "nowhere", WordsEmbedder())
    assert not (tmp_path / "libraries" / "nowhere").exists()


@pytest.mark.parametrize("name", ["", "A", "-a", "a b", "../a", "a/b", "a" * 64, "ä", "a\n"])
async def test_a_name_that_could_leave_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match="can't name a library"):
        await Library.open(tmp_path, name, WordsEmbedder(), create=True)


async def test_a_second_owner_is_refused_until_the_first_closes(library: Library, tmp_path: Path) -> None:
    library.announce("http://127.0.0.1:8000")
    with pytest.raises(LockedError, match=r"http://127\.0\.0\.1:8000"):
        await Library.open(tmp_path, "main", WordsEmbedder())
    library.close()
    async with opened(tmp_path, create=False):
        pass


async def test_libraries_are_listed_and_removed_completely(tmp_path: Path) -> None:
    async with opened(tmp_path, "one") as one, opened(tmp_path, "two") as two:
        await one.ingest(papers(2))
        await two.ingest(papers(1))
        with pytest.raises(LockedError):
            await remove(tmp_path, "one")
    chunks = sum(len(chunk.split(paper)) for paper in papers(2))
    assert (await libraries(tmp_path))[0] == LibrarySummary(name="one", papers=2, chunks=chunks, embedder="words")
    await remove(tmp_path, "one")
    assert [summary.name for summary in await libraries(tmp_path)] == ["two"]
    assert not (tmp_path / "libraries" / "one").exists()
    with pytest.raises(NotFoundError, match="no library 'one'; there is 'two'"):
        await remove(tmp_path, "one")
    async with opened(tmp_path, "one") as one:
        assert await one.counts() == Counts(papers=0, chunks=0)


async def test_a_half_removed_library_can_be_removed(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await library.ingest(papers(2))
    (folder,) = (tmp_path / "libraries" / "main" / "chroma").iterdir()
    (folder / "chroma.sqlite3").write_bytes(b"")
    await remove(tmp_path, "main")
    assert await libraries(tmp_path) == []


async def test_a_new_library_ignores_what_is_in_its_folder(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await library.ingest(papers(9))
    catalog = Catalog(tmp_path)
    catalog.drop("main")
    catalog.close()
    async with opened(tmp_path) as library:
        await library.ingest(papers(1))
        assert await nearest(library, "anything", 9) == ["paper-0"]
        assert len(await library.matching("system", 9)) == 1


async def test_a_keyword_index_that_can_not_be_written_is_recreated(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    await library.ingest(papers(9))
    apply, refusals = KeywordIndex.apply, ["FileAlreadyExists"]

    def refuse_once(self: KeywordIndex, new: Iterable[Paper], removed: Iterable[str], revision: int) -> None:
        if refusals:
            raise LibraryError(refusals.pop())
        apply(self, new, removed, revision)

    monkeypatch.setattr(KeywordIndex, "apply", refuse_once)
    await library.ingest(papers(12))
    assert len(await library.matching("system", 99)) == 12


@pytest.fixture
def chroma_server(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [
        sys.executable,
        "-c",
        "from chromadb.cli.cli import app; app()",
        "run",
        "--path",
        str(tmp_path / "server"),
    ]
    with subprocess.Popen([*command, "--port", port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        while server.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", int(port))):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        server.kill()


@pytest.mark.slow
async def test_with_a_chroma_server_two_owners_see_each_others_papers(tmp_path: Path, chroma_server: str) -> None:
    server = vector_indexes.store("chroma", chroma_server)
    one = await Library.open(tmp_path, "main", WordsEmbedder(), "", server, create=True)
    two = await Library.open(tmp_path, "main", WordsEmbedder(), "", server)
    await one.ingest(papers(20))
    assert await nearest(two, papers(9)[7].abstract, limit=1) == ["paper-7"]
    assert len(await two.matching("system", 99)) == 20
    await two.remove(["paper-7"])
    await one.rebuild()
    await one.rebuild(embed=True)
    for library in (one, two):
        assert "paper-7" not in await nearest(library, papers(9)[7].abstract, limit=20)
        assert len(await library.matching("system", 99)) == 19
        library.close()
    await remove(tmp_path, "main", "", server)


async def test_indexes_behind_the_catalog_catch_up_on_opening(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await library.ingest(papers(9))
        stored = (await library.stored(["paper-3"]))["paper-3"]
    catalog = Catalog(tmp_path)
    catalog.remove("main", ["paper-1"])
    catalog.write("main", [replace(stored, paper=replace(stored.paper, id="new"))])
    catalog.close()
    async with opened(tmp_path, create=False) as library:
        found = set(await nearest(library, papers(9)[3].abstract, 9))
        assert found == {id for id, _ in await library.matching("system", 9)}
        assert "new" in found and "paper-1" not in found
