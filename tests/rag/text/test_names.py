"""Names of authors and venues as people say them."""

import pytest

from rag.text.names import is_same_person, is_same_venue


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Moe", "Ann Moe"),
        ("moe", "Moe, Ann"),
        ("A. Moe", "Ann Moe"),
        ("Ann Moe", "Moe A"),
        ("Angstrom", "Zoë Ångström"),
    ],
)
def test_a_person_is_known_by_each_way_of_writing_a_name(said: str, name: str) -> None:
    assert is_same_person(said, name)


@pytest.mark.parametrize(("said", "name"), [("Moe", "Ann Moen"), ("Ida Moe", "Ann Moe"), ("A", "A Moe")])
def test_another_person_is_not(said: str, name: str) -> None:
    assert not is_same_person(said, name)


@pytest.mark.parametrize(
    ("said", "venue", "same"),
    [
        ("neurips", "Proc. NeurIPS 2024", True),
        ("Nature", "Nature Medicine", True),
        ("Chaos, Solitons & Fractals", "Chaos Solitons Fractals", True),
        ("Zürich", "ZURICH LETTERS", True),
        ("Natur", "Nature", False),
        ("?", "Nature", False),
    ],
)
def test_a_venue_is_known_by_whole_words_of_its_name(said: str, venue: str, same: bool) -> None:
    assert is_same_venue(said, venue) is same
