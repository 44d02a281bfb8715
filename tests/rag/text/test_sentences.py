"""Sentences of an abstract: exact offsets, no character lost, no slip where an abbreviation or a list tempts to one."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.text import sentences

PIECES = ("It works. ", "(1) Do this. ", "2) ", "(iv) ", "• ", "e.g. ", "Dr. ", "[4]. ", "\n\n", "\t", "漢字。",
          "é\u0301", "\u200b", "\u00a0", "$\\alpha_{i}$ ", "x", "?!", "... ", "“So.” ",
          "👩🏽‍🔬 ", "3.14 ", "A) B")  # fmt: skip


def sentence_texts(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences.spans(text)]


def test_each_sentence_is_the_slice_between_its_offsets() -> None:
    text = "  Noise is added first.\nThe 漢字 come after it.  Do errors 👩🏽‍🔬 shrink? They do! "
    wanted = ["Noise is added first.", "The 漢字 come after it.", "Do errors 👩🏽‍🔬 shrink?", "They do!"]
    assert sentence_texts(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "Our model needs approx. 3 hours and e.g. one card.",
        "As Smith et al. (2020) show, it gains 3.2 points.",
        "It helps a lot, cf. Fig. 3 of the paper.",
        "Dr. Smith proposed it.",
        "The gain vs. the baseline is 4.5%, i.e. more than expected.",
    ],
)
def test_an_abbreviation_or_a_decimal_ends_nothing(text: str) -> None:
    assert sentence_texts(text) == [text]


def test_a_list_in_brackets_does_not_swallow_the_sentences_after_it() -> None:
    text = "We show two things. (1) Students learn from noise. (2) Teachers do not learn. So we go on. Code is out."
    assert sentence_texts(text) == [
        "We show two things.",
        "(1) Students learn from noise.",
        "(2) Teachers do not learn.",
        "So we go on.",
        "Code is out.",
    ]


def test_a_list_within_a_sentence_does_not_cut_it() -> None:
    text = "We add two parts: (1) Residual coding of blocks; (2) Adaptation of the head. With them we win."
    assert sentence_texts(text) == [
        "We add two parts: (1) Residual coding of blocks; (2) Adaptation of the head.",
        "With them we win.",
    ]


@pytest.mark.parametrize("text", ["", " \n\t\u00a0 "])
def test_blanks_are_no_sentence(text: str) -> None:
    assert sentence_texts(text) == []


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=300), st.lists(st.sampled_from(PIECES), max_size=30).map("".join)))
def test_no_character_is_lost_or_told_twice(text: str) -> None:
    spans = sentences.spans(text)
    gaps = [text[before.end : after.start] for before, after in pairwise(spans)]
    edges = [text[: spans[0].start], text[spans[-1].end :]] if spans else [text]
    assert "".join([*gaps, *edges]).strip() == ""
    assert all(span.start < span.end for span in spans)
    assert all(before.end <= after.start for before, after in pairwise(spans))


@pytest.mark.parametrize(
    "text",
    [
        "The spectrum was computed as in Phys. Rev. [1] and Phys. Rev. Lett. 12 for all.",
        "The new species found here is Kitea alba sp. nov. of Peru.",
        "The variant that is called H2A.X marks breaks.",
        "Those with no. 12 and Fig. 2 were seen by Dr. J. Smith et al. Twice a day.",
        "It was grown for a month at approx. Twelve degrees.",
    ],
)
def test_a_reference_or_a_name_with_a_full_stop_is_not_cut(text: str) -> None:
    assert sentence_texts(text) == [text]


def test_a_letter_or_a_no_may_end_a_sentence() -> None:
    text = "The patients got vitamin C. The answer of all is no. We go on to type I. That is all."
    assert sentence_texts(text) == [
        "The patients got vitamin C.",
        "The answer of all is no.",
        "We go on to type I.",
        "That is all.",
    ]


def test_a_sentence_in_chinese_or_japanese_ends_without_a_blank() -> None:
    text = "睡眠很短。咖啡缩短睡眠！为什么？他说“好。”これは試験である。"
    assert sentence_texts(text) == ["睡眠很短。", "咖啡缩短睡眠！", "为什么？", "他说“好。”", "これは試験である。"]
