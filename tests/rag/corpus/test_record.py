"""One record to one paper: the fields of arXiv, BEIR, PubMed and others, cleaned or rejected with the reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.record import MAX_TITLE, from_record
from rag.types import IngestNote, Paper, RejectedRecord, Source

TEXT = {"title": "Otters Return", "abstract": "They do."}


def paper(**fields: object) -> Paper:
    record, *_ = from_record({**TEXT, **fields}, "test", 1)
    assert isinstance(record, Paper), record
    return record


def notes(**fields: object) -> str:
    paper, *notes = from_record({**TEXT, **fields}, "test", 7)
    assert isinstance(paper, Paper)
    assert all(isinstance(note, IngestNote) and (note.source, note.line) == ("test", 7) for note in notes)
    return " ".join(note.text for note in notes if isinstance(note, IngestNote))


def reason(**fields: object) -> str:
    (record,) = from_record({**TEXT, **fields}, "test", 7)
    assert isinstance(record, RejectedRecord), record
    assert (record.source, record.line) == ("test", 7)
    return record.reason


def test_a_record_of_the_arxiv_snapshot_is_read_whole() -> None:
    record = {
        "id": "0704.0001",
        "submitter": "A. Wren",
        "authors": "A. Wren (Institute of Birds, and others), C. Crane Jr",
        "title": "Otters in\n  $SU(2)$ rivers",
        "comments": "3 pages",
        "journal-ref": "J. Otters 7 (2008) 1-3",
        "doi": "10.1234/Otter.7",
        "abstract": "  They swim\nin $x^2$.\n",
        "categories": "q-bio.PE",
        "versions": [
            {"version": "v1", "created": "Mon, 2 Apr 2007 19:18:42 GMT"},
            {"version": "v2", "created": "2009"},
        ],
        "update_date": "2010-11-26",
        "authors_parsed": [["Wren", "A.", ""], ["Crane", "C.", "Jr"]],
    }
    (found,) = from_record(record, "snapshot", 3)
    assert found == Paper(
        id="arxiv:0704.0001",
        title="Otters in $SU(2)$ rivers",
        abstract="They swim in $x^2$.",
        url="https://arxiv.org/abs/0704.0001",
        year=2007,
        authors=("A. Wren", "C. Crane Jr"),
        venue="J. Otters 7 (2008) 1-3",
        doi="10.1234/otter.7",
        arxiv_id="0704.0001",
        sources=(Source(path="snapshot", line=3),),
    )


def test_a_record_of_a_beir_corpus_keeps_its_id_and_gives_its_metadata() -> None:
    record = {
        "_id": "31",
        "title": "Otters",
        "text": "They swim.",
        "metadata": {"url": "https://a.org/b", "Year": 1999},
    }
    (found,) = from_record(record, "beir", 1)
    assert isinstance(found, Paper)
    assert (found.id, found.abstract, found.url, found.year) == ("31", "They swim.", "https://a.org/b", 1999)


def test_a_record_of_pubmed_is_known_by_its_number_or_its_doi() -> None:
    found = paper(**{"PMID": 123, "Journal/Book": "Otter Letters", "Publication Year": "2001"})
    assert (found.id, found.venue, found.year) == ("pmid:123", "Otter Letters", 2001)
    assert paper(PMID=123, DOI="10.1234/x").id == "doi:10.1234/x"


def test_names_of_fields_may_be_written_in_any_case() -> None:
    (found,) = from_record({"TITLE ": "Otters", "Abstract_Text": "They swim."}, "test", 1)
    assert isinstance(found, Paper)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (["Ada Wren", "Bo Crane"], ("Ada Wren", "Bo Crane")),
        ([{"name": "Ada Wren"}, {"first": "Bo", "last": "Crane"}], ("Ada Wren", "Bo Crane")),
        ("Wren, Ada; Crane, Bo", ("Ada Wren", "Bo Crane")),
        ("Wren, Ada and Crane, Bo", ("Ada Wren", "Bo Crane")),
        ("Ada Wren, Bo Crane, and Cy Finch", ("Ada Wren", "Bo Crane", "Cy Finch")),
        ("Ada Wren and Bo Crane", ("Ada Wren", "Bo Crane")),
        ("Wren A, Crane B", ("Wren A", "Crane B")),
        ("Alexandra Sand", ("Alexandra Sand",)),
        ("Wren, Ada", ("Ada Wren",)),
        ("van der Wren, Ada", ("Ada van der Wren",)),
        ("Wren, A., Crane, B. C., & Finch, C.", ("A. Wren", "B. C. Crane", "C. Finch")),
        ("Wren A., Crane B.", ("Wren A.", "Crane B.")),
        ("Ada Wren|Bo Crane", ("Ada Wren", "Bo Crane")),
        ("Wren, Ada (57190000001); Crane, Bo (57190000002)", ("Ada Wren", "Bo Crane")),
        ("['Ada Wren', 'Bo Crane']", ("Ada Wren", "Bo Crane")),
        ("[{'name': 'Ada Wren', 'authorId': '1'}]", ("Ada Wren",)),
        ("[Ada Wren, Bo Crane]", ("Ada Wren", "Bo Crane")),
        ("Ada Wren, Bo Crane et al.", ("Ada Wren", "Bo Crane")),
        ("Wren, Ada and Crane, Bo and others", ("Ada Wren", "Bo Crane")),
        ("Ada Wren*, Bo Crane†, Cy Finch1,2", ("Ada Wren", "Bo Crane", "Cy Finch")),
        (["Wren, Ada", "Crane, Jr., Bo", "The Otter Consortium"], ("Ada Wren", "Bo Crane Jr.", "The Otter Consortium")),
        ([{"given": "Bo", "non-dropping-particle": "van", "family": "Crane"}], ("Bo van Crane",)),
        (
            [{"literal": "The Otter Consortium"}, {"author": {"display_name": "Ada Wren"}}],
            ("The Otter Consortium", "Ada Wren"),
        ),
        ({"authors": [{"firstName": "Ada", "lastName": "Wren"}]}, ("Ada Wren",)),
        ("Jos&eacute; Wren; Fran\\c{c}ois Crane", ("José Wren", "François Crane")),
        ("", ()),
        (None, ()),
    ],
)
def test_authors_are_read_from_lists_objects_and_strings(value: object, names: tuple[str, ...]) -> None:
    assert paper(authors=value).authors == names


@pytest.mark.parametrize(
    "value",
    [
        2021,
        2021.0,
        "2021",
        "2021.0",
        "2021-05-03",
        20210503,
        "20210503",
        "3 May 2021",
        "c2021",
        [2021],
        {"date-parts": [["2021", 3]]},
    ],
)
def test_a_year_is_read_from_numbers_and_dates(value: object) -> None:
    assert paper(year=value).year == 2021


@pytest.mark.parametrize("value", [0, -2021, 20211, 3021, "soon", "20211", True, 2021.5, float("inf"), {"a": 1}])
def test_an_invalid_year_is_left_out_and_told_and_the_paper_is_kept(value: object) -> None:
    assert paper(year=value).year is None
    assert "no year between 1500 and 2099" in notes(year=value)


def test_the_next_name_of_a_field_is_used_where_the_first_has_no_usable_value() -> None:
    assert paper(year="in press", publication_date="2021-03-01").year == 2021
    assert notes(year="in press", publication_date="2021-03-01") == ""


@pytest.mark.parametrize("value", [None, "", "  ", float("nan"), "NaN", "n/a"])
def test_a_value_that_means_missing_is_ignored(value: object) -> None:
    found = paper(year=value, url=value, id=value, venue=value, authors=value)
    assert (found.year, found.url, found.venue, found.authors) == (None, None, None, ())
    assert found.id.startswith("title:")


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"title": ""}, "no title; a record needs one"),
        ({"title": None}, "no title; a record needs one"),
        ({"title": 7}, "title is 7, not text"),
        ({"title": "\x01\x02"}, "no title"),
        ({"title": "a" * (MAX_TITLE + 1)}, "title has 1001 characters; 1000 is the most"),
        ({"abstract": {"a": 1}}, "abstract is {'a': 1}, not text"),
        ({"abstract": "half \ud800"}, r"abstract has half a character (U+D800) at 5"),
        ({"abstract": "[No abstract available]"}, "no abstract: '[No abstract available]' stands in its place"),
        ({"abstract": "Abstract not available."}, "stands in its place"),
        ({"abstract": "Copyright © 2021 Wren Press. All rights reserved."}, "stands in its place"),
        ({"abstract": "1"}, "abstract '1' has no words"),
    ],
)
def test_a_record_that_cannot_be_used_says_which_value_and_why(fields: dict[str, object], complaint: str) -> None:
    assert complaint in reason(**fields)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"authors": 5}, "authors is 5; give a list of names"),
        ({"authors": [5]}, "authors has 5, which is no name"),
        ({"url": "javascript:alert(1)"}, "must begin with http:// or https://"),
        ({"url": "http://[x"}, "is no web address"),
        ({"url": "https://a.org/a\nb"}, "is no web address"),
        ({"id": 1.5}, "id is 1.5; write it as text"),
        ({"id": "a\x00b"}, "can't be printed"),
        ({"id": "x" * 201}, "201 characters; 200 is the most"),
        ({"keywords": 5}, "keywords is 5; give a list of words"),
        ({"language": 5}, "language is 5, not text"),
        ({"venue": 5}, "venue is 5, not text"),
    ],
)
def test_a_bad_optional_value_is_left_out_and_told_and_the_paper_is_kept(
    fields: dict[str, object], complaint: str
) -> None:
    assert complaint in notes(**fields)
    assert notes(**fields).endswith("the paper is kept without it")


def test_control_characters_are_removed_and_every_other_character_stays() -> None:
    found = paper(title="Ot\x07ters\ufeff  of \tR\u0301", abstract="1 < 2 & $f(\\alpha)$\u00a0\n[3] goes")
    assert (found.title, found.abstract) == ("Otters of Ŕ", "1 < 2 & f(α) [3] goes")


def test_a_list_of_sentences_is_one_abstract() -> None:
    assert paper(abstract=["One.", "Two."]).abstract == "One. Two."


def test_unsafe_characters_of_a_url_are_encoded() -> None:
    assert paper(url="example.org/a b|<c>").url == "https://example.org/a%20b%7C%3Cc%3E"


@pytest.mark.parametrize(
    ("fields", "identity", "url"),
    [
        ({"id": "arXiv:2310.12345v2"}, "arxiv:2310.12345", "https://arxiv.org/abs/2310.12345"),
        ({"url": "https://arxiv.org/abs/2310.12345v2"}, "arxiv:2310.12345", "https://arxiv.org/abs/2310.12345v2"),
        ({"doi": "10.1000/ABC"}, "doi:10.1000/abc", "https://doi.org/10.1000/abc"),
        ({"pmid": 99}, "pmid:99", "https://pubmed.ncbi.nlm.nih.gov/99"),
        ({"id": "W7", "doi": "10.1000/abc"}, "W7", "https://doi.org/10.1000/abc"),
        ({"arxiv_id": "2310.12345", "doi": "10.1/x"}, "arxiv:2310.12345", "https://arxiv.org/abs/2310.12345"),
        ({"id": 17}, "17", None),
    ],
)
def test_ids_and_urls_are_made_from_each_other(fields: dict[str, object], identity: str, url: str | None) -> None:
    assert (paper(**fields).id, paper(**fields).url) == (identity, url)


def test_a_word_in_place_of_a_doi_does_not_merge_papers() -> None:
    assert paper(doi="-", title="A").id != paper(doi="-", title="B").id


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["title", "text", "id", "doi", "url", "year", "authors", "authors_parsed", "venue", "metadata"])


@pytest.mark.slow
@given(record=st.dictionaries(names | st.text(), json_values))
def test_any_object_is_a_paper_or_is_rejected(record: dict[str, object]) -> None:
    first, *others = from_record(TEXT | record, "test", 1)
    assert isinstance(first, Paper | RejectedRecord)
    assert all(isinstance(other, IngestNote) for other in others)
