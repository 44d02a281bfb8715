"""A library ranks by the papers that it holds now: not by those it once held, nor by the order in which they came."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rag.library.catalog import Catalog
from rag.library.dense import Hits
from rag.library.keyword_index import SPARE_HITS, KeywordIndex
from rag.library.library import Library
from rag.types import Paper
from tests.support.stand_ins import WordsEmbedder, papers

QUESTIONS = (
    "the tokenizer of system 12",
    "which router keeps the accuracy?",
    "baseline 1020 quokka",
    "an ablation of the retreiver",  # misspelt: which spelling is guessed depends on the words that are there
    "corrected code is released",
)
_WORDS = "memory speed bias recall quokka wombat numbat setting data system planner router".split()  # noqa: SIM905


def _random_papers(chance: random.Random, count: int) -> list[Paper]:
    """Of lengths from a few words to some hundreds, many of them with words in common, some equal."""
    texts = [" ".join(chance.choices(_WORDS, k=chance.choice((3, 30, 60, 300)))) for _ in range(count)]
    return [
        Paper(id=f"p{number}", title=chance.choice(_WORDS), abstract=chance.choice(texts)) for number in range(count)
    ]


@pytest.mark.parametrize("seed", range(8))
def test_an_index_of_any_history_scores_as_one_built_in_one_go(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    lived, held = KeywordIndex(tmp_path / "lived", "main"), dict[str, Paper]()
    for revision in range(1, 12):
        came = chance.sample(_random_papers(chance, 400), chance.randint(0, 120))
        gone = chance.sample(sorted(held), len(held) // 3)
        held = {id: paper for id, paper in held.items() if id not in gone} | {paper.id: paper for paper in came}
        lived.apply(came, gone, revision)
    fresh = KeywordIndex(tmp_path / "fresh", "main")
    fresh.apply(chance.sample(list(held.values()), len(held)), (), 1)
    for question in [*QUESTIONS, *(" ".join(chance.sample(_WORDS, 3)) for _ in range(20)), *_WORDS]:
        assert lived.search(question, 10) == fresh.search(question, 10)
        assert lived.search(question, 100, sorted(held)[::2]) == fresh.search(question, 100, sorted(held)[::2])
    assert lived.idf(_WORDS) == fresh.idf(_WORDS)
    assert lived.differing(held.values()) == []


def test_of_more_equal_papers_than_are_proposed_at_first_the_first_ids_come(tmp_path: Path) -> None:
    count = 5 * (10 + SPARE_HITS)
    index = KeywordIndex(tmp_path, "main")
    index.apply([Paper(id=f"moth{count - n:04}", title="Moth", abstract="") for n in range(count)], (), 1)
    assert [id for id, _ in index.search("moth", 10)] == [f"moth{n:04}" for n in range(1, 11)]


async def _rankings(library: Library) -> list[Hits]:
    vectors = await library.embedder.embed(QUESTIONS)
    dense = [await library.nearest(vector, 10) for vector in vectors]
    return [*dense, *[await library.matching(question, 10) for question in QUESTIONS]]


async def _built_in_one_go(home: Path, lived: Library) -> Library:
    """A new library with the papers of another one, in another order."""
    (await Library.open(home, "main", WordsEmbedder(), create=True)).close()
    ids = [paper.id for paper in await lived.papers(0, 1000)]
    stored = await lived.stored(ids)
    catalog = Catalog(home)
    catalog.update("main", dimension=32)
    catalog.write("main", [stored[id] for id in random.Random(1).sample(ids, len(ids))])
    catalog.close()
    return await Library.open(home, "main", WordsEmbedder())


async def _live(library: Library, chance: random.Random) -> None:
    """Something that happens to a library."""
    ids = [paper.id for paper in await library.papers(0, 1000)]
    some = papers(chance.randint(1, 30), first=chance.randint(0, 60), note=chance.choice(("", "Corrected.")))
    happenings: Sequence[str] = ("ingest", "ingest", "remove", "merge", "split", "rebuild", "embed")
    match chance.choice(happenings):
        case "ingest":
            await library.ingest(some)
        case "remove":
            await library.remove(chance.sample(ids, len(ids) // 3))
        case "merge":
            # One work under two ids, by its DOI.
            await library.ingest([replace(some[0], id=f"{id}-{some[0].id}", doi="10.1000/77") for id in ("a", "b")])
        case "split":
            for id in ids:
                if len((await library.paper(id)).ids) > 1:
                    await library.split(id)
        case "rebuild":
            await library.rebuild()
        case "embed":
            await library.rebuild(embed=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_a_library_of_any_history_ranks_as_one_built_in_one_go(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    lived = await Library.open(tmp_path / "lived", "main", WordsEmbedder(), create=True)
    await lived.ingest(papers(40))
    for _ in range(8):
        await _live(lived, chance)
    fresh = await _built_in_one_go(tmp_path / "fresh", lived)
    for one, other in zip(await _rankings(lived), await _rankings(fresh), strict=True):
        assert [id for id, _ in one] == [id for id, _ in other]
        assert dict(one) == pytest.approx(dict(other), abs=2e-6)  # cosines have six digits, of which the last may vary
    for question in QUESTIONS:
        assert await lived.matching(question, 10) == await fresh.matching(question, 10)
    lived.close()
    fresh.close()
