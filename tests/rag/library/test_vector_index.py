"""Chroma holds each paper's chunks once, finds the nearest, and damage is one clear error."""

import socket
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.errors import BackendError, ConfigError, LibraryError
from rag.library.stored import StoredPaper
from rag.library.vector_index import Chroma, as_left
from rag.text.sentences import Span
from rag.types import Paper

EAST, NORTH, WEST = ([1, 0], [0, 1], [-1, 0])


def stored(id: str, *vectors: list[int], year: int | None = None) -> StoredPaper:
    paper = Paper(id=id, title=f"Title of {id}", abstract="abcdefgh", year=year)
    spans = tuple(Span(i, i + 1) for i in range(len(vectors)))
    array = np.array(vectors, np.float32).reshape(len(vectors), 2)
    return StoredPaper(paper=paper, chunks=spans, chunk_vectors=array, sentences=spans, sentence_vectors=array)


def vector(numbers: list[int]) -> NDArray[np.float32]:
    return np.array(numbers, np.float32)


@pytest.fixture
def chroma(tmp_path: Path) -> Chroma:
    return Chroma.embedded(tmp_path / "index", "main", create=True)


def test_the_nearest_chunks_come_first_with_their_cosine(chroma: Chroma) -> None:
    chroma.apply([stored("a", EAST, NORTH), stored("10.1/b#c", WEST, year=2020)], [])
    hits = chroma.nearest(vector(EAST), 9)
    assert [id for id, _ in hits] == ["a", "a", "10.1/b#c"]
    assert [cosine for _, cosine in hits] == pytest.approx([1, 0, -1], abs=1e-6)


def test_a_paper_is_replaced_wholly_and_a_repetition_changes_nothing(chroma: Chroma) -> None:
    chroma.apply([stored("a", EAST, NORTH, year=2020), stored("b", WEST)], [])
    for _ in range(2):
        chroma.apply([stored("a", WEST)], ["b", "nobody"])
        assert {id: list(found) for id, found in chroma.rows().items()} == {"a#0": WEST}
    assert chroma.count() == 1


def test_a_paper_without_chunks_is_no_trouble(chroma: Chroma) -> None:
    chroma.apply([stored("empty")], [])
    assert chroma.nearest(vector(EAST), 3) == []


def test_what_was_stored_is_there_after_reopening(chroma: Chroma, tmp_path: Path) -> None:
    chroma.apply([stored("a", EAST)], [])
    chroma.close()
    again = Chroma.embedded(tmp_path / "index", "main", create=False)
    assert [id for id, _ in again.nearest(vector(EAST), 1)] == ["a"]


def test_create_begins_anew_in_whatever_a_killed_process_left(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "chroma.sqlite3").write_bytes(b"half a file")
    assert Chroma.embedded(tmp_path / "index", "main", create=True).count() == 0


DAMAGE = [(None, "is missing"), (b"", "is missing"), (b"garbage" * 999, "is damaged")]


@pytest.mark.parametrize(("content", "complaint"), DAMAGE)
def test_a_missing_or_damaged_folder_names_the_command_that_mends_it(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    if content is not None:
        (tmp_path / "chroma.sqlite3").write_bytes(content)
    with pytest.raises(LibraryError, match=rf"{complaint}.*; run `scholiast rebuild --library main`"):
        Chroma.embedded(tmp_path, "main", create=False)


def test_a_vector_of_another_length_is_one_clear_error(chroma: Chroma) -> None:
    chroma.apply([stored("a", EAST)], [])
    with pytest.raises(LibraryError, match="dimension"):
        chroma.nearest(vector([1, 0, 0]), 1)


def test_files_of_the_graph_touched_after_close_are_noticed(chroma: Chroma, tmp_path: Path) -> None:
    chroma.close()
    assert as_left(tmp_path / "index")
    (tmp_path / "index" / "graph").mkdir()
    (tmp_path / "index" / "graph" / "data_level0.bin").write_bytes(b"?")
    assert not as_left(tmp_path / "index")


def test_a_server_that_does_not_answer_may_be_tried_again() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(BackendError, match="is its server running") as caught:
            Chroma.served(f"http://127.0.0.1:{unused.getsockname()[1]}", "main", "1", create=True)
    assert caught.value.retryable


def test_a_url_that_is_none_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match="SCHOLIAST_CHROMA_URL is 'localhost:8000'"):
        Chroma.served("localhost:8000", "main", "1", create=True)
