"""The content words and the numbers of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.analysis import content_stems, replace_surrogates, share, stems
from rag.text.entities import numbers


def test_stems_are_in_order_without_stop_words() -> None:
    assert stems("What do the Models’ naïve MODELS learn?") == ["model", "naiv", "model", "learn"]


def test_half_a_surrogate_pair_becomes_a_question_mark_in_its_place() -> None:
    assert replace_surrogates("a\ud83db \U0001f600") == "a?b \U0001f600"


def test_the_words_that_any_question_has_are_no_content() -> None:
    assert content_stems("Which of the papers are about what, please?") == ()
    assert content_stems("What does the paper say about sound separation?") == ("sound", "separ")


def test_forms_of_a_word_are_one_stem_in_order() -> None:
    assert content_stems("Ranking passages: a ranker ranks ranked passages") == ("rank", "passag", "ranker")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It gains 3.2 points over 584 papers.", {"3.2", "584"}),
        ("1,000 and 12,345,678.9", {"1000", "12345678.9"}),
        ("in layers 1,2,3 or 1, 2", {"1", "2", "3"}),
        ("It stops at 5.", {"5"}),
        ("GPT-4 has 175B", {"4", "175"}),
        ("none", set()),
    ],
)
def test_numbers_are_read_without_separators_of_thousands(text: str, found: set[str]) -> None:
    assert numbers(text) == found


@given(st.integers(0, 10**12), st.integers(0, 999))
def test_a_number_is_the_same_with_and_without_separators(whole: int, decimals: int) -> None:
    assert numbers(f"{whole:,}.{decimals}") == numbers(f"{whole}.{decimals}") == {f"{whole}.{decimals}"}


def test_the_share_counts_distinct_words() -> None:
    assert share(["tea", "cup", "tea"], ["tea", "pot"]) == 0.5
    assert share([], ["tea"]) == 1
    assert share(["tea"], []) == 0


@given(st.text(max_size=200))
def test_any_text_has_its_content_stems_each_once(text: str) -> None:
    assert len(content_stems(text)) == len(set(content_stems(text)))
    assert share(content_stems(text), content_stems(f"{text} and more")) >= 0
