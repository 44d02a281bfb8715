"""Reading files: which format, which lines, and the error for a file that can't be read."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag import corpus
from rag.errors import ConfigError, CorpusError
from rag.types import IngestNote, Paper, RejectedRecord

Save = Callable[..., Path]

ABSTRACT = (
    "We count the otters of twelve rivers for nine winters and find that they come back where the water is clean."
)
GOOD = json.dumps({"title": "Otters Return", "abstract": ABSTRACT})


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def to_file(content: str | bytes, name: str = "papers.jsonl") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to_file


def papers(path: Path, format: str | None = None) -> list[Paper]:
    return [record for record in corpus.read(path, format) if isinstance(record, Paper)]


def rejected(path: Path, format: str | None = None) -> list[RejectedRecord]:
    return [record for record in corpus.read(path, format) if isinstance(record, RejectedRecord)]


def test_formats_are_what_read_accepts() -> None:
    for format in corpus.formats():
        with pytest.raises(CorpusError, match="does not exist"):
            corpus.read(Path("nowhere"), format)


def test_an_unknown_format_is_refused_with_the_names_of_those_there_are(save: Save) -> None:
    with pytest.raises(ConfigError, match=r"no corpus format 'word'; there is jsonl, csv, bibtex"):
        corpus.read(save(GOOD), "word")


def test_content_decides_the_format_not_the_suffix(save: Save) -> None:
    assert papers(save(GOOD, "papers.csv"))[0].title == "Otters Return"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n\r\n\t ", "is empty"),
        (b'{"title": "a\0"}', "byte 12 is NUL"),
        (b'{"title": "caf\xe9"}', "not UTF-8: invalid continuation byte at byte 14"),
        (b'\xef\xbb\xbf{"title": "caf\xe9"}', "at byte 17"),
        ("é".encode()[:1], "unexpected end of data at byte 0"),
        (GOOD.encode("utf-16")[:-1], "is not UTF-16 text"),
        (b"\x1f\x8b\x08rest", "can't be unpacked"),
        (b"\x28\xb5\x2f\xfdrest", "can't be unpacked"),
        (b"PK\x03\x04rest", "can't be unpacked"),
        (b"%PDF-1.7", "is a PDF"),
        (b"A shopping list.\nMilk.\n", "in no known format: jsonl"),
        (b"[]", "has no records"),
        (b"title,abstract\n", "has no records"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(save: Save, content: bytes, complaint: str) -> None:
    with pytest.raises(CorpusError, match=complaint):
        corpus.read(save(content))


def test_a_bad_byte_far_into_a_file_is_found_before_the_first_paper_is_yielded(save: Save) -> None:
    content = (GOOD + "\n").encode() * 20_000
    with pytest.raises(CorpusError, match=f"at byte {len(content)}"):
        corpus.read(save(content + b"\xff\n"))


def test_a_character_that_lies_across_two_pieces_of_the_check_is_fine(save: Save) -> None:
    padding = " " * ((1 << 20) - len(GOOD) - len('\n{"title": "') - 1)
    path = save(GOOD + "\n" + padding + GOOD.replace("Otters", "Ötters"))
    assert [paper.title for paper in papers(path)] == ["Otters Return", "Ötters Return"]


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="does not exist"):
        corpus.read(tmp_path / "nowhere.jsonl")
    with pytest.raises(CorpusError, match="holds no file that can be read as papers: it is empty"):
        corpus.read(tmp_path)


def test_a_file_that_may_not_be_opened_is_a_corpus_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="can't be read: File name too long"):
        corpus.read(tmp_path / ("x" * 300))


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_of_any_system_are_read(save: Save, line_end: str, mark: str) -> None:
    found = papers(save(mark + line_end.join([GOOD, "", GOOD])))
    assert [(paper.title, paper.sources[0].line) for paper in found] == [("Otters Return", 1), ("Otters Return", 3)]


def test_a_bad_record_is_rejected_with_its_line_and_the_rest_is_read(save: Save) -> None:
    path = save("\n".join([GOOD, "{not json", "[1]", '{"title": "Alone"}', GOOD]))
    assert len(papers(path)) == 2
    assert [(bad.line, bad.source) for bad in rejected(path)] == [(2, str(path)), (3, str(path)), (4, str(path))]
    assert [bad.reason.split(":")[0].split(";")[0] for bad in rejected(path)] == [
        "not JSON",
        "is a JSON list, not an object",
        "no abstract",
    ]


def test_unicode_line_separators_do_not_end_a_line(save: Save) -> None:
    assert papers(save('{"title": "A\u2028B\x85C", "abstract": "Text."}\n'))[0].title == "A B C"


@pytest.mark.parametrize("line", ["[" * 100_000, '{"year": ' + "9" * 5000 + "}", '{"title": "a\tb"}', "NaN"])
def test_a_line_that_breaks_the_json_parser_is_only_rejected(save: Save, line: str) -> None:
    assert [bad.line for bad in rejected(save(GOOD + "\n" + line + "\n" + GOOD))] == [2]


def test_a_json_list_is_read_with_the_lines_of_its_entries(save: Save) -> None:
    path = save(json.dumps([{"title": f"Paper {n}", "abstract": "Text."} for n in (1, 2)], indent=1), "list.json")
    assert [(paper.title, paper.sources[0].line) for paper in papers(path)] == [("Paper 1", 2), ("Paper 2", 6)]


def test_one_json_object_over_several_lines_is_one_paper(save: Save) -> None:
    assert len(papers(save(json.dumps(json.loads(GOOD), indent=2)))) == 1


def test_a_truncated_json_list_yields_nothing(save: Save) -> None:
    with pytest.raises(CorpusError, match="line 2: Expecting ',' delimiter"):
        corpus.read(save(f"[{GOOD}\n"))


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_a_table_is_read_by_its_header_whatever_the_delimiter(save: Save, mark: str) -> None:
    rows = [["Year", "TITLE", "Abstract"], ["2021", "Otters Return", '"They, it seems; do."']]
    path = save("\n".join(mark.join(row) for row in rows))
    assert [(p.title, p.abstract, p.year) for p in papers(path)] == [("Otters Return", "They, it seems; do.", 2021)]


def test_a_row_may_span_lines_and_is_placed_where_it_begins(save: Save) -> None:
    path = save('title,abstract\n\nOne,"First\nline, and ""more""."\r\nTwo,Text.\n', "papers.csv")
    assert [(p.abstract, p.sources[0].line) for p in papers(path)] == [
        ('First line, and "more".', 3),
        ("Text.", 5),
    ]


def test_a_row_with_the_wrong_number_of_columns_is_rejected(save: Save) -> None:
    path = save("title,abstract\nOne,Text.\nTwo,Text, more text.\nThree\nFour,Text.\n", "papers.csv")
    assert [p.title for p in papers(path)] == ["One", "Four"]
    assert [(bad.line, bad.reason[:9]) for bad in rejected(path)] == [(3, "3 columns"), (4, "1 columns")]


def test_a_quote_that_is_never_closed_does_not_swallow_the_papers_after_it(save: Save) -> None:
    path = save('title,abstract\nOne,"Open.\nTwo,"Text."\nThree,"Text."\nFour,"Text."\n', "papers.csv")
    assert [p.title for p in papers(path)] == ["Three", "Four"]
    assert [bad.reason.split(":")[0] for bad in rejected(path)] == ["lines 2 to 3 are no row"]


def test_prose_inside_a_broken_row_is_never_read_as_a_paper(save: Save) -> None:
    path = save('title,abstract\nOne,"They said "no" here\nand there, too."\nTwo,Text.\n', "papers.csv")
    assert [p.title for p in papers(path)] == ["Two"]
    assert [bad.line for bad in rejected(path)] == [2]


def test_a_table_without_the_columns_we_need_says_so_when_named(save: Save) -> None:
    with pytest.raises(CorpusError, match="among them title and abstract"):
        corpus.read(save("name,notes\na,b\n"), "csv")


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200),
        st.lists(st.sampled_from([GOOD, "title,abstract", '"', "{", "[{", "Subscribe", "A,B", ABSTRACT, ""])).map(
            "\n".join
        ),
    ),
    format=st.sampled_from([None, *corpus.formats()]),
)
def test_whatever_is_in_a_file_only_a_corpus_error_comes_out(
    save: Save, content: str | bytes, format: str | None
) -> None:
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    try:
        records = list(corpus.read(save(content), format))
    except CorpusError:
        return
    assert all(isinstance(record, Paper | RejectedRecord | IngestNote) for record in records)


def one_line(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


words = st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="<&\\$")).map(
    lambda text: f"Otters swim: {text}"
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(words, words), min_size=1, max_size=5), gap=st.integers(0, 3), raw=st.booleans())
def test_a_jsonl_round_trip_keeps_words_and_lines(
    save: Save, pairs: list[tuple[str, str]], gap: int, raw: bool
) -> None:
    lines = [json.dumps({"title": title, "abstract": text}, ensure_ascii=raw) for title, text in pairs]
    found = papers(save(("\n" * (gap + 1)).join(lines)))
    expected = [(1 + n * (gap + 1), one_line(title), one_line(text)) for n, (title, text) in enumerate(pairs)]
    assert [(p.sources[0].line, p.title, p.abstract) for p in found] == expected
