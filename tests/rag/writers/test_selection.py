"""Of the sentences that fit, the best are shown, and none that can't be understood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.writers.extractive import is_anaphoric, lead, strip_connective

texts = st.lists(
    st.integers(1, 40).flatmap(lambda n: st.sampled_from([f"We {'w ' * n}.", f"It {'w ' * n}."])),
    min_size=1,
    max_size=8,
)


@given(texts, st.data(), st.integers(1, 120))
def test_the_likeliest_sentence_leads_after_what_it_needs(
    sentences: list[str], data: st.DataObject, words: int
) -> None:
    likely = data.draw(st.lists(st.floats(0, 1), min_size=len(sentences), max_size=len(sentences), unique=True))
    chosen = lead(sentences, likely, words)
    best = likely.index(max(likely))
    before = chosen[: chosen.index(best)]
    assert [*before, best] == list(range(best - len(before), best + 1))
    assert all(is_anaphoric(sentences[i + 1]) for i in before)
    assert len(set(chosen)) == len(chosen)


@given(texts, st.data(), st.integers(1, 120))
def test_what_follows_fits_and_can_be_understood(sentences: list[str], data: st.DataObject, words: int) -> None:
    likely = data.draw(st.lists(st.floats(0.1, 1), min_size=len(sentences), max_size=len(sentences), unique=True))
    chosen = lead(sentences, likely, words)
    if len(chosen) > len(lead(sentences, likely, 0)):
        assert sum(len(sentences[i].split()) for i in chosen) <= words
    assert all(i == 0 or i - 1 in chosen or not is_anaphoric(sentences[i]) for i in chosen)


def test_an_anaphoric_sentence_comes_after_the_one_before_it() -> None:
    sentences = ["We propose Kite.", "It hears 60 languages.", "This is the most."]
    assert lead(sentences, [0.1, 0.2, 0.9], 60) == [0, 1, 2]


def test_a_sentence_that_is_far_less_likely_does_not_follow() -> None:
    sentences = ["We propose Kite.", "Kite hears 60 languages.", "Birds sing."]
    assert lead(sentences, [0.3, 0.6, 0.05], 60) == [1, 0]
    assert lead(sentences, [0.1, 0.6, 0.05], 60) == [1]


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
