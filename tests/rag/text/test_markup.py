"""Tags and entities are shown as the text that they stand for, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.markup import to_text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a rate (P &lt; 0.01) of 150&#8211;250 Hz", "a rate (P < 0.01) of 150–250 Hz"),
        ("salt &amp;amp; water", "salt & water"),
        ("CO<sub>2</sub> rose by 10<sup>-3</sup> mol m<sup>-2</sup>", "CO2 rose by 10⁻³ mol m-2"),
        ("Ca<sup>2+</sup> and <sup>18</sup>F", "Ca2+ and 18F"),
        ("<jats:title>Abstract</jats:title><jats:p><jats:italic>In vitro</jats:italic>.</jats:p>", "  In vitro. "),
        ('<b>Results:</b> a <a href="https://x.org">link</a><br/>more', "Results: a link more"),
        ("where a<b and b>c, p<0.05, <unknown> and R&D", "where a<b and b>c, p<0.05, <unknown> and R&D"),
        ("no control characters: &#27;[31m &#0;", "no control characters: &#27;[31m &#0;"),
    ],
)  # fmt: skip
def test_markup_is_shown_as_text(written: str, shown: str) -> None:
    assert to_text(written) == shown


@given(
    st.lists(st.sampled_from(["&amp;", "lt;", "#", "38;", "<sub>", "</sub>", "<p>", "<", "b>", "2", "x "])).map("".join)
)
def test_what_is_plain_stays_as_it_is(text: str) -> None:
    assert len(to_text(text)) <= len(text) + text.count("<")
