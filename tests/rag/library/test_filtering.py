"""The filters of a question choose the same papers as a look at every paper, whatever the library's history."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from rag.library.filtering import Selection
from rag.library.library import Library
from rag.text.names import is_same_person, is_same_venue
from rag.types import Filters, Paper
from tests.support.stand_ins import WordsEmbedder, papers

VENUES = ("Journal of Tides", "Proc. NeurIPS", "Annals of Örebro", "")
PEOPLE = ("Moe, Ann", "Ann Moe", "B. Moe", "Rae Lindström", "Lindstrom, Q.", "Wang, Wei")
FILTERS = (
    Filters(year_from=2019),
    Filters(year_to=2016),
    Filters(year_from=2017, year_to=2018),
    Filters(venues=("neurips",)),
    Filters(venues=("tides", "orebro"), year_from=2017),
    Filters(authors=("A. Moe",)),
    Filters(authors=("A. Moe", "C. Moe")),
    Filters(authors=("Lindstrom", "Wei Wang"), venues=("journal of tides",)),
    Filters(authors=("nobody",)),
    Filters(authors=("…",), venues=("tides",)),
)


def passes(paper: Paper, filters: Filters) -> bool:
    year = paper.year
    return (
        (filters.year_from is None or (year is not None and year >= filters.year_from))
        and (filters.year_to is None or (year is not None and year <= filters.year_to))
        and (not filters.venues or any(is_same_venue(said, paper.venue or "") for said in filters.venues))
        and (not filters.authors or any(is_same_person(a, name) for a in filters.authors for name in paper.authors))
    )


def varied(chance: random.Random, paper: Paper) -> Paper:
    year = chance.choice((None, 2015, 2016, 2017, 2018, 2019))
    return replace(paper, year=year, venue=chance.choice(VENUES), authors=tuple(chance.sample(PEOPLE, 2)))


@pytest.mark.parametrize("seed", range(3))
async def test_filters_choose_what_a_look_at_every_paper_would(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    library = await Library.open(tmp_path, "main", WordsEmbedder(), create=True)
    held: dict[str, Paper] = {}
    for _ in range(6):
        came = [varied(chance, paper) for paper in chance.sample(papers(60), 25)]
        await library.ingest(came)
        held |= {paper.id: paper for paper in came}
        gone = chance.sample(sorted(held), 8)
        await library.remove(gone)
        for id in gone:
            del held[id]
        for filters in FILTERS:
            expected = {id for id, paper in held.items() if passes(paper, filters)}
            found = await library.allowed(filters)
            assert found is not None
            assert (set(found), len(found)) == (expected, len(expected))
            assert all((id in found) == (id in expected) for id in [*held, *gone, "nobody"])
    library.close()


async def test_of_hundreds_of_ids_each_names_its_paper_whatever_kind_it_is(tmp_path: Path) -> None:
    library = await Library.open(tmp_path, "main", WordsEmbedder(), create=True)
    await library.ingest([replace(paper, doi=f"10.5555/{number}") for number, paper in enumerate(papers(40))])
    await library.remove(["paper-3"])
    ids = ("paper-1", "paper-3", "https://doi.org/10.5555/7", "10.5555/1", *(f"no-such-{n}" for n in range(600)))
    assert await library.allowed(Filters(papers=ids)) == {"paper-1", "paper-7"}
    assert await library.allowed(Filters(papers=ids[:1] + ids[4:])) == {"paper-1"}
    assert await library.allowed(Filters(papers=ids[4:])) == set()
    library.close()


async def test_what_comes_after_a_choice_is_not_part_of_it(tmp_path: Path) -> None:
    library = await Library.open(tmp_path, "main", WordsEmbedder(), create=True)
    await library.ingest(papers(10))
    chosen = await library.allowed(Filters(year_from=1))
    await library.ingest(papers(20))
    assert chosen == {paper.id for paper in papers(10)}
    assert isinstance(chosen, Selection)
    assert "paper-15" not in chosen
    assert await library.allowed(Filters(year_from=1)) == {paper.id for paper in papers(20)}
    library.close()


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
async def test_a_choice_of_any_size_ranks_as_the_whole_without_the_others(tmp_path: Path, share: float) -> None:
    library = await Library.open(tmp_path, "main", WordsEmbedder(), create=True)
    await library.ingest(papers(300))
    chosen = set(random.Random(1).sample([paper.id for paper in papers(300)], int(share * 300)))
    question = "the optimizer of system 12 and an ablation"
    everything = await library.matching(question, 300)
    assert await library.matching(question, 5, chosen) == [hit for hit in everything if hit[0] in chosen][:5]
    vector = (await library.embedder.embed([question]))[0]
    everything = await library.nearest(vector, 300)
    expected = dict([hit for hit in everything if hit[0] in chosen][:5])
    assert dict(await library.nearest(vector, 5, chosen)) == pytest.approx(expected, abs=1e-3)
    library.close()
