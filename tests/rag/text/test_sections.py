"""The labels of structured abstracts are recognised in the forms in which exports write them."""

import pytest

from rag.text.sections import label, sections


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("CONCLUSIONS: Tea helps.", "CONCLUSIONS: "),
        ("MATERIALS AND METHODS: We asked 12 nurses.", "MATERIALS AND METHODS: "),
        ("Results. Tea helped.", "Results. "),
        ("Background and aims: Tea is old.", "Background and aims: "),
        ("Tea helps: it keeps nurses awake.", ""),
        ("HIV: a review.", ""),
        ("Results were good.", ""),
        ("", ""),
    ],
)
def test_a_label_ends_with_a_colon_or_full_stop(sentence: str, found: str) -> None:
    assert label(sentence) == found


def test_a_section_lasts_until_the_next_label() -> None:
    abstract = [
        "Tea is old.",
        "METHODS: We asked.",
        "They said.",
        "RESULTS: 12 of 20.",
        "CONCLUSION: Tea helps.",
        "So.",
    ]
    assert sections(abstract) == ["unknown", "methods", "methods", "results", "conclusion", "conclusion"]
