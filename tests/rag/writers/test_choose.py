"""Of the sentences that fit, those worth the most are shown, and none that can't be understood."""

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.writers.choose import by_words, leans_back, standing_alone, together

texts = st.lists(
    st.integers(1, 40).flatmap(lambda n: st.sampled_from([f"We {'w ' * n}.", f"It {'w ' * n}."])), max_size=8
)
worths = st.floats(-0.5, 1.0)


def valued(draw: st.DataObject, sentences: Sequence[str]) -> list[float]:
    return draw.draw(st.lists(worths, min_size=len(sentences), max_size=len(sentences)))


@given(texts, st.data(), st.integers(-5, 120))
def test_the_chosen_sentences_are_worth_the_most_that_fits(
    sentences: list[str], data: st.DataObject, words: int
) -> None:
    values = valued(data, sentences)
    chosen = by_words(sentences, values, words)[-1]
    assert chosen.taken in every_choice(sentences, max(words, 0))
    assert chosen.worth == pytest.approx(sum(values[i] for i in chosen.taken))
    best = max(sum(values[i] for i in some) for some in every_choice(sentences, max(words, 0)))
    assert chosen.worth == pytest.approx(best)


def every_choice(sentences: Sequence[str], words: int) -> list[tuple[int, ...]]:
    """Brute force: all sets that fit, the empty one among them, in which nothing leans on what is left out."""
    sets = (some for size in range(len(sentences) + 1) for some in combinations(range(len(sentences)), size))
    fitting = [some for some in sets if sum(len(sentences[i].split()) for i in some) <= words]
    return [some for some in fitting if all(not i or i - 1 in some or not leans_back(sentences[i]) for i in some)]


@given(texts.filter(bool), texts.filter(bool), st.data(), st.integers(-5, 120))
def test_each_of_two_abstracts_is_heard(one: list[str], two: list[str], data: st.DataObject, words: int) -> None:
    values = [valued(data, one), valued(data, two)]
    assert all(together([one, two], values, words))


def test_words_go_to_the_abstract_that_has_more_to_say() -> None:
    one, two = ["We do this."], ["We measure one thing.", "We measure another thing.", "We measure a third thing."]
    assert together([one, two], [[0.1], [0.5, 0.5, 0.5]], 16) == [(0,), (0, 1, 2)]


def test_a_sentence_that_leans_back_brings_the_one_before_it() -> None:
    sentences = ["We propose Kite.", "It hears 60 languages.", "This is the most."]
    assert by_words(sentences, [-0.1, 0.1, 0.5], 20)[-1].taken == (0, 1, 2)
    assert by_words(sentences, [-0.2, 0.1, 0.5], 10)[-1].taken == ()


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
def test_a_sentence_about_it_or_this_leans_back(sentence: str) -> None:
    assert leans_back(sentence)


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
    assert not leans_back(sentence)


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
    assert standing_alone(sentence) == alone


@given(st.text(max_size=60))
def test_any_text_can_stand_alone(text: str) -> None:
    assert bool(standing_alone(text)) == bool(text)
    leans_back(text)
