"""The values of slots are told apart, and what is narrower is about the value too."""

from collections import Counter

import pytest

from rag.text import slots


def test_no_spelling_stands_for_two_values() -> None:
    counts = Counter(spelling for value in slots.values() for spelling in value.spellings)
    assert [spelling for spelling, count in counts.items() if count > 1] == []


def test_every_value_is_in_lower_case_and_found_in_a_text_that_says_it() -> None:
    spellings = [(spelling, value) for value in slots.values() for spelling in value.spellings]
    assert [s for s, value in spellings if value not in slots.said(f"About {s.replace('_', ' ')}.")] == []


@pytest.mark.parametrize(
    ("asked", "text", "met"),
    [
        ("in adults", "Elderly patients slept less.", True),
        ("in the elderly", "Adults slept less.", False),
        ("in children", "The child's sleep was short.", True),
        ("in Europe", "Finnish farms were visited.", True),
        ("in South Korea", "Korean farms were visited.", True),
        ("of tocilizumab", "Tocilizumab was given.", True),
        ("of tocilizumab", "Rituximab was given.", False),
        ("of bronchitis", "Sinusitis was seen.", False),
        ("of sugar", "Glucose was measured.", True),
    ],
)
def test_a_value_is_met_by_its_spellings_and_by_what_is_narrower(asked: str, text: str, met: bool) -> None:
    values = slots.said(asked)
    assert values
    assert all(value.is_met_by(text) for value in values) == met
