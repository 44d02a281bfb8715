"""A library says what built it, and whether this program goes on with it."""

import pytest

from rag.library import schema
from rag.library.schema import LibraryRow
from rag.text import chunk


def built_with(chunker: str) -> LibraryRow:
    return LibraryRow(
        name="sleep",
        embedder="words",
        dimension=3,
        chunker=chunker,
        schema_version=schema.VERSION,
        revision=1,
        generation="g",
        chroma_revision=1,
    )


@pytest.mark.parametrize("chunker", sorted(chunk.USABLE))
def test_a_library_of_the_former_chunker_is_used_as_it_is(chunker: str) -> None:
    assert schema.find_mismatch(built_with(chunker), "words") == ""


def test_a_library_of_another_chunker_is_refused_with_the_command_that_repairs_it() -> None:
    assert "rebuild" in schema.find_mismatch(built_with("whole"), "words")
