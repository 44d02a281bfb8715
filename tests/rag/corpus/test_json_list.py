"""A JSON list is read entry by entry: any layout, any length, and no more in memory than one entry."""

import json
import tracemalloc
from pathlib import Path

import pytest

from rag.corpus import json_document, json_list
from rag.corpus.json_list import MAX_ENTRY_CHARACTERS, NotJsonError, entries


def read(tmp_path: Path, text: str) -> list[tuple[int, object]]:
    file = tmp_path / "list.json"
    file.write_text(text, "utf-8")
    return list(entries(file))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[]", []),
        (" [ ] \n", []),
        ('[1,\n{"a": 2}\n,\n\n"x"]', [(1, 1), (2, {"a": 2}), (5, "x")]),
        ('{"a":\n1}', [(1, {"a": 1})]),
        ("[[[1], 2], null]", [(1, [[1], 2]), (1, None)]),
    ],
)
def test_entries_come_with_their_lines(tmp_path: Path, text: str, found: list[tuple[int, object]]) -> None:
    assert read(tmp_path, text) == found


@pytest.mark.parametrize(
    ("text", "line"),
    [("[1", 1), ("[1,\n]", 2), ("[1 2]", 1), ("[1]\n[2]", 2), ("[\n\n{]", 3), ("", 1), ("[" * 100_000, 1), ("nope", 1)],
)
def test_what_is_not_json_is_refused_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(NotJsonError) as error:
        read(tmp_path, text)
    assert error.value.line == line


@pytest.mark.parametrize("length", [65_530, 65_536, 65_540, 200_000])
def test_an_entry_may_lie_across_the_pieces_that_are_read(tmp_path: Path, length: int) -> None:
    values = ["a" * length, 123456789, {"b": "é" * length}, 1.5e300, True]
    assert [value for _, value in read(tmp_path, json.dumps(values, ensure_ascii=False))] == values


def test_an_entry_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotJsonError, match="longer than"):
        read(tmp_path, f'["{"a" * (2 * MAX_ENTRY_CHARACTERS)}"]')


def test_a_long_list_needs_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "long.json"
    file.write_text(f"[{'{},' * 300_000}{{}}]", "utf-8")
    tracemalloc.start()
    json_list.check(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000  # as objects the list has 22 MB


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"results": [\n{"title": 1},\n{"title": 2}], "meta": {"count": 2}}', [(2, {"title": 1}), (3, {"title": 2})]),
        ('{"message": {"total": 1, "items": [{"a": 1}]}}', [(1, {"a": 1})]),
        ('{"message": {"title": ["x"]}}', [(1, {"title": ["x"]})]),
        ('{\n"k1": {"a": 1},\n"k2": {"a": 2, "id": "own"}}', [(2, {"id": "k1", "a": 1}), (3, {"id": "own", "a": 2})]),
        ('{"papers": {"k": {"a": 1}}, "n": 1}', [(1, {"id": "k", "a": 1})]),
        ('{"title": "x", "references": [{"a": 1}]}', [(1, {"title": "x", "references": [{"a": 1}]})]),
        ('[{"results": [{}]}]', [(1, {"results": [{}]})]),
    ],
)
def test_the_papers_of_a_document_are_found_as_those_of_a_value(
    tmp_path: Path, text: str, found: list[tuple[int, object]]
) -> None:
    file = tmp_path / "reply.json"
    file.write_text(text, "utf-8")
    place = json_document.find(file)
    assert place is not None
    assert list(json_document.entries(file, place)) == found
    if not text.startswith("["):
        assert json_document.unwrapped(json.loads(text)) == [value for _, value in found]


@pytest.mark.parametrize("text", ["{}", "7", '"text"', '{"results": []}', '{"results": [1]}', '{"a": 1, "b": {}}'])
def test_a_document_without_papers_has_no_place_of_them(tmp_path: Path, text: str) -> None:
    file = tmp_path / "reply.json"
    file.write_text(text, "utf-8")
    assert json_document.find(file) is None


@pytest.mark.parametrize("text", ['{"a" 1}', '{"a": 1,}', "{a: 1}", '{"a": [1}', '{"a": 1} 2', '{"a": {"b": }}', "{"])
def test_an_object_that_is_not_json_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "reply.json"
    file.write_text(text, "utf-8")
    with pytest.raises(NotJsonError):
        json_document.find(file)


def test_a_long_reply_needs_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "long.json"
    file.write_text(f'{{"message": {{"items": [{"{}," * 300_000}{{}}]}}}}', "utf-8")
    tracemalloc.start()
    place = json_document.find(file)
    assert place and sum(1 for _ in json_document.entries(file, place)) == 300_001
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
