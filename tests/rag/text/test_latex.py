"""What is shown has no traces of the typesetting of an abstract."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.latex import plain


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("It gains 2.45\\% on average.", "It gains 2.45% on average."),
        ("Fr\\'echet distance, It\\^o, na\\\"{\\i}ve", "Fréchet distance, Itô, naïve"),
        ("an {\\em inverse} and \\textsc{Kite} and **GRAPE**", "an inverse and Kite and GRAPE"),
        ("first ``deep'' methods", 'first "deep" methods'),
        ("estimation~(NCE) of ~30% (e.g.~10%)", "estimation (NCE) of ~30% (e.g. 10%)"),
        ("an error of O(N^{-delta}) in D{=}1", "an error of O(N^{-delta}) in D{=}1"),
    ],
)
def test_a_sentence_reads_as_it_would_be_printed(written: str, printed: str) -> None:
    assert plain(written) == printed


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert len(plain(text)) <= len(text)
