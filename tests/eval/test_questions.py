"""A mistake in a file of questions is reported with its line, and never becomes a score."""

import json
from pathlib import Path
from typing import Any

import pytest

from eval import questions
from eval.questions import PaperRef, Question
from rag import corpus
from rag.errors import RequestError
from rag.types import Paper, Turn

GOOD: dict[str, Any] = {
    "id": "q1",
    "question": "How many layers does it have?",
    "type": "numeric",
    "answerable": True,
    "gold_titles": ["Deep: A Study"],
    "answer": "Twelve.",
    "key_facts": [["twelve", "12"]],
}


def write(tmp_path: Path, *records: object) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records))
    return path


def test_a_valid_file_is_read_in_order(tmp_path: Path) -> None:
    found = questions.load(write(tmp_path, GOOD, {**GOOD, "id": "q2"}))
    assert [question.id for question in found] == ["q1", "q2"]
    assert found[0].key_facts == (("twelve", "12"),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key_facts": [["layers"]]}, "line 2 (q2): key fact 'layers' stands in the question itself"),
        ({"key_facts": [[""]]}, "line 2 (q2): key fact [''] has an empty spelling"),
        ({"gold_titles": ["Deeper"]}, "line 2 (q2): gold paper 'Deeper' is not in the corpus"),
        ({"id": "q1"}, "line 2: id 'q1' stands already on line 1"),
        ({"id": " "}, "must not be empty"),
        ({"type": "unanswerable"}, "line 2 (q2): type 'unanswerable' and \"answerable\": true contradict each other"),
        ({"answerable": False, "type": "unanswerable"}, "an unanswerable question has no gold papers"),
        ({"type": "followup"}, "line 2 (q2): a follow-up needs the history that it follows"),
        ({"gold_grades": [1, 2]}, "2 gold_grades for 1 gold papers"),
        ({"gold_grades": [0]}, "above 0"),
        ({"gold_titles": [], "key_facts": [], "answer": ""}, "needs gold papers, key facts or an answer"),
        ({"type": "riddle"}, "line 2: type: Input should be 'factoid'"),
        ({"key_fact": []}, "line 2: key_fact is no field of a question"),
        ({"question": None}, "line 2: question: Input should be a valid string"),
        ({"history": [{"role": "robot", "content": "x"}]}, "line 2: history.0.role"),
    ],
)
def test_a_problem_is_reported_with_its_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = write(tmp_path, GOOD, {**GOOD, "id": "q2", **change})
    with pytest.raises(RequestError) as error:
        questions.load(path, [PaperRef("x", "Deep - a study!")])
    assert message in str(error.value)


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"(?s)has 2 problems.*line 1: .*line 3: has no id"):
        questions.load(write(tmp_path, "{", GOOD, {key: GOOD[key] for key in GOOD if key != "id"}))


def test_a_file_without_questions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="has no questions"):
        questions.load(write(tmp_path, ""))
    with pytest.raises(RequestError, match="can't be read"):
        questions.load(tmp_path / "nowhere.jsonl")


def test_gold_papers_are_known_by_title_however_it_is_written_and_by_id() -> None:
    by_title = question(gold_titles=("Deep: A Study",))
    assert by_title.key(PaperRef("arxiv:1", "DEEP – a study")) in by_title.gold
    assert by_title.key(PaperRef("arxiv:1", "Another")) == "arxiv:1"
    by_id = question(gold_ids=("arxiv:1",), gold_grades=(2.0,))
    assert by_id.gold[by_id.key(PaperRef("arxiv:1", "Another"))] == 2.0


def test_questions_that_share_a_paper_share_a_cluster_even_through_others() -> None:
    a, b, c, d = (
        question(id="a", gold_ids=("1",)),
        question(id="b", gold_ids=("1", "2")),
        question(id="c", gold_ids=("2",)),
        question(id="d"),
    )
    cluster = questions.clusters([a, b, c, d])
    assert cluster["a"] == cluster["b"] == cluster["c"] != cluster["d"]


def test_what_is_dumped_is_loaded_again(tmp_path: Path) -> None:
    before = (
        question(history=(Turn(role="user", content="a"),), gold_ids=("1",), key_facts=(("é",),), answer="é"),
        question(id="r", type="unanswerable", answerable=False, answer=""),
    )
    path = tmp_path / "q.jsonl"
    path.write_text(questions.dump(before), encoding="utf-8")
    assert questions.load(path) == before


@pytest.mark.slow
def test_the_bundled_questions_are_valid_on_the_bundled_papers() -> None:
    papers = [p for p in corpus.read(questions.SAMPLE_PAPERS) if isinstance(p, Paper)]
    found = questions.load(questions.SAMPLE_QUESTIONS, [PaperRef(p.id, p.title) for p in papers])
    assert len(found) >= 80
    assert sum(not q.answerable for q in found) / len(found) >= 0.2
    assert {q.type for q in found} == set(questions.TYPES)


def question(**fields: Any) -> Question:
    return Question(**{"id": "q", "question": "?", "type": "factoid", "answerable": True, "answer": "a", **fields})
