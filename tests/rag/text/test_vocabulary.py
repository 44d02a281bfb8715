"""Every entry of the vocabulary matches its example and not its counter-example."""

import pytest

from rag.text import vocabulary
from rag.text.vocabulary import Entry

ENTRIES = list(vocabulary.entries())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_matches_its_example_and_not_its_counterexample(entry: Entry) -> None:
    assert entry.pattern.search(entry.example)
    assert not entry.pattern.search(entry.counterexample)


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry.abstract], ids=lambda entry: entry.name)
def test_an_answer_type_is_recognised_in_an_abstract(entry: Entry) -> None:
    assert entry.abstract is not None
    assert entry.abstract.search(entry.abstract_example)
    assert not entry.abstract.search("We propose a method that works well.")


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        vocabulary.pattern("question.weather")
