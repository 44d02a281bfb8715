"""Chunks cover the abstract, keep whole sentences together and stay within the limit."""

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.text import chunk, tokens
from rag.text.tails import evidence_end
from rag.types import Chunk, Paper

FOUR = "Noise is added first. The backward process then solves an equation. Errors shrink with every round. We stop."
ODD = st.text(
    alphabet=st.sampled_from("ab. \n\t\u200b\u200d\u00a0é\u0301漢字。👩\U0001f3fd🔬$\\_{}^%[]?!"), max_size=400
)


def split(abstract: str, limit: int = 64, overlap: int = 0) -> list[Chunk]:
    return chunk.split(Paper(id="p", title="T", abstract=abstract), limit, overlap)


def uncovered(abstract: str, chunks: list[Chunk]) -> str:
    covered = {position for piece in chunks for position in range(piece.start, piece.end)}
    return "".join(sign for position, sign in enumerate(abstract) if position not in covered).strip()


def test_a_short_abstract_is_one_chunk() -> None:
    assert [piece.text for piece in split(FOUR)] == [FOUR]


def test_chunks_are_runs_of_whole_sentences_numbered_in_order() -> None:
    pieces = split(FOUR, limit=12)
    assert [piece.text for piece in pieces] == [
        "Noise is added first.",
        "The backward process then solves an equation.",
        "Errors shrink with every round. We stop.",
    ]
    assert [piece.id for piece in pieces] == ["p#0", "p#1", "p#2"]


def test_overlap_repeats_the_last_sentence_where_it_fits() -> None:
    assert [piece.text for piece in split(FOUR, limit=18, overlap=1)] == [
        "Noise is added first. The backward process then solves an equation.",
        "The backward process then solves an equation. Errors shrink with every round. We stop.",
    ]
    assert split(FOUR, limit=12, overlap=1) == split(FOUR, limit=12)


def test_a_long_sentence_is_cut_at_blanks() -> None:
    pieces = split("word " * 200, limit=50)
    assert len(pieces) == 4
    assert {word for piece in pieces for word in piece.text.split()} == {"word"}


@pytest.mark.parametrize("abstract", ["", "  \n "])
def test_nothing_gives_no_chunk(abstract: str) -> None:
    assert split(abstract) == []


@pytest.mark.parametrize("sign", ["x", "漢", "👩🏽‍🔬", "\u200b", "a b", r"$\alpha_{i}^{2}$"])
def test_thirty_thousand_characters_without_an_end_are_cut_quickly(sign: str) -> None:
    abstract = (sign * 30_000)[:30_000]
    split("warm up")
    begun = process_time()
    pieces = split(abstract)
    assert process_time() - begun < 1
    assert len(pieces) > 10
    assert uncovered(abstract, pieces) == ""


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(abstract=st.one_of(st.text(max_size=400), ODD), limit=st.integers(1, 30), overlap=st.integers(0, 3))
def test_no_text_loses_a_character_or_runs_for_ever(abstract: str, limit: int, overlap: int) -> None:
    pieces = split(abstract, limit, overlap)
    assert uncovered(abstract[: evidence_end(abstract)], pieces) == ""
    assert all(abstract[piece.start : piece.end] == piece.text == piece.text.strip() != "" for piece in pieces)
    assert [piece.end for piece in pieces] == sorted({piece.end for piece in pieces})


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(FOUR.split(". ")), max_size=40))
def test_no_chunk_of_ordinary_sentences_is_longer_than_the_limit(sentences: list[str]) -> None:
    assert all(tokens.count(piece.text) <= 32 for piece in split(". ".join(sentences), limit=32))
