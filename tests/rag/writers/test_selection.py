"""Of the sentences that fit, the best are shown, and none that can't be understood."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.writers.extractive import is_anaphoric, select, strip_connective

texts = st.lists(
    st.integers(1, 40).flatmap(lambda n: st.sampled_from([f"We {'w ' * n}.", f"It {'w ' * n}."])),
    min_size=1,
    max_size=8,
)
worths = st.floats(-0.5, 1.0)


def valued(draw: st.DataObject, sentences: Sequence[str]) -> list[float]:
    return draw.draw(st.lists(worths, min_size=len(sentences), max_size=len(sentences)))


def words_in(sentences: Sequence[str], chosen: Sequence[int]) -> int:
    return sum(len(sentences[i].split()) for i in chosen)


@pytest.mark.slow
@given(texts, st.data(), st.integers(-5, 120))
def test_what_is_shown_fits_and_can_be_understood(sentences: list[str], data: st.DataObject, words: int) -> None:
    values = valued(data, sentences)
    [chosen] = select([sentences], [values], words)
    assert chosen == sorted(set(chosen)) and chosen
    if len(chosen) > 1 or words_in(sentences, chosen) <= words:
        assert words_in(sentences, chosen) <= max(words, words_in(sentences, chosen[:1]))
    if len(chosen) > 1:
        assert all(not i or i - 1 in chosen or not is_anaphoric(sentences[i]) for i in chosen)


@pytest.mark.slow
@given(texts, st.data(), st.integers(20, 120))
def test_no_better_sentence_that_stands_alone_and_fits_is_left_out(
    sentences: list[str], data: st.DataObject, words: int
) -> None:
    values = valued(data, sentences)
    [chosen] = select([sentences], [values], words)
    left = words - words_in(sentences, chosen)
    for i, sentence in enumerate(sentences):
        if i not in chosen and values[i] > 0 and not is_anaphoric(sentence):
            assert len(sentence.split()) > left


@given(texts, texts, st.data(), st.integers(-5, 120))
def test_each_of_two_abstracts_is_shown(one: list[str], two: list[str], data: st.DataObject, words: int) -> None:
    values = [valued(data, one), valued(data, two)]
    assert all(select([one, two], values, words))


def test_words_go_to_the_abstract_that_has_more_to_say() -> None:
    one, two = ["We do this."], ["We measure one thing.", "We measure another thing.", "We measure a third thing."]
    assert select([one, two], [[0.1], [0.5, 0.5, 0.5]], 16) == [[0], [0, 1, 2]]


def test_an_anaphoric_sentence_brings_the_one_before_it() -> None:
    sentences = ["We propose Kite.", "It hears 60 languages.", "This is the most."]
    assert select([sentences], [[-0.1, 0.1, 0.5]], 20) == [[0, 1, 2]]


@pytest.mark.parametrize(
    "sentence",
    [
        "It outperforms Heron.",
        "However, it outperforms Heron.",
        "This reduces memory by half.",
        "These approaches fail.",
        "Such models are slow.",
        "The latter is faster.",
        "In this way, the model learns to listen.",
        "Using these, we train Kite.",
        "Kite isolates it.",
    ],
)
def test_a_sentence_about_it_or_this_is_anaphoric(sentence: str) -> None:
    assert is_anaphoric(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "In this paper, we propose Kite.",
        "This work presents Kite.",
        "It is known that kites fly.",
        "Both training and inference are fast.",
        "Italy has 60 kites.",
        "To address these limitations, we propose Kite.",
        "Thus, Kite flies.",
        "We release the recordings of 60 languages, and the code that is needed to process them.",
    ],
)
def test_a_sentence_that_can_be_understood_alone_does_not(sentence: str) -> None:
    assert not is_anaphoric(sentence)


@pytest.mark.parametrize(
    ("sentence", "alone"),
    [
        ("However, Kite is fast.", "Kite is fast."),
        ("To address these issues, we propose Kite.", "We propose Kite."),
        ("Motivated by this finding, we first propose Kite.", "We first propose Kite."),
        ("Moreover, in contrast, Kite is fast.", "In contrast, Kite is fast."),
        ("To train Kite, we use these radios.", "To train Kite, we use these radios."),
        ("Thus,", "Thus,"),
    ],
)
def test_a_sentence_shown_alone_loses_what_ties_it_to_another(sentence: str, alone: str) -> None:
    assert strip_connective(sentence) == alone


@given(st.text(max_size=60))
def test_any_text_can_stand_alone(text: str) -> None:
    assert bool(strip_connective(text)) == bool(text)
    is_anaphoric(text)
