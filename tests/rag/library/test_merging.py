"""Records of one work are one paper with all their ids, whatever the order, and a merge can be taken back."""

import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.database import FILE
from rag.errors import LibraryError, NotFoundError, RequestError
from rag.library import works
from rag.library.library import Library
from rag.types import Filters, IngestReport, Paper, Source
from tests.support.stand_ins import WordsEmbedder, papers

SHORT = "Coffee shortens the sleep of adults by forty minutes."
LONG = f"{SHORT} Tea shortens it less, by ten minutes. We asked ninety adults during one winter."
PREPRINT = Paper(
    id="arxiv:2301.00001", title="Coffee and the sleep of adults", abstract=LONG, year=2023,
    authors=("Ada Lovelace", "Bo Chen"), venue="arXiv", arxiv_id="2301.00001",
    sources=(Source(path="arxiv.json", line=1),),
)  # fmt: skip
PUBLISHED = Paper(
    id="doi:10.5555/sleep.7", title="Coffee and the Sleep of Adults.", abstract=LONG.replace("ninety", "ninety-one"),
    year=2024, authors=("Lovelace, Ada",), venue="Journal of Sleep", doi="10.5555/sleep.7",
    sources=(Source(path="crossref.json", line=1),),
)  # fmt: skip
PUBMED = replace(
    PUBLISHED, id="pmid:777", pmid="777", abstract=SHORT, venue=None, keywords=("sleep",),
    sources=(Source(path="pubmed.nbib", line=1),),
)  # fmt: skip
TITLE_ONLY = Paper(
    id="title:0123456789abcdef", title="Coffee and the sleep of adults", abstract=SHORT,
    sources=(Source(path="list.csv", line=2),),
)  # fmt: skip
OPENALEX = replace(
    PUBLISHED, ids=("openalex.org/W7",), language="en", abstract=SHORT, sources=(Source(path="works.jsonl", line=1),)
)
EVERY = (PREPRINT, PUBLISHED, PUBMED, TITLE_ONLY, OPENALEX)
OTHER_WORK = Paper(
    id="doi:10.5555/other", title=PUBLISHED.title, abstract="Mice run in wheels of steel at night.", year=2023,
    authors=("Zoe Okafor",), doi="10.5555/other", sources=(Source(path="other.csv", line=2),),
)  # fmt: skip


@asynccontextmanager
async def opened(home: Path) -> AsyncIterator[Library]:
    library = await Library.open(home, "main", WordsEmbedder(), create=True)
    try:
        yield library
    finally:
        library.close()


def in_database(home: Path, *statements: str) -> None:
    with closing(sqlite3.connect(home / FILE)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


async def ingest(library: Library, *records: Paper) -> IngestReport:
    return await library.ingest(records)


def grouped(records: Iterable[Paper], apart: works.Pairs = frozenset()) -> list[list[str]]:
    return [[record.id for record in found] for found in works.group(records, apart)]


def editorial(id: str, author: str, year: int | None = 2020) -> Paper:
    return Paper(id=id, title="Editorial", abstract=f"{author} opens this issue.", authors=(author,), year=year)


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        pytest.param(PREPRINT, PUBLISHED, True, id="a preprint and the published version, by title"),
        pytest.param(PREPRINT, replace(PREPRINT, abstract=SHORT), True, id="two versions of a preprint"),
        pytest.param(PUBLISHED, PUBMED, True, id="a DOI and a PMID with that DOI"),
        pytest.param(PUBLISHED, OPENALEX, True, id="a DOI from two files"),
        pytest.param(PUBLISHED, TITLE_ONLY, True, id="only a title"),
        pytest.param(PUBLISHED, replace(PUBLISHED, id="doi:10.1101/2023.01.01.522222", doi="10.1101/2023.01.01.522222"),
                     True, id="the DOI of a preprint server"),
        pytest.param(PUBLISHED, replace(PUBLISHED, id="own-1", doi=None, ids=("openalex.org/W7",)), True,
                     id="an id of a file's own, the same author and title"),
        pytest.param(PUBLISHED, replace(PUBLISHED, id="doi:10.5555/erratum", doi="10.5555/erratum"), False,
                     id="one title, two DOIs"),
        pytest.param(PREPRINT, replace(PREPRINT, id="arxiv:2001.00009", arxiv_id="2001.00009"), False,
                     id="one title, two arXiv numbers"),
        pytest.param(PREPRINT, OTHER_WORK, False, id="one title, other authors"),
        pytest.param(PREPRINT, replace(PUBLISHED, year=2009), False, id="one title, years apart"),
        pytest.param(PUBLISHED, replace(PUBMED, title="Wind on long bridges"), False, id="one DOI, two works"),
        pytest.param(TITLE_ONLY, replace(TITLE_ONLY, id="own-1", abstract="Mice run in wheels of steel."), False,
                     id="only a title, and nothing else alike"),
        pytest.param(editorial("a", "Ada Lovelace"), editorial("b", "Zoe Okafor"), False, id="two editorials"),
        pytest.param(editorial("a", "Ada Lovelace"), editorial("b", "Ada Lovelace", 2021), False,
                     id="two editorials of one author"),
        pytest.param(editorial("a", "Ada Lovelace"), editorial("b", "Ada Lovelace", None), False,
                     id="an editorial without a year"),
    ],
)  # fmt: skip
def test_which_records_are_of_one_work(one: Paper, other: Paper, are_one: bool) -> None:
    assert (len(grouped([one, other])) == 1) is are_one
    assert (len(grouped([other, one])) == 1) is are_one


def test_a_title_of_two_works_joins_neither_where_it_is_not_clear_of_which() -> None:
    second = replace(PUBLISHED, id="doi:10.5555/second", doi="10.5555/second")
    assert grouped([PUBLISHED, second, TITLE_ONLY]) == [[second.id], [PUBLISHED.id], [TITLE_ONLY.id]]


def test_a_merged_paper_has_the_best_of_each_record() -> None:
    merged = works.merge(EVERY)
    assert (merged.id, merged.doi, merged.pmid, merged.arxiv_id) == (
        "arxiv:2301.00001", "10.5555/sleep.7", "777", "2301.00001",
    )  # fmt: skip
    assert merged.abstract == PUBLISHED.abstract  # published, and whole, unlike PubMed's
    assert (merged.year, merged.venue, merged.keywords, merged.language) == (2024, "Journal of Sleep", ("sleep",), "en")
    assert merged.ids == ("openalex.org/W7", TITLE_ONLY.id)
    assert [source.path for source in merged.sources] == sorted(record.sources[0].path for record in EVERY)


def test_a_published_abstract_that_was_cut_short_gives_way() -> None:
    assert works.merge([PREPRINT, replace(PUBLISHED, abstract="Coffee shortens the")]).abstract == PREPRINT.abstract


@given(st.permutations([*EVERY, OTHER_WORK, editorial("a", "Ada Lovelace"), editorial("b", "Zoe Okafor")]))
def test_the_order_of_records_does_not_matter(records: Sequence[Paper]) -> None:
    merged = sorted((works.merge(found) for found in works.group(records)), key=lambda paper: paper.id)
    assert [paper.id for paper in merged] == ["a", "arxiv:2301.00001", "b", "doi:10.5555/other"]
    assert merged[1] == works.merge(EVERY)


async def test_the_report_says_what_was_merged_and_why(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        report = await ingest(library, PREPRINT, PUBLISHED, PUBMED)
        assert (report.added, report.updated, report.unchanged, report.papers) == (1, 0, 2, 1)
        told = [(found.into, found.record, found.source, found.because) for found in report.merged]
        assert told == [
            (PREPRINT.id, PUBLISHED.id, "crossref.json", "same id 'doi:10.5555/sleep.7'"),
            (PREPRINT.id, PUBMED.id, "pubmed.nbib", "same id 'doi:10.5555/sleep.7'"),
        ]


async def test_one_file_after_the_other_in_any_order_is_the_same_library_and_again_changes_nothing(
    tmp_path: Path,
) -> None:
    found = set()
    for number, order in enumerate([*permutations((PREPRINT, PUBMED, TITLE_ONLY)), (OTHER_WORK, *EVERY), EVERY[::-1]]):
        async with opened(tmp_path / str(number)) as library:
            for record in order:
                await ingest(library, record)
            for record in order:
                again = await ingest(library, record)
                assert (again.added, again.updated, again.unchanged, again.merged) == (0, 0, 1, ())
            stored = await library.papers()
            assert [paper for paper in stored if paper.id != OTHER_WORK.id] == [
                works.merge([record for record in order if record != OTHER_WORK])
            ]
            found.add(tuple(paper.id for paper in stored))
    assert found == {(PREPRINT.id,), (PREPRINT.id, OTHER_WORK.id)}


async def test_every_old_id_finds_the_merged_paper(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        for record in EVERY:
            await ingest(library, record)
        for id in ("10.5555/SLEEP.7", "https://doi.org/10.5555/sleep.7", "pmid:777", "openalex.org/W7", TITLE_ONLY.id):
            assert (await library.paper(id)).id == PREPRINT.id
            assert await library.allowed(Filters(papers=(id,))) == {PREPRINT.id}
        with pytest.raises(NotFoundError):
            await library.paper("pmid:778")
        assert [id for id, _ in await library.matching("coffee sleep", 9)] == [PREPRINT.id]


async def test_a_record_that_links_two_stored_papers_makes_one_of_them(tmp_path: Path) -> None:
    stranger = replace(PUBMED, title="Der Schlaf nach Kaffee", doi=None, authors=(), keywords=())
    link = replace(PUBLISHED, title="Coffee and the sleep of adults: Der Schlaf nach Kaffee", pmid="777")
    async with opened(tmp_path) as library:
        assert (await ingest(library, PREPRINT, stranger)).papers == 2
        report = await ingest(library, PUBLISHED, replace(link, sources=(Source(path="link.csv", line=2),)))
        assert (report.papers, report.added, report.chunks) == (1, 0, (await library.counts()).chunks)
        assert (await library.paper("pmid:777")).id == PREPRINT.id
        assert await library.matching("kaffee schlaf", 9) == [] or (await library.papers())[0].id == PREPRINT.id


async def test_a_record_that_changes_in_its_file_changes_the_merged_paper(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await ingest(library, PREPRINT, PUBLISHED)
        report = await ingest(library, replace(PUBLISHED, venue="Sleep and Coffee"))
        assert (report.updated, report.merged) == (1, ())
        assert (await library.paper(PUBLISHED.id)).venue == "Sleep and Coffee"


async def test_records_of_one_id_in_one_file_are_merged_and_replaced_together(tmp_path: Path) -> None:
    first = replace(PUBLISHED, venue=None)
    second = replace(PUBLISHED, abstract=SHORT, sources=(Source(path="crossref.json", line=2),))
    async with opened(tmp_path) as library:
        for records in ((first, second), (second, first)):
            report = await ingest(library, *records)
            (paper,) = await library.papers()
            assert (paper.abstract, paper.venue, len(paper.sources)) == (first.abstract, PUBLISHED.venue, 2)
        assert (report.added, report.updated, report.unchanged, report.merged) == (0, 0, 2, ())
        corrected = replace(second, abstract=f"{SHORT} Corrected.")
        assert (await ingest(library, corrected)).updated == 1
        assert await library.papers() == [corrected]


async def test_a_split_gives_back_the_papers_and_the_next_ingest_leaves_them(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await ingest(library, PREPRINT, PUBLISHED)
        assert await library.split(PUBLISHED.id) == [PREPRINT, PUBLISHED]
        assert await library.papers() == [PREPRINT, PUBLISHED]
        again = await ingest(library, PREPRINT, PUBLISHED)
        assert (again.unchanged, again.papers, again.merged) == (2, 2, ())
        changed = await ingest(library, replace(PREPRINT, abstract=f"{LONG} Corrected."), PUBMED)
        assert (changed.updated, changed.papers) == (2, 2)
        assert (await library.paper("pmid:777")).id == PUBLISHED.id
        assert sorted(id for id, _ in await library.matching("coffee sleep", 9)) == [PREPRINT.id, PUBLISHED.id]


async def test_a_paper_of_one_record_can_not_be_split(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await ingest(library, PREPRINT)
        with pytest.raises(RequestError, match="nothing to split"):
            await library.split(PREPRINT.id)


async def test_a_merged_paper_survives_embedding_again_and_is_removed_as_a_whole(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await ingest(library, *EVERY)
        await library.rebuild(embed=True)
        assert (await ingest(library, *EVERY)).unchanged == 5
        assert await library.remove([PREPRINT.id]) == 1
        assert await library.resolve([record.id for record in EVERY]) == {}
        assert (await ingest(library, PUBMED)).added == 1


async def test_a_library_of_an_earlier_version_learns_the_ids_of_its_papers(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await ingest(library, PUBLISHED, *papers(3))
    in_database(
        tmp_path,
        *(f"DROP TABLE {table}" for table in ("paper_keys", "merged_records", "split_pairs")),
        "ALTER TABLE libraries DROP COLUMN keyed_revision",
        "ALTER TABLE papers DROP COLUMN ids",
    )
    async with opened(tmp_path) as library:
        report = await ingest(library, PREPRINT, PUBLISHED, *papers(3))
        assert (report.papers, report.added, report.updated, report.unchanged) == (4, 0, 1, 4)


async def test_a_merge_that_fails_half_way_leaves_everything_as_it_was(tmp_path: Path) -> None:
    async with opened(tmp_path) as library:
        await ingest(library, PUBLISHED)
        in_database(
            tmp_path, "CREATE TRIGGER full BEFORE INSERT ON merged_records BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        with pytest.raises(LibraryError, match="full"):
            await ingest(library, PREPRINT)
        in_database(tmp_path, "DROP TRIGGER full")
        assert await library.papers() == [PUBLISHED]
        assert (await library.paper("10.5555/sleep.7")).id == PUBLISHED.id
        assert (await ingest(library, PREPRINT, PUBLISHED)).papers == 1
