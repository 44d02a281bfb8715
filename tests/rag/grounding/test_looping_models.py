"""A model that repeats itself without end: the time for its text grows with the text alone, however it is cut.

The limits are a hundred times what a machine needs and a hundredth of what quadratic searching needs.
"""

import random
from time import process_time

import pytest

from rag.grounding.grounding import Grounding
from rag.grounding.marks import escape_marks
from rag.grounding.sentence_stream import LONGEST_SENTENCE, SentenceStream, StreamedSentence, sentences
from rag.text.sentences import spans
from tests.support.passages import passage

LOOPS = (
    *(" ", "\t", "\n", "\u00a0", ".", "!", "…", "[", "`", "\\", "(", '"', "“", "_", "*", "1", "a"),
    *(". ", "! ", "[1] ", "[1]", "[9]", " (1)", "![", "[1,", "`[", "\\[", "(1", "[1](https://a", '"a ', '." ', ".) "),
    *("e.g. x ", "a. ", "A. ", ". [1]", ".\n", "1. ", "- ", "x!", "[Source 1, ", "[a", "【1†", "word, ", "](", "<a "),
)
LENGTH = 6_000
SECONDS = 10


def text_of(grounding: Grounding, *pieces: str) -> str:
    found = [item for piece in pieces for item in grounding.feed(piece)] + grounding.flush()
    return "".join(item for item in found if isinstance(item, str))


def new_grounding() -> Grounding:
    return Grounding([passage("Sleep", "Sleep gets shorter in adults.", number=number) for number in (1, 2, 3)])


@pytest.mark.slow
@pytest.mark.parametrize("loop", LOOPS)
def test_a_model_that_repeats_itself_costs_time_in_proportion(loop: str) -> None:
    text = "Sleep gets shorter in adults. " + loop * (LENGTH // len(loop))
    begun = process_time()
    assert text_of(new_grounding(), *text) == text_of(new_grounding(), text)
    assert process_time() - begun < SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("loop", ["(1) ", "1) ", "(iv) ", ".)", "• ", "“a", "«a. ", " ", "\n", "Dr. ", "[1] "])
def test_an_abstract_that_repeats_itself_costs_time_in_proportion(loop: str) -> None:
    text = loop * (80_000 // len(loop))
    begun = process_time()
    found = spans(text)
    escape_marks(text)
    assert process_time() - begun < SECONDS
    assert "".join(text[start:end] for start, end in found).replace(" ", "") == text.replace(" ", "").strip()


def test_a_sentence_without_end_is_cut() -> None:
    text = "word " * 1_000
    assert max(len(sentence.text) for sentence in sentences(text)) <= LONGEST_SENTENCE
    assert "".join(sentence.text for sentence in sentences(text)) == text.rstrip()
    assert max(len(sentence.text) for sentence in sentences("a" * 5_000)) <= LONGEST_SENTENCE


@pytest.mark.slow
def test_sentences_do_not_depend_on_the_pieces_even_where_they_are_long_or_many() -> None:
    bits = ("a. ", "e.g. ", ". ", "!", "\n", " [1]", "word ", "Word ", '"', "”", "x" * 70, "y, " * 300, "z" * 700, "\t")
    chance = random.Random(3)
    for _ in range(300):
        text = "".join(chance.choice(bits) for _ in range(chance.randrange(1, 60)))
        size = chance.choice([1, 2, 3, 7, 100, 1_000])
        stream = SentenceStream(fragments=True)
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        found = [*(item for piece in pieces for item in stream.feed(piece)), *stream.flush()]
        assert [item.text for item in found if isinstance(item, StreamedSentence)] == [
            sentence.text for sentence in sentences(text)
        ], text
