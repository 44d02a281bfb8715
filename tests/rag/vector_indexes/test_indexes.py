"""Every vector index holds each paper's chunks once, finds the nearest, and reports damage in one clear error."""

import shutil
import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from numpy.typing import NDArray

from rag import vector_indexes
from rag.errors import ConfigError, LibraryError, UnavailableError
from rag.library.index_owner import IndexOwner
from rag.library.owned_index import OwnedStore
from rag.protocols import VectorIndex, VectorStore
from rag.types import Paper, Span, StoredPaper
from rag.vector_indexes.chroma import ChromaIndex, EmbeddedChroma

EAST, NORTH, WEST = ([1, 0], [0, 1], [-1, 0])


def stored(id: str, *vectors: list[int], year: int | None = None) -> StoredPaper:
    paper = Paper(id=id, title=f"Title of {id}", abstract="abcdefgh", year=year)
    spans = tuple(Span(i, i + 1) for i in range(len(vectors)))
    array = np.array(vectors, np.float32).reshape(len(vectors), 2)
    return StoredPaper(paper=paper, chunks=spans, chunk_vectors=array, sentences=spans, sentence_vectors=array)


def vector(numbers: list[int]) -> NDArray[np.float32]:
    return np.array(numbers, np.float32)


@pytest.fixture(params=["chroma", "lancedb", "lancedb:PLACE", "chroma of another process"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    kind, _, owner = request.param.replace("PLACE", str(tmp_path / "place")).partition(" ")
    if not owner:
        yield vector_indexes.store(kind)
        return
    with IndexOwner(tmp_path, "", vector_indexes.store(kind)) as held:
        worker = OwnedStore(held.address, "worker")
        worker.lock("main").acquire("main")
        yield worker


def opened(store: VectorStore, tmp_path: Path, *, create: bool = False) -> VectorIndex:
    return store.open(tmp_path / "index", "main", "1", create=create)


@pytest.fixture
def index(store: VectorStore, tmp_path: Path) -> Iterator[VectorIndex]:
    index = opened(store, tmp_path, create=True)
    yield index
    index.close()


def test_the_nearest_chunks_come_first_with_their_cosine(index: VectorIndex) -> None:
    index.apply([stored("a", EAST, NORTH), stored("10.1/b#c", WEST, year=2020)], [])
    hits = index.nearest(vector(EAST), 9)
    assert [id for id, _ in hits] == ["a", "a", "10.1/b#c"]
    assert [cosine for _, cosine in hits] == pytest.approx([1, 0, -1], abs=1e-6)


def test_a_paper_is_replaced_as_a_whole_and_a_repetition_changes_nothing(index: VectorIndex) -> None:
    index.apply([stored("o'brien's", EAST, NORTH, year=2020), stored("b", WEST)], [])
    for _ in range(2):
        index.apply([stored("o'brien's", WEST)], ["b", "nobody"])
        assert {id: list(found) for id, found in index.rows().items()} == {"o'brien's#0": WEST}
    assert index.count() == 1


def test_chunks_are_read_by_their_ids_without_a_search(index: VectorIndex) -> None:
    index.apply([stored("o'brien's", EAST, NORTH), stored("b#1", WEST)], [])
    found = index.rows(["b#1#0", "nobody#0", "o'brien's#1", "o'brien's#2"])
    assert {id: list(row) for id, row in found.items()} == {"b#1#0": WEST, "o'brien's#1": NORTH}


def test_a_paper_without_chunks_can_be_stored(index: VectorIndex, store: VectorStore, tmp_path: Path) -> None:
    index.apply([stored("empty")], [])
    assert index.nearest(vector(EAST), 3) == []
    assert (index.count(), index.rows()) == (0, {})
    index.close()
    again = opened(store, tmp_path)
    again.apply([stored("a", EAST)], [])
    assert again.count() == 1


def test_what_was_stored_is_there_after_reopening(index: VectorIndex, store: VectorStore, tmp_path: Path) -> None:
    index.apply([stored("a", EAST)], [])
    index.close()
    assert store.is_as_closed(tmp_path / "index", "main", "1")
    assert [id for id, _ in opened(store, tmp_path).nearest(vector(EAST), 1)] == ["a"]


def test_create_replaces_what_a_killed_process_left(index: VectorIndex, store: VectorStore, tmp_path: Path) -> None:
    index.apply([stored("a", EAST)], [])
    index.close()
    assert opened(store, tmp_path, create=True).count() == 0


def test_a_missing_index_names_the_command_that_repairs_it(store: VectorStore, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="is missing; run `scholiast rebuild --library main`"):
        opened(store, tmp_path)


def test_a_deleted_index_is_missing_and_can_be_deleted_again(store: VectorStore, tmp_path: Path) -> None:
    opened(store, tmp_path, create=True).close()
    for _ in range(2):
        store.delete("main", "1")
        shutil.rmtree(tmp_path / "index", ignore_errors=True)
    with pytest.raises(LibraryError, match="is missing"):
        opened(store, tmp_path)


def test_a_vector_of_another_length_is_one_clear_error(index: VectorIndex) -> None:
    index.apply([stored("a", EAST)], [])
    with pytest.raises(LibraryError, match="dim"):
        index.nearest(vector([1, 0, 0]), 1)


def test_what_is_not_the_index_any_more_is_damaged(index: VectorIndex, store: VectorStore, tmp_path: Path) -> None:
    index.apply([stored("a", EAST)], [])
    index.close()
    for file in [*(tmp_path / "index").rglob("*"), *(tmp_path / "place").rglob("*")]:
        if file.is_file():
            file.write_bytes(b"garbage" * 999)
    with pytest.raises(LibraryError, match=r"is damaged.*; run `scholiast rebuild --library main`"):
        opened(store, tmp_path).nearest(vector(EAST), 1)


def test_a_library_opened_with_another_engine_than_its_own_is_told_both() -> None:
    assert vector_indexes.find_mismatch("main", "0a1b2c3d", "chroma") == ""
    assert vector_indexes.find_mismatch("main", "lancedb-0a1b2c3d", "lancedb") == ""
    assert "set SCHOLIAST_VECTOR_INDEX=lancedb, or" in vector_indexes.find_mismatch("main", "lancedb-0a1b", "chroma")


@pytest.mark.parametrize("setting", ["faiss", "lancedb:", "chroma:here", ""])
def test_an_unknown_engine_is_a_configuration_error(setting: str) -> None:
    with pytest.raises(ConfigError, match="set it to chroma, lancedb or lancedb:PLACE"):
        vector_indexes.store(setting)


def test_the_cloud_of_lancedb_is_refused() -> None:
    with pytest.raises(ConfigError, match="LanceDB's cloud"):
        vector_indexes.store("lancedb:db://papers")


def test_a_chroma_server_and_another_engine_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="SCHOLIAST_CHROMA_URL is of no use"):
        vector_indexes.store("lancedb", "http://127.0.0.1:8000")


@pytest.mark.parametrize("content", [b"", b"garbage" * 999])
def test_damaged_files_of_chroma_name_the_command_that_repairs_them(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "chroma.sqlite3").write_bytes(content)
    with pytest.raises(LibraryError, match=r"is (missing|damaged).*; run `scholiast rebuild --library main`"):
        ChromaIndex.embedded(tmp_path, "main", create=False)


def test_files_of_the_graph_changed_after_close_are_noticed(tmp_path: Path) -> None:
    chroma = EmbeddedChroma()
    chroma.open(tmp_path / "index", "main", "1", create=True).close()
    assert chroma.is_as_closed(tmp_path / "index", "main", "1")
    (tmp_path / "index" / "graph").mkdir()
    (tmp_path / "index" / "graph" / "data_level0.bin").write_bytes(b"?")
    assert not chroma.is_as_closed(tmp_path / "index", "main", "1")


def test_a_server_that_does_not_answer_is_an_outage_whose_address_is_not_for_everybody() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(UnavailableError, match=r"127\.0\.0\.1.*is its server running") as caught:
            ChromaIndex.served(f"http://127.0.0.1:{unused.getsockname()[1]}", "main", "1", create=True)
    assert "127.0.0.1" not in caught.value.public


def test_an_invalid_url_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="SCHOLIAST_CHROMA_URL is 'localhost:8000'"):
        ChromaIndex.served("localhost:8000", "main", "1", create=True)


def test_while_questions_are_asked_an_add_of_many_rows_leaves_the_interpreter_to_others(tmp_path: Path) -> None:
    """A thread that wants to run gets its turn between small adds, and nothing is left out."""
    index = opened(EmbeddedChroma(), tmp_path, create=True)
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
    index.close()
