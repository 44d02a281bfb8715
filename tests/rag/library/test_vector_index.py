"""The vector index holds each paper's chunks once, finds the nearest, and reports damage in one clear error."""

import socket
from itertools import count
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.errors import ConfigError, LibraryError, UnavailableError
from rag.library.vector_index import VectorIndex, is_as_closed
from rag.types import Paper, Span, StoredPaper

EAST, NORTH, WEST = ([1, 0], [0, 1], [-1, 0])


def stored(id: str, *vectors: list[int], year: int | None = None) -> StoredPaper:
    paper = Paper(id=id, title=f"Title of {id}", abstract="abcdefgh", year=year)
    spans = tuple(Span(i, i + 1) for i in range(len(vectors)))
    array = np.array(vectors, np.float32).reshape(len(vectors), 2)
    return StoredPaper(paper=paper, chunks=spans, chunk_vectors=array, sentences=spans, sentence_vectors=array)


def vector(numbers: list[int]) -> NDArray[np.float32]:
    return np.array(numbers, np.float32)


@pytest.fixture
def index(tmp_path: Path) -> VectorIndex:
    return VectorIndex.embedded(tmp_path / "index", "main", create=True)


def test_the_nearest_chunks_come_first_with_their_cosine(index: VectorIndex) -> None:
    index.apply([stored("a", EAST, NORTH), stored("10.1/b#c", WEST, year=2020)], [])
    hits = index.nearest(vector(EAST), 9)
    assert [id for id, _ in hits] == ["a", "a", "10.1/b#c"]
    assert [cosine for _, cosine in hits] == pytest.approx([1, 0, -1], abs=1e-6)


def test_a_paper_is_replaced_as_a_whole_and_a_repetition_changes_nothing(index: VectorIndex) -> None:
    index.apply([stored("a", EAST, NORTH, year=2020), stored("b", WEST)], [])
    for _ in range(2):
        index.apply([stored("a", WEST)], ["b", "nobody"])
        assert {id: list(found) for id, found in index.rows().items()} == {"a#0": WEST}
    assert index.count() == 1


def test_while_questions_are_asked_an_add_of_many_rows_leaves_the_interpreter_to_others(index: VectorIndex) -> None:
    """A thread that wants to run gets its turn between small adds, and nothing is left out."""
    ids = [f"p{number}" for number in range(1_000)]
    turns = count()
    done = Event()

    def take_turns() -> None:
        while not done.is_set():
            next(turns)
            done.wait(0.01)

    index.nearest(vector(EAST), 1)
    other = Thread(target=take_turns)
    other.start()
    try:
        index.apply([stored(id, EAST, NORTH) for id in ids], [])
    finally:
        done.set()
        other.join()
    assert index.rows().keys() == {f"{id}#{chunk}" for id in ids for chunk in (0, 1)}
    assert next(turns) > 20  # 2 with one add of 500 papers after the other; 5 in each pause of the small ones


def test_a_paper_without_chunks_can_be_stored(index: VectorIndex) -> None:
    index.apply([stored("empty")], [])
    assert index.nearest(vector(EAST), 3) == []


def test_what_was_stored_is_there_after_reopening(index: VectorIndex, tmp_path: Path) -> None:
    index.apply([stored("a", EAST)], [])
    index.close()
    again = VectorIndex.embedded(tmp_path / "index", "main", create=False)
    assert [id for id, _ in again.nearest(vector(EAST), 1)] == ["a"]


def test_create_replaces_what_a_killed_process_left(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "chroma.sqlite3").write_bytes(b"half a file")
    assert VectorIndex.embedded(tmp_path / "index", "main", create=True).count() == 0


DAMAGE = [(None, "is missing"), (b"", "is missing"), (b"garbage" * 999, "is damaged")]


@pytest.mark.parametrize(("content", "complaint"), DAMAGE)
def test_a_missing_or_damaged_folder_names_the_command_that_repairs_it(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    if content is not None:
        (tmp_path / "chroma.sqlite3").write_bytes(content)
    with pytest.raises(LibraryError, match=rf"{complaint}.*; run `scholiast rebuild --library main`"):
        VectorIndex.embedded(tmp_path, "main", create=False)


def test_a_vector_of_another_length_is_one_clear_error(index: VectorIndex) -> None:
    index.apply([stored("a", EAST)], [])
    with pytest.raises(LibraryError, match="dimension"):
        index.nearest(vector([1, 0, 0]), 1)


def test_files_of_the_graph_changed_after_close_are_noticed(index: VectorIndex, tmp_path: Path) -> None:
    index.close()
    assert is_as_closed(tmp_path / "index")
    (tmp_path / "index" / "graph").mkdir()
    (tmp_path / "index" / "graph" / "data_level0.bin").write_bytes(b"?")
    assert not is_as_closed(tmp_path / "index")


def test_a_server_that_does_not_answer_is_an_outage_whose_address_is_not_for_everybody() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(UnavailableError, match=r"127\.0\.0\.1.*is its server running") as caught:
            VectorIndex.served(f"http://127.0.0.1:{unused.getsockname()[1]}", "main", "1", create=True)
    assert "127.0.0.1" not in caught.value.public


def test_an_invalid_url_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="SCHOLIAST_CHROMA_URL is 'localhost:8000'"):
        VectorIndex.served("localhost:8000", "main", "1", create=True)
