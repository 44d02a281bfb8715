"""A sentence that speaks of what only an earlier one names is told from one that stands alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.dangling import is_dangling


@pytest.mark.parametrize(
    "sentence",
    [
        "Under this assumption, the bound is tight.",
        "We address this challenge with a new loss.",
        "Experiments show that these results hold on speech.",
        "The network is far slower than such models.",
        "The latter needs no labels.",
        "Noise hurts both methods equally.",
        "When it is trained on noise, the network fails.",
        "It needs no labels.",
        "CONCLUSIONS: This helps.",
        "The same results were seen in mice.",
    ],
)
def test_a_reference_to_an_earlier_sentence_dangles(sentence: str) -> None:
    assert is_dangling(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "The bound needs an assumption, and this assumption is strong.",
        "In this paper we study sleep.",
        "The aim of this study was to measure sleep.",
        "This was a blinded, randomised trial of tea.",
        "In this prospective, randomised study, tea was drunk.",
        "Both caffeine and tea shorten sleep.",
        "Patients with pain slept less than those without it in both sexes.",
        "Drugs such as caffeine shorten sleep.",
        "When it comes to sleep, caffeine is no help.",
        "Caffeine shortens sleep in nurses, and this lowers their mood.",
    ],
)
def test_a_sentence_with_its_antecedent_stands_alone(sentence: str) -> None:
    assert not is_dangling(sentence)


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    is_dangling(text)
