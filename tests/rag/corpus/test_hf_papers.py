"""Saved pages of the paper index: which lines are titles, and which lines are rejected."""

from pathlib import Path

import pytest

from rag import corpus
from rag.corpus.hf_papers import recognises
from rag.types import Paper, RejectedRecord

OTTERS = (
    "Otters Return to Clean Rivers",
    "We count the otters of twelve rivers for nine winters. They come back where the water is clean, and stay away "
    "from the three rivers that carry salt from the mines, whatever the number of fish in them.",
)
MOSS = (
    "k-Moss: Growing Roofs That Drink",
    "Roofs of moss hold back a third of the rain in our trial of forty houses. We describe how to lay the moss, what "
    "it weighs when wet, and why the roofs on the north side of a street do better than their neighbours.",
)
BELLS = (
    "Are Church Bells Getting Louder?",
    "No. Measured at two hundred metres, the bells of sixty villages are as loud as in the records of 1911; it is the "
    "streets that have become quieter at night, so that the same stroke is heard from farther away.",
)
SPACED_HEADER = ["new", "Get trending papers in your email inbox!", "Subscribe", "byAK and the research community"]
DENSE_HEADER = ["Get trending papers in your email inbox once a day!", "Get trending papers in your email inbox!"]


def page(tmp_path: Path, lines: list[str], between: str = "\n\n") -> Path:
    path = tmp_path / "page.txt"
    path.write_text(between.join(lines))
    return path


def entries(path: Path, format: str | None = None) -> list[tuple[str, str]]:
    return [(p.title, p.abstract) for p in corpus.read(path, format) if isinstance(p, Paper)]


def rejected_lines(path: Path, format: str | None = None) -> list[int]:
    return [record.line for record in corpus.read(path, format) if isinstance(record, RejectedRecord)]


def test_a_page_with_blank_lines_is_read_without_its_header(tmp_path: Path) -> None:
    path = page(tmp_path, [*SPACED_HEADER, "Mar 14", *OTTERS, *MOSS])
    assert entries(path) == [OTTERS, MOSS]
    assert [p.sources[0].line for p in corpus.read(path) if isinstance(p, Paper)] == [11, 15]


def test_a_page_without_blank_lines_is_read_with_its_first_title_freed_from_the_button(tmp_path: Path) -> None:
    path = page(tmp_path, [*DENSE_HEADER, "Subscribe" + OTTERS[0], OTTERS[1], *MOSS], "\n")
    assert entries(path) == [OTTERS, MOSS]
    assert [p.sources[0].line for p in corpus.read(path) if isinstance(p, Paper)] == [3, 5]


@pytest.mark.parametrize(
    "title", ["nnMoss: Roofs", "k-Moss", "σ-Moss", "[MASK] the Moss", "3D Moss", "Subscriber Moss"]
)
def test_a_glued_title_keeps_its_first_letter_whatever_it_is(tmp_path: Path, title: str) -> None:
    path = page(tmp_path, [*DENSE_HEADER, "Subscribe" + title, MOSS[1]], "\n")
    assert entries(path) == [(title, MOSS[1])]


def test_a_title_that_begins_like_the_button_keeps_its_word(tmp_path: Path) -> None:
    path = page(tmp_path, [*DENSE_HEADER, "Subscribers Leave in Spring", MOSS[1]], "\n")
    assert entries(path, "hf_papers") == [("Subscribers Leave in Spring", MOSS[1])]


@pytest.mark.parametrize(
    "line", ["Mar 28", "14 March", "March 14, 2025", "Sign Up", "Log In", "by AK and the research community", "42"]
)
def test_no_date_or_button_becomes_a_title(tmp_path: Path, line: str) -> None:
    path = page(tmp_path, [*SPACED_HEADER, line, *OTTERS, line, *MOSS, line])
    assert list(corpus.read(path)) == [p for p in corpus.read(path) if isinstance(p, Paper)]
    assert entries(path) == [OTTERS, MOSS]


def test_a_title_without_an_abstract_is_rejected_and_the_next_entry_is_whole(tmp_path: Path) -> None:
    path = page(tmp_path, [*SPACED_HEADER, *OTTERS, BELLS[0], *MOSS])
    assert entries(path) == [OTTERS, MOSS]
    assert rejected_lines(path) == [13]


def test_a_last_title_without_an_abstract_is_rejected(tmp_path: Path) -> None:
    assert rejected_lines(page(tmp_path, [*SPACED_HEADER, *OTTERS, BELLS[0]])) == [13]


def test_text_without_a_title_is_rejected_and_joined_to_no_other_title(tmp_path: Path) -> None:
    path = page(tmp_path, [*SPACED_HEADER, *OTTERS, BELLS[1], *MOSS])
    assert entries(path) == [OTTERS, MOSS]
    assert rejected_lines(path) == [13]


def test_an_abstract_shorter_than_its_title_is_rejected_with_it(tmp_path: Path) -> None:
    path = page(tmp_path, [*SPACED_HEADER, *OTTERS, BELLS[0], "No.", *MOSS])
    assert entries(path) == [OTTERS, MOSS]
    assert rejected_lines(path) == [13]


def test_an_unknown_line_of_a_header_is_rejected_not_made_a_title(tmp_path: Path) -> None:
    path = page(tmp_path, ["Welcome to our new look", *SPACED_HEADER, *OTTERS])
    assert entries(path) == [OTTERS]
    assert rejected_lines(path) == [1]


def test_a_page_whose_header_was_cut_off_is_known_by_its_alternating_lines(tmp_path: Path) -> None:
    assert entries(page(tmp_path, [*OTTERS, *MOSS])) == [OTTERS, MOSS]


def test_other_text_is_not_taken_for_a_page() -> None:
    assert not recognises("<html>\n" + MOSS[1])
    assert not recognises("\n".join(["# Notes", MOSS[1], "# More", OTTERS[1]]))
    assert not recognises("Subscribe\nto our newsletter\n")
    assert not recognises(MOSS[1])
