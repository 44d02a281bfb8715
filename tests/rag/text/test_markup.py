"""Markup becomes text, and what only looks like markup stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.abstracts import clean
from rag.corpus.latex import from_bibtex
from rag.corpus.latex import to_text as latex_to_text
from rag.text.markup import to_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("rates fell (P &lt; 0.01) &amp; rose", "rates fell (P < 0.01) & rose"),
        ("a<b and b>c, p < 0.05, <T> stays", "a<b and b>c, p < 0.05, <T> stays"),
        ("if a<b and c>d", "if a<b and c>d"),
        ("a&lt;b&gt;c", "a<b>c"),
        ("CO<sub>2</sub> at 10<sup>-3</sup> mol m<sup>-2</sup>, <sup>13</sup>C", "CO2 at 10⁻³ mol m-2, 13C"),
        ("150&#8211;250&nbsp;Hz &amp;amp; AT&T &copy 5", "150–250 Hz & AT&T &copy 5"),
        ("&lt;i&gt;in vitro&lt;/i&gt;", "in vitro"),
        ('<span class="x">twice</span><br/>told', "twice told"),
        ("<mml:math><mml:mi>x</mml:mi><mml:mo>=</mml:mo></mml:math>1", "x=1"),
        (
            "<jats:sec><jats:title>Main results</jats:title><jats:p>It grew.</jats:p></jats:sec>",
            "MAIN RESULTS: It grew.",
        ),
        ("<inline-formula><tex-math>\\alpha</tex-math><i>a</i></inline-formula>", "a"),
    ],
)
def test_tags_and_entities_become_text(markup: str, text: str) -> None:
    assert to_text(markup).split() == text.split()


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"G{\"o}del, \'Etude, \v{S}koda, \c{c}a, \o re, Erd\H{o}s", "G{ö}del, Étude, Škoda, ça, øre, Erdős"),
        (r"$\sim$10, 5\%, 20$^\circ$C, $10^{-3}$, $^{13}$C, CO$_2$, $95\%$", "∼10, 5%, 20°C, 10⁻³, 13C, CO2, 95%"),
        (r"$\alpha$-helix, \emph{in vivo}, {\it E. coli}", "α-helix, in vivo, E. coli"),
        (r"$x^2$ and $SU(2)$ and $\frac{a}{b}$", r"$x^2$ and $SU(2)$ and $\frac{a}{b}$"),
        ("costs $5 or $6, $5-$10", "costs $5 or $6, $5-$10"),
    ],
)  # fmt: skip
def test_simple_latex_becomes_text_and_formulas_stay(written: str, text: str) -> None:
    assert latex_to_text(written) == text


def test_a_bibtex_value_loses_its_braces_outside_of_formulas() -> None:
    assert from_bibtex(r"{DNA}~repair -- in {\'E}tude $x_{1}$") == "DNA repair – in Étude $x_{1}$"


@pytest.mark.parametrize(
    ("read", "cleaned"),
    [
        ("Abstract: We count otters.", "We count otters."),
        ("Abstract Background: Otters swim.", "Background: Otters swim."),
        ("AbstractWe count otters.", "We count otters."),
        ("Abstract Meaning Representation is a graph.", "Abstract Meaning Representation is a graph."),
        ("BackgroundOtters swim.ResultsThey do.", "BACKGROUND: Otters swim. RESULTS: They do."),
        ("ContextNet is a network. ContextNet reads.", "ContextNet is a network. ContextNet reads."),
        ("The MethodsX journal and ResultsDB are names.", "The MethodsX journal and ResultsDB are names."),
    ],
)
def test_headings_that_lost_their_tags_are_set_apart(read: str, cleaned: str) -> None:
    assert clean(read) == cleaned


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert isinstance(to_text(latex_to_text(from_bibtex(text))), str)


def test_an_entity_for_a_control_character_stays_an_entity() -> None:
    assert to_text("red: &#27;[31m &#0;") == "red: &#27;[31m &#0;"
