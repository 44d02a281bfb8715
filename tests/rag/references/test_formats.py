"""What each format writes: escaping, names, keys, what is missing, and retraction."""

import json
import re
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import references
from rag.corpus import latex
from rag.errors import ConfigError, RequestError
from rag.references import bibtex, html, markdown
from rag.references.keys import Keys
from rag.references.people import Name, divide
from rag.types import Answer, Citation, Paper

PAPER = Paper(
    id="doi:10.5555/otter.1",
    title="Otters return to clean rivers",
    abstract="They came back.",
    year=2021,
    authors=("Ada Wren", "Bo de la Crâne", "The Otter Group"),
    venue="Journal of River Studies",
    doi="10.5555/otter.1",
    url="https://example.org/otters?a=1_2&b=3",
)
BARE = Paper(id="title:1", title="Weirs stop eels", abstract="They do.")
HOSTILE = replace(
    PAPER,
    title='</title><script>alert("x")</script> [a](javascript:x) \\input{/etc/passwd}',
    authors=("Eve\nER  - ", "@article{x,", "<b>Bob</b> Roe"),
    abstract="}\n@misc{own, title={Mine}}\nER  - \nTY  - JOUR",
)
STYLED = {
    "apa": "Wren, A., de la Crâne, B., & The Otter Group. (2021). Otters return to clean rivers.",
    "vancouver": "1. Wren A, de la Crâne B, The Otter Group. Otters return to clean rivers.",
    "ieee": "[1] A. Wren, B. de la Crâne, and The Otter Group, “Otters return to clean rivers”",
    "chicago": "Wren, A., B. de la Crâne, and The Otter Group. 2021. “Otters Return to Clean Rivers”.",
    "nature": "1. Wren, A., de la Crâne, B. & The Otter Group. Otters return to clean rivers.",
}


def written(format: str, *papers: Paper) -> str:
    return "".join(references.write(papers, format))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ada Wren", Name("Wren", "Ada")),
        ("Jan van den Berg", Name("Berg", "Jan", "van den")),
        ("Jan Van den Berg", Name("Berg", "Jan", "Van den")),
        ("Hung Van Nguyen", Name("Nguyen", "Hung Van")),
        ("Bo Crane Jr", Name("Crane", "Bo", "", "Jr")),
        ("The Otter Group", Name("The Otter Group")),
        ("Rivers and Weirs Consortium", Name("Rivers and Weirs Consortium")),
        ("Wren A.", Name("Wren A.")),
        ("Plato", Name("Plato")),
    ],
)
def test_a_name_is_divided_into_its_parts(name: str, parts: Name) -> None:
    assert divide(name) == parts


@pytest.mark.parametrize(
    ("paper", "key"),
    [
        (PAPER, "wren2021otters"),
        (BARE, "weirs"),
        (replace(PAPER, authors=("Bjørn van Östman",), title="On the Ecology of 3 weirs"), "vanostman2021ecology"),
        (replace(PAPER, authors=("The Otter Group",)), "otter2021otters"),
        (replace(PAPER, authors=("Wren A.",), year=None), "wrenotters"),
        (replace(BARE, title="水獭"), "paper"),
    ],
)
def test_a_key_is_made_of_author_year_and_title(paper: Paper, key: str) -> None:
    assert Keys().of(paper) == key


def test_two_papers_never_have_the_same_key_and_the_second_always_has_its_own() -> None:
    second = replace(PAPER, id="doi:10.5555/otter.2")
    keys, others = Keys(), Keys()
    assert keys.of(PAPER) == others.of(PAPER) == "wren2021otters"
    others.of(BARE)
    found = keys.of(second)
    assert re.fullmatch(r"wren2021otters-[0-9a-f]{4}", found)
    assert others.of(second) == found
    assert len({keys.of(PAPER) for _ in range(40)}) == 40


def test_bibtex_escapes_what_latex_would_run_and_keeps_formulas() -> None:
    assert bibtex.escape("50% of A_1 & B #2 cost $5 {sic}") == (
        r"50\% of A\_1 \& B \#2 cost \$5 \textbraceleft{}sic\textbraceright{}"
    )
    assert bibtex.escape("where $x_{i} < 2$ holds") == "where $x_{i} < 2$ holds"
    assert bibtex.escape(r"\input{x}") == r"\textbackslash{}input\textbraceleft{}x\textbraceright{}"


@given(st.text(alphabet=st.sampled_from("ab1 \\{}$%&_#~^<>-'\"@,é=")))
def test_any_text_is_read_from_bibtex_as_it_was_and_its_braces_are_balanced(text: str) -> None:
    escaped = bibtex.escape(text)
    assert latex.from_bibtex(escaped) == " ".join(text.split())
    assert escaped.count("{") == escaped.count("}")


def test_an_entry_of_bibtex_has_names_with_particles_and_groups_in_braces() -> None:
    entry = written("bibtex", PAPER)
    assert entry.startswith("@article{wren2021otters,\n  title = {{Otters return to clean rivers}},\n")
    assert "  author = {Wren, Ada and de la Crâne, Bo and {The Otter Group}},\n" in entry
    assert "  url = {https://example.org/otters?a=1_2&b=3}," in entry


def test_ris_has_line_ends_of_windows_and_a_value_on_each_line() -> None:
    lines = written("ris", PAPER).split("\r\n")
    assert lines[0] == "TY  - JOUR"
    assert lines[3:6] == ["AU  - Wren, Ada", "AU  - de la Crâne, Bo", "AU  - The Otter Group"]
    assert lines[-3:] == ["ER  - ", "", ""]


def test_text_that_looks_like_a_record_makes_none() -> None:
    assert [line for line in written("ris", HOSTILE).split("\r\n") if line[:2] in ("TY", "ER")] == [
        "TY  - JOUR",
        "ER  - ",
    ]
    entry = written("bibtex", HOSTILE)
    assert re.findall(r"^@\w+", entry, re.MULTILINE) == ["@article"]
    assert entry.count("{") == entry.count("}")


def test_html_and_markdown_show_markup_as_text() -> None:
    page = written("html", HOSTILE)
    assert "<script" not in page and "<b>" not in page
    assert "&lt;script&gt;" in page
    (line,) = written("markdown", HOSTILE).splitlines()
    assert r"\<script\>" in line and r"\[a\](javascript" in line


def test_html_links_to_web_pages_alone() -> None:
    paper = replace(BARE, url="javascript:alert(1)")
    assert "href" not in html.reference(paper)
    assert 'href="https://doi.org/10.5555/otter.1"' in html.reference(PAPER)


@pytest.mark.parametrize("format", references.formats())
def test_what_is_missing_is_left_out(format: str) -> None:
    shown = written(format, BARE)
    assert "weirs stop eels" in shown.lower()
    assert "None" not in shown and "{}" not in shown and "()" not in shown


@pytest.mark.parametrize("format", references.formats())
def test_a_retracted_paper_is_marked(format: str) -> None:
    assert "retracted publication" in written(format, replace(PAPER, retracted=True)).lower()
    assert "retracted" not in written(format, PAPER).lower()


@pytest.mark.parametrize("format", references.formats())
def test_every_format_keeps_letters_of_all_scripts_and_takes_no_paper_at_all(format: str) -> None:
    assert "水獭 Ωмега" in written(format, replace(PAPER, title="水獭 Ωмега"))
    written(format)


def test_csl_is_a_list_of_items() -> None:
    (item,) = json.loads(written("csl", PAPER))
    assert item["author"] == [
        {"family": "Wren", "given": "Ada"},
        {"family": "Crâne", "given": "Bo", "non-dropping-particle": "de la"},
        {"literal": "The Otter Group"},
    ]
    assert (item["id"], item["type"], item["issued"]) == (
        "wren2021otters",
        "article-journal",
        {"date-parts": [[2021]]},
    )
    assert json.loads(written("csl")) == []


@pytest.mark.parametrize("style", STYLED)
def test_a_style_formats_names_title_and_number(style: str) -> None:
    shown = written(style, PAPER)
    assert shown.startswith(STYLED[style])
    assert "10.5555/otter.1" in shown


def test_a_style_sorts_as_it_has_to() -> None:
    earlier = replace(PAPER, id="doi:10.5555/2", doi="10.5555/2", authors=("Zo Auk",), title="Auks")
    assert [line.split(",")[0] for line in written("apa", PAPER, earlier).splitlines()] == ["Auk", "Wren"]
    assert [line[:7] for line in written("vancouver", PAPER, earlier).splitlines()] == ["1. Wren", "2. Auk "]


def test_a_style_is_for_a_reference_list_and_no_library() -> None:
    papers = [replace(PAPER, id=f"doi:10.5555/{n}") for n in range(201)]
    with pytest.raises(RequestError, match="apa is for up to 200 papers and there are more; take bibtex, ris or csl"):
        references.write(papers, "apa")


def test_without_its_extra_a_style_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "citeproc", None)
    with pytest.raises(ConfigError, match=r"pip install 'scholiast\[styles\]'"):
        written("apa", PAPER)


def test_an_unknown_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(RequestError, match="format is 'word'; there is bibtex, ris, csl, markdown, html, text, apa"):
        written("word", PAPER)


def an_answer(text: str) -> Answer:
    quote = "They *came* back."
    citation = Citation(number=1, sentence=0, paper=PAPER, quote=quote, start=0, end=len(quote))
    return Answer(
        id="ans_1",
        question="Do <otters> return?",
        standalone_question="",
        library="default",
        outcome="answered",
        text=text,
        sentences=(),
        citations=(citation,),
        passages=(),
        confidence=1.0,
        model="extractive",
    )


def test_an_answer_as_markdown_has_a_footnote_for_each_paper() -> None:
    shown = markdown.answer(an_answer("They_do_ [1]. Not [2]."), {})
    assert shown.startswith("## Do \\<otters\\> return?\n\nThey\\_do\\_ [^1]. Not \\[2\\].\n\n[^1]: Ada Wren, ")
    assert shown.endswith("\n\n    > They \\*came\\* back.\n")


def test_an_answer_as_html_links_its_marks_to_the_papers() -> None:
    page = html.answer(an_answer("- They do [1].\n- Not [2]."), {})
    assert '<ul>\n<li>They do <a href="#paper-1">[1]</a>.</li>\n<li>Not [2].</li>\n</ul>' in page
    assert '<li id="paper-1" value="1">Ada Wren' in page
    assert "<otters>" not in page


def test_an_answer_takes_what_is_known_of_its_papers() -> None:
    known = replace(PAPER, venue="Another Journal")
    assert "Another Journal" in "".join(references.write_answer(an_answer("So [1]."), {PAPER.id: known}, "text"))
    assert "Journal of River" in "".join(references.write_answer(an_answer("So [1]."), {}, "bibtex"))
