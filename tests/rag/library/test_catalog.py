"""The catalog stores papers with their sources, completely or not at all, and counts every change."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.database import FILE, Database
from rag.errors import ConfigError, LibraryError, how_to_make_room
from rag.library.catalog import Catalog, Counts
from rag.library.schema import LibraryRow
from rag.types import Paper, Source, Span, StoredPaper
from tests.support.stand_ins import papers

ROW = LibraryRow(
    name="main",
    embedder="words",
    dimension=2,
    chunker="whole",
    schema_version=1,
    revision=0,
    generation="one",
    chroma_revision=0,
)


def stored(paper: Paper) -> StoredPaper:
    spans = (Span(0, 4), Span(5, 9))
    vectors = np.array([[0.6, 0.8], [1, 0]], np.float32)
    return StoredPaper(paper=paper, chunks=spans, chunk_vectors=vectors, sentences=spans, sentence_vectors=vectors)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path)
    catalog.create(ROW)
    yield catalog
    catalog.close()


def test_a_paper_comes_back_as_it_was_stored(catalog: Catalog) -> None:
    (paper,) = papers(1)
    catalog.write("main", [stored(paper)])
    found = catalog.stored("main", [paper.id, "nobody"])[paper.id]
    assert found.paper == paper
    assert found.chunks == (Span(0, 4), Span(5, 9))
    assert found.text(found.sentences[0]) == "We s"
    assert found.sentence_vectors == pytest.approx(np.array([[0.6, 0.8], [1, 0]]), abs=1e-3)
    assert catalog.by_id("main", [paper.id]) == {paper.id: paper}


def test_a_paper_that_was_read_lately_is_as_the_catalog_has_it_now(catalog: Catalog, tmp_path: Path) -> None:
    first, second, third = papers(3)
    catalog.write("main", [stored(first), stored(second), stored(third)])
    read = catalog.stored("main", [first.id, second.id, third.id])
    assert catalog.stored("main", [first.id])[first.id] is read[first.id]
    other = Catalog(tmp_path)
    retitled = replace(first, title="Another title")
    other.write("main", [stored(retitled)])
    other.add_sources("main", {second.id: [Source(path="more.jsonl", line=7)]})
    other.remove("main", [third.id])
    found = catalog.stored("main", [first.id, second.id, third.id])
    assert (found[first.id].paper, set(found)) == (retitled, {first.id, second.id})
    assert Source(path="more.jsonl", line=7) in found[second.id].paper.sources
    again = replace(stored(retitled), sentence_vectors=np.array([[0, 1], [1, 0]], np.float32))
    other.stage("main", "others", [again])
    other.stage("main", "others", [stored(second)])
    other.adopt("main", "others", "two", other.library("main").revision)  # type: ignore[union-attr]  # it is there
    assert np.array_equal(catalog.stored("main", [first.id])[first.id].sentence_vectors, again.sentence_vectors)
    other.close()


def test_every_field_of_a_paper_is_stored(catalog: Catalog) -> None:
    (paper,) = papers(1)
    whole = replace(
        paper,
        doi="10.5555/otter.1",
        pmid="90000001",
        arxiv_id="2101.00001",
        keywords=("otters", "rivers"),
        language="en",
        publication_type="Review",
        raw_abstract="<p>We swim.</p>",
    )
    catalog.write("main", [stored(whole)])
    assert catalog.by_id("main", [paper.id]) == {paper.id: whole}


def test_a_database_of_the_former_version_opens_with_its_papers(tmp_path: Path) -> None:
    (paper,) = papers(1)
    before = Catalog(tmp_path)
    before.create(ROW)
    before.write("main", [stored(paper)])
    before.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        for column in ("doi", "pmid", "arxiv_id", "keywords", "language", "publication_type", "raw_abstract"):
            database.execute(f"ALTER TABLE papers DROP COLUMN {column}")
    with closing(Catalog(tmp_path)) as after:
        assert after.by_id("main", [paper.id]) == {paper.id: paper}
        assert after.hashes("main", [paper.id]) == {paper.id: paper.content_hash}


def test_every_change_gets_the_next_revision(catalog: Catalog) -> None:
    first, second = papers(2)
    catalog.write("main", [stored(first), stored(second)])
    catalog.write("main", [stored(replace(second, title="Another"))])
    catalog.remove("main", [first.id])
    changes = catalog.changes("main", after=1, upto=3)
    assert [paper.paper.title for paper in changes.papers] == ["Another"]
    assert changes.removed == [first.id]
    assert catalog.library("main") == replace(ROW, revision=3)


def test_a_paper_that_is_stored_again_is_no_longer_removed(catalog: Catalog) -> None:
    (paper,) = papers(1)
    catalog.write("main", [stored(paper)])
    assert catalog.remove("main", [paper.id, "nobody"]) == 1
    catalog.write("main", [stored(paper)])
    assert catalog.changes("main", after=0, upto=9).removed == []


def test_sources_are_merged_and_a_file_read_again_replaces_its_own(catalog: Catalog) -> None:
    (paper,) = papers(1)
    catalog.write("main", [stored(paper)])
    catalog.add_sources("main", {paper.id: [Source(path="b.csv", line=7)]})
    catalog.add_sources("main", {paper.id: [Source(path="b.csv", line=9)]})
    catalog.write("main", [stored(replace(paper, title="Another", sources=()))])
    (found,) = catalog.papers("main", 0, 10)
    assert found.sources == (Source(path="b.csv", line=9), Source(path="papers.jsonl", line=1))


def test_papers_are_counted_and_paged(catalog: Catalog) -> None:
    catalog.write("main", [stored(paper) for paper in papers(12)] + [stored(replace(papers(13)[12], year=None))])
    assert catalog.counts("main") == Counts(papers=13, chunks=26)
    assert [paper.id for paper in catalog.papers("main", 1, 3)] == ["paper-1", "paper-10", "paper-11"]


@pytest.mark.slow
def test_more_ids_than_fit_into_a_statement_can_be_used(catalog: Catalog) -> None:
    many = [stored(paper) for paper in papers(1200)]
    catalog.write("main", many)
    assert len(catalog.stored("main", [paper.paper.id for paper in many])) == 1200
    assert catalog.revision_after("main", 0, 1000) == 1
    assert catalog.remove("main", [paper.paper.id for paper in many]) == 1200


def test_a_failed_change_changes_nothing(catalog: Catalog) -> None:
    paper, *_ = papers(1)
    with pytest.raises(LibraryError):
        catalog.write("main", [stored(paper), stored(paper)])
    assert catalog.counts("main") == Counts(papers=0, chunks=0)
    assert catalog.library("main") == ROW


def test_dropping_a_library_deletes_everything_of_it_and_nothing_else(catalog: Catalog) -> None:
    catalog.create(replace(ROW, name="other"))
    for name in ("main", "other"):
        catalog.write(name, [stored(paper) for paper in papers(2)])
        catalog.remove(name, ["paper-1"])
    catalog.drop("main")
    assert [row.name for row in catalog.libraries()] == ["other"]
    assert catalog.counts("main") == Counts(papers=0, chunks=0)
    assert catalog.counts("other").papers == 1


def test_two_connections_to_one_file_take_turns(catalog: Catalog, tmp_path: Path) -> None:
    other = Catalog(tmp_path)
    catalog.write("main", [stored(papers(1)[0])])
    other.write("main", [stored(papers(2)[1])])
    other.close()
    assert catalog.counts("main").papers == 2


def test_a_damaged_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(LibraryError, match="file is not a database; restore it from a backup"):
        Catalog(tmp_path)


def test_a_damaged_page_is_found_by_the_check(catalog: Catalog, tmp_path: Path) -> None:
    catalog.write("main", [stored(paper) for paper in papers(200)])
    catalog.close()
    content = bytearray((tmp_path / FILE).read_bytes())
    content[8192 : len(content) - 4096] = bytes(len(content) - 12288)
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(LibraryError, match="restore it from a backup"):
        Catalog(tmp_path).check()


@pytest.mark.parametrize("url", ["nonsense", "nosuchbase://x/y", "mysql+nodriver://x/y"])
def test_a_url_that_can_not_be_used_is_one_clear_error(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="SCHOLIAST_DATABASE_URL"):
        Catalog(tmp_path, url)


def test_a_full_disk_is_not_called_damage(tmp_path: Path) -> None:
    database = Database(tmp_path)
    with database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LibraryError, match="the disk is full: free some disk space and try again; nothing is damaged"):  # noqa: SIM117
        with database.writing() as connection:
            connection.exec_driver_sql("CREATE TABLE more AS SELECT hex(zeroblob(100000)) AS text")


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("No space left on device (os error 28)", "disk space"),
        ("Too many open files (os error 24)", "ulimit -n"),
        ("Cannot allocate memory (os error 12)", "memory"),
        ("database disk image is malformed", ""),
    ],
)
def test_what_the_machine_lacks_is_told_by_its_name(reason: str, remedy: str) -> None:
    assert remedy in how_to_make_room(reason)
    assert bool(how_to_make_room(reason)) == bool(remedy)
