"""The two rankings become one, in which each paper stands once, with the part of its abstract that matched."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import BackendError
from rag.retrieval import DENSE_SHARE, MAX_PASSAGE_CHARACTERS, RERANKED, STRONG_COSINE, HybridRetriever, fuse
from rag.types import Filters, Paper, Passage
from rag.workspace import DEFAULT_LIBRARY, open_library
from tests.conftest import settings
from tests.support.stand_ins import WordsEmbedder, papers

TEA = Paper(
    id="tea",
    title="Steeping Green Tea",
    abstract="Green tea turns bitter in boiling water. We steep forty cups of it. Seventy degrees taste best.",
    year=2021,
    authors=("Ann Moe", "Bo Lind"),
    venue="Journal of Hot Drinks",
)
COFFEE = Paper(
    id="coffee",
    title="Roasting Coffee in Drums",
    abstract="Coffee roasts in a drum at two hundred degrees. The drum turns slowly, and no bean burns.",
    year=2023,
    authors=("Lind, B.",),
    venue="Proc. Drums 2023",
)
WHALES = Paper(
    id="whales",
    title="How Far Whale Song Travels",
    abstract="Whale song was heard through eight hydrophones. It travels a thousand kilometres in cold water.",
)
CORPUS = (TEA, COFFEE, WHALES)

scores = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0.01, 50))


@pytest.fixture
async def retriever(tmp_path: Path) -> AsyncIterator[HybridRetriever]:
    library = await open_library(settings(tmp_path), DEFAULT_LIBRARY, WordsEmbedder(512), create=True)
    await library.ingest(CORPUS)
    yield HybridRetriever(library, library.embedder)
    library.close()


async def put(retriever: HybridRetriever, *papers: Paper) -> None:
    await retriever._library.ingest(papers)


def ids(passages: list[Passage]) -> list[str]:
    return [passage.paper.id for passage in passages]


async def test_the_paper_that_the_question_is_about_comes_first(retriever: HybridRetriever) -> None:
    assert ids(await retriever.retrieve("Which water is best for green tea?", 3))[0] == "tea"
    assert ids(await retriever.retrieve("how far does the song of a whale travel", 3))[0] == "whales"


async def test_papers_are_numbered_from_the_best_each_once(retriever: HybridRetriever) -> None:
    found = await retriever.retrieve("Which drum roasts coffee?", 3)
    assert [passage.number for passage in found] == [1, 2, 3]
    assert sorted(ids(found)) == sorted(paper.id for paper in CORPUS)
    assert [passage.score for passage in found] == sorted((passage.score for passage in found), reverse=True)
    assert 0 <= found[-1].score < found[0].score <= 1


async def test_no_more_papers_come_than_were_asked_for(retriever: HybridRetriever) -> None:
    assert [len(await retriever.retrieve("water", limit)) for limit in (1, 2, 50)] == [1, 2, 3]


async def test_a_passage_and_its_sentences_are_slices_of_the_abstract(retriever: HybridRetriever) -> None:
    for found in await retriever.retrieve("Which drum roasts coffee?", 3):
        abstract = found.paper.abstract
        assert found.text == abstract[found.start : found.end] == abstract
        assert all(abstract[sentence.start : sentence.end] == sentence.text for sentence in found.sentences)
        assert found.similarity <= 1.001


async def test_the_sentence_that_matches_is_the_most_similar(retriever: HybridRetriever) -> None:
    best = (await retriever.retrieve("the drum turns slowly", 1))[0]
    assert max(best.sentences, key=lambda sentence: sentence.similarity).text.startswith("The drum turns slowly")


@pytest.mark.parametrize("question", ["of the and", "xyzzy", "!!", "漢字", 'AND (OR "drum', "drum " * 800])
async def test_any_words_find_something(retriever: HybridRetriever, question: str) -> None:
    assert len(await retriever.retrieve(question, 3)) == 3


async def test_another_version_of_a_paper_is_not_shown_again(retriever: HybridRetriever) -> None:
    again = replace(TEA, id="tea-v2", abstract=f"{TEA.abstract} Cheers!")
    await put(retriever, again)
    found = ids(await retriever.retrieve("Which water is best for green tea?", 3))
    assert len({"tea", "tea-v2"} & set(found)) == 1
    assert len(found) == 3


async def test_a_paper_on_the_same_subject_in_other_words_is_shown(retriever: HybridRetriever) -> None:
    await put(
        retriever,
        replace(
            TEA, id="black-tea", authors=(), venue=None, abstract="Black tea stands boiling water well, says a panel."
        ),
    )
    assert set(ids(await retriever.retrieve("Which water is best for tea?", 2))) == {"tea", "black-tea"}


@pytest.mark.parametrize(
    ("filters", "passing"),
    [
        (Filters(year_from=2022), ["coffee"]),
        (Filters(year_to=2022), ["tea"]),
        (Filters(year_from=2021, year_to=2023), ["coffee", "tea"]),
        (Filters(papers=("whales", "tea")), ["tea", "whales"]),
        (Filters(papers=("whales", "tea"), year_from=2000), ["tea"]),
        (Filters(papers=("nobody",)), []),
        (Filters(year_from=2030), []),
        (Filters(authors=("moe",)), ["tea"]),
        (Filters(authors=("B. Lind",)), ["coffee", "tea"]),
        (Filters(authors=("Moe", "Nobody")), ["tea"]),
        (Filters(venues=("drums",)), ["coffee"]),
        (Filters(venues=("drums", "hot drinks")), ["coffee", "tea"]),
        (Filters(venues=("drums",), authors=("Moe",)), []),
        (Filters(authors=("Lind",), year_to=2022, papers=("tea", "whales")), ["tea"]),
    ],
)
async def test_only_papers_that_pass_the_filters_come(
    retriever: HybridRetriever, filters: Filters, passing: list[str]
) -> None:
    assert sorted(ids(await retriever.retrieve("green tea in a drum", 3, filters))) == passing


@pytest.mark.slow
async def test_of_a_long_abstract_whole_sentences_around_the_best_are_shown(retriever: HybridRetriever) -> None:
    filler = " ".join(f"Sailors in port {number} tell tales of the sea." for number in range(400))
    abstract = f"{filler} Krakens sleep at noon. {filler}"
    await put(retriever, Paper(id="long", title="Tales", abstract=abstract))
    best = (await retriever.retrieve("When do krakens sleep?", 1))[0]
    assert "Krakens sleep at noon." in best.text == abstract[best.start : best.end]
    assert MAX_PASSAGE_CHARACTERS - 100 < len(best.text) <= MAX_PASSAGE_CHARACTERS
    assert best.text.startswith("Sailors in port") and best.text.endswith("the sea.")
    assert (best.sentences[0].start, best.sentences[-1].end) == (best.start, best.end)


async def test_a_paper_without_an_abstract_has_nothing_to_show(retriever: HybridRetriever) -> None:
    await put(retriever, Paper(id="bare", title="Green tea", abstract=""))
    assert "bare" not in ids(await retriever.retrieve("green tea", 5))


async def test_an_empty_library_has_nothing_for_any_question(tmp_path: Path) -> None:
    library = await open_library(settings(tmp_path), DEFAULT_LIBRARY, WordsEmbedder(512), create=True)
    assert await HybridRetriever(library, library.embedder).retrieve("anything?", 3) == []
    library.close()


@given(scores, scores, st.floats(0, 50))
def test_fused_scores_lie_between_0_and_1_for_every_paper_of_either_ranking(
    dense: dict[str, float], keyword: dict[str, float], strong: float
) -> None:
    fused = fuse(dense, keyword, strong)
    assert fused.keys() == dense.keys() | keyword.keys()
    assert all(0 <= score <= 1 + 1e-9 for score in fused.values())


@given(scores, scores, st.floats(0, 50))
def test_a_paper_that_is_better_in_both_rankings_stays_better(
    dense: dict[str, float], keyword: dict[str, float], strong: float
) -> None:
    fused = fuse(dense, keyword, strong)
    for a in fused:
        for b in fused:
            if dense.get(a, 0) >= dense.get(b, 0) and keyword.get(a, 0) >= keyword.get(b, 0):
                assert fused[a] >= fused[b] - 1e-9


def test_the_best_of_both_gets_1_and_the_best_of_one_its_share() -> None:
    fused = fuse({"a": 2 * STRONG_COSINE, "b": STRONG_COSINE}, {"a": 12.0}, 5.0)
    assert fused == pytest.approx({"a": 1, "b": DENSE_SHARE / 2})


def test_a_ranking_whose_best_is_weak_counts_little() -> None:
    assert fuse({"a": STRONG_COSINE / 2}, {}, 0.0) == pytest.approx({"a": DENSE_SHARE / 2})
    assert fuse({}, {"a": 3.0}, 12.0) == pytest.approx({"a": (1 - DENSE_SHARE) / 4})


def test_a_paper_that_the_dense_ranking_left_out_is_taken_for_as_far_as_its_last() -> None:
    fused = fuse({"a": 0.8, "b": 0.4}, {"c": 3.0}, 0.0)
    assert fused["c"] == pytest.approx(DENSE_SHARE / 2 + 1 - DENSE_SHARE)


def test_a_paper_on_the_far_side_counts_as_unlike_and_no_less() -> None:
    assert fuse({"a": 0.8, "b": -0.5}, {}, 0.0) == pytest.approx({"a": DENSE_SHARE, "b": 0})
    assert fuse({"a": -0.5}, {}, 0.0) == {"a": 0}
    assert fuse({}, {}, 0.0) == {}


# Rerankers


class ByTitle:
    """Prefers titles late in the alphabet, and knows how many passages it was shown."""

    name = "by-title"

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.shown = 0

    async def rerank(self, question: str, passages: Sequence[Passage]) -> list[float]:
        if self.fails:
            raise BackendError("the server is gone", retryable=True, reason="it can't be reached")
        self.shown = len(passages)
        return [1_000.0 * ord(passage.paper.title[0]) for passage in passages]


def with_reranker(retriever: HybridRetriever, reranker: ByTitle) -> HybridRetriever:
    return HybridRetriever(retriever._library, retriever._embedder, reranker)


async def test_a_reranker_changes_the_order_and_leaves_the_scores_with_the_ranks(retriever: HybridRetriever) -> None:
    before = await retriever.retrieve("How far does whale song travel?", 3)
    after = await with_reranker(retriever, ByTitle()).retrieve("How far does whale song travel?", 3)
    assert ids(before)[0] == "whales"
    assert ids(after) == ["tea", "coffee", "whales"]
    assert [passage.number for passage in after] == [1, 2, 3]
    assert [passage.score for passage in after] == [passage.score for passage in before]
    of_paper = {passage.paper.id: passage.similarity for passage in before}
    assert [passage.similarity for passage in after] == [of_paper[id] for id in ids(after)]


async def test_a_reranker_that_fails_leaves_the_order_and_a_notice(retriever: HybridRetriever) -> None:
    before = await retriever.retrieve("Which drum roasts coffee?", 3)
    after = await with_reranker(retriever, ByTitle(fails=True)).retrieve("Which drum roasts coffee?", 3)
    notice = "The reranker failed (it can't be reached); the passages are in the order of the search."
    assert after == [replace(passage, notice=notice) for passage in before]


async def test_a_reranker_reads_the_best_and_no_more_however_many_are_asked_for(retriever: HybridRetriever) -> None:
    await put(retriever, *papers(40))
    reranker = ByTitle()
    found = await with_reranker(retriever, reranker).retrieve("the retriever of system 7", 40)
    assert (reranker.shown, len(found) > RERANKED) == (RERANKED, True)
