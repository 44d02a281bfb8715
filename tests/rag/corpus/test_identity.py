"""The identity of a paper: the same for every way of writing it, different for different papers, safe in a URL."""

from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.identity import MAX_ID, UnusableIdError, known_id, normalised_title, page, paper_id


@pytest.mark.parametrize(
    "written",
    [
        "2310.12345",
        " arXiv:2310.12345v2 ",
        "arxiv: 2310.12345",
        "https://arxiv.org/abs/2310.12345v2",
        "http://www.arxiv.org/pdf/2310.12345v1.pdf",
        "https://arxiv.org/abs/2310.12345?context=cs#top",
        "https://huggingface.co/papers/2310.12345",
        "10.48550/arXiv.2310.12345",
        "https://doi.org/10.48550/arXiv.2310.12345",
    ],
)
def test_an_arxiv_number_is_one_id_however_written(written: str) -> None:
    assert paper_id("Any title", written) == "arxiv:2310.12345"


@pytest.mark.parametrize(
    ("written", "identity"),
    [
        ("hep-th/9901001v3", "arxiv:hep-th/9901001"),
        ("https://arxiv.org/abs/math.GT/0309136", "arxiv:math/0309136"),
        ("doi:10.1000/ABC.7", "doi:10.1000/abc.7"),
        ("https://dx.doi.org/10.1000/ABC.7", "doi:10.1000/abc.7"),
        ("PMID: 00123", "pmid:123"),
        ("https://pubmed.ncbi.nlm.nih.gov/123/", "pmid:123"),
        ("12345", "12345"),
        ("2399.12345", "2399.12345"),
        (" My-Key_7 ", "My-Key_7"),
        ("https://openalex.org/W42", "openalex.org/W42"),
        ("Müller2020", "Müller2020"),
    ],
)
def test_other_ids_are_normalised_if_known_and_kept_as_given_if_not(written: str, identity: str) -> None:
    assert paper_id("Any title", written) == identity


@pytest.mark.parametrize("own_id", [None, "", "  "])
def test_a_paper_without_an_id_is_known_by_its_title(own_id: str | None) -> None:
    assert paper_id("Otters: a RETURN?", own_id) == paper_id("otters -- a return", None)
    assert paper_id("Otters", own_id).startswith("title:")
    assert len(paper_id("Otters", own_id)) == len("title:") + 16


def test_titles_are_compared_without_case_and_punctuation_but_with_accents() -> None:
    assert normalised_title("  The ﬁrst_Straße: x²!  ") == "the first strasse x2"
    assert normalised_title("Résumé") == normalised_title("RE\u0301SUME\u0301") != normalised_title("Resume")


def test_titles_in_scripts_that_write_vowels_as_marks_stay_apart() -> None:
    assert normalised_title("कि") != normalised_title("का")


def test_titles_without_a_letter_stay_apart() -> None:
    assert paper_id("???", None) != paper_id("!!!", None)


def test_an_id_that_is_too_long_is_refused() -> None:
    with pytest.raises(UnusableIdError, match="201 characters; 200 is the most"):
        paper_id("Any title", "x" * 201)


@pytest.mark.parametrize("given_id", ["a?b", "a b", "../etc/passwd", "a//b", "100%25", "doi:10.1/a#b", "a\\b"])
def test_an_id_that_does_not_fit_into_a_url_is_made_safe_and_stays_distinct(given_id: str) -> None:
    safe = paper_id("Any title", given_id)
    assert safe != paper_id("Any title", given_id + ".")
    assert urljoin("http://host/v1/papers/", "./" + safe) == f"http://host/v1/papers/{safe}"
    assert not set("?#%\\ ") & set(safe)


def test_pages_are_known_for_public_ids_only() -> None:
    assert page("hep-th/9901001") == "https://arxiv.org/abs/hep-th/9901001"
    assert page("10.1002/A<3::AID>3.0.CO;2-#") == "https://doi.org/10.1002/a%3C3%3A%3Aaid%3E3.0.co%3B2-%23"
    assert page("W42") is None


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"), max_size=MAX_ID))
def test_an_id_is_stable_printable_and_no_longer_than_promised(title: str, own_id: str) -> None:
    try:
        identity = paper_id(title, own_id)
    except UnusableIdError:
        return
    assert paper_id(title, identity) == identity
    assert identity.isprintable()
    assert known_id(identity) in (None, identity)
