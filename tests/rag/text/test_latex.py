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
        ("an error of O(N^{-2/3}) in D{=}1, and 10^{-3}", "an error of O(N^(-2/3)) in D=1, and 10^-3"),
        ("where $\\alpha \\leq 0.5$ and $n$ is \\times larger", "where α ≤ 0.5 and n is × larger"),
        ("$5 more than $40 of the fee", "$5 more than $40 of the fee"),
        (
            "It is \\textit{faster}~\\cite{kite2020} in \\mathcal{O}(n), \\eg on phones",
            "It is faster in O(n), e.g. on phones",
        ),
        ("by 43times/31times on 256times256 and 64times 64", "by 43×/31× on 256×256 and 64×64"),
        ("10 times sooner, oftentimes", "10 times sooner, oftentimes"),
        ("(sim10 runs, 15\\%sim30\\%, 3.9pm0.2)", "(~10 runs, 15%~30%, 3.9±0.2)"),
        ("It simulates 5 pm traffic", "It simulates 5 pm traffic"),
        ("51.9\\% rightarrow 67.8\\%, s geq 3, leq 256px", "51.9% → 67.8%, s ≥ 3, ≤ 256px"),
        ("O(\\log\\log n) for p_i = 1{2}, nk{m}", "O(log log n) for p_i = 1{2}, nk{m}"),
        ("an \\unknown{thing} of {3.56}", "an unknown{thing} of 3.56"),
        ("*P < 0.05; **P < 0.01; ***P < 0.001", "*P < 0.05; **P < 0.01; ***P < 0.001"),
    ],
)
def test_a_sentence_reads_as_it_would_be_printed(written: str, printed: str) -> None:
    assert plain(written) == printed


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert len(plain(text)) <= len(text)
