"""The words of a quote that support a sentence are marked, and a quote that the sentence repeats is recognised."""

from hypothesis import given
from hypothesis import strategies as st

from rag.grounding import highlight

QUOTE = "Kite is trained on 960 hours of speech, and needs no labels."


def marked(sentence: str, quote: str = QUOTE) -> list[str]:
    return [quote[start:end] for start, end in highlight.supporting(sentence, quote)]


def test_the_words_that_both_have_are_marked_in_one_stretch() -> None:
    assert marked("Training took 960 hours of speech.") == ["trained on 960 hours of speech"]


def test_nothing_is_marked_where_nothing_is_shared() -> None:
    assert marked("Herons fish.") == []


def test_a_sentence_that_is_the_quote_says_it_all() -> None:
    assert highlight.says_it_all("Kite is trained on 960 hours of speech and needs no labels", QUOTE)
    assert not highlight.says_it_all("Kite needs no labels.", QUOTE)
    assert highlight.says_it_all("Kite, a model: Kite is trained on 960 hours of speech, needs no labels.", QUOTE)


@given(st.text(max_size=80), st.text(max_size=80))
def test_spans_are_in_order_and_within_the_quote(sentence: str, quote: str) -> None:
    bounds = [place for span in highlight.supporting(sentence, quote) for place in span]
    assert bounds == sorted(bounds)
    assert all(0 <= place <= len(quote) for place in bounds)
