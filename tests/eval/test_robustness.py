"""The variants of a question: what they change, what they leave out, and how they are compared with it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from eval import robustness, score
from eval.questions import Question
from eval.records import Response
from tests.conftest import CommandResult
from tests.support.eval_cases import ABSTRACTS, EVERYTHING, PAPERS, QUESTIONS, answering, declining, oracle

ANSWERS = {question.id: "They have 12 layers [1]." for question in QUESTIONS}


def variant(name: str) -> dict[str, Question]:
    return {question.id: question for question in robustness.variants(QUESTIONS, ANSWERS, PAPERS)[name]}


def test_case_changes_and_nothing_else() -> None:
    assert variant("upper_case")["a"].question == "HOW DEEP ARE ALPHA NETS?"
    assert variant("title_case")["a"].question == "How Deep Are Alpha Nets?"
    assert variant("upper_case")["a"].gold == QUESTIONS[0].gold


def test_typing_errors_are_two_and_the_same_every_time() -> None:
    before, after = QUESTIONS[2].question.split(), variant("two_typing_errors")["c"].question.split()
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 2
    assert variant("two_typing_errors") == variant("two_typing_errors")


def test_the_other_exchange_shares_no_gold_paper() -> None:
    (asked, answered) = variant("after_another_exchange")["a"].history
    assert asked.content == "Do beta nets use edges?" and answered.content == ANSWERS["b"]


def test_a_swapped_name_is_that_of_another_paper_and_makes_a_question_unanswerable() -> None:
    question = Question(
        id="n", question="How deep is layers?", type="numeric", answerable=True, gold_ids=("1",), answer="12."
    )
    (swapped,) = robustness.variants([question], {}, PAPERS)[robustness.SWAPPED]
    assert not swapped.answerable and swapped.question != question.question
    assert any(word in ABSTRACTS["2"] + ABSTRACTS["3"] for word in swapped.question.rstrip("?").split())


def test_variants_are_paired_with_the_questions_as_written() -> None:
    def scores(ask: Callable[[Question], Response]) -> tuple[score.QuestionScore, ...]:
        return score.score(QUESTIONS, {q.id: ask(q) for q in QUESTIONS}, PAPERS, EVERYTHING, 60.0)

    found = robustness.compare(QUESTIONS, scores(oracle), {"wrapped": scores(answering)})
    differences = {row.measure: row.difference.mean for row in found}
    assert differences["facts"] == -1 and differences["answered"] == 0 and differences["declined"] == -1


def test_a_swapped_restriction_should_be_declined_and_is_paired_with_the_question_as_written() -> None:
    swapped = [replace(question, type="unanswerable", answerable=False) for question in QUESTIONS[:3]]
    before = score.score(QUESTIONS, {q.id: oracle(q) for q in QUESTIONS}, PAPERS, EVERYTHING, 60.0)
    rows = {q.id: declining(q) if q.id == "a" else answering(q) for q in swapped}
    after = score.score(swapped, rows, PAPERS, EVERYTHING, 60.0)
    (found,) = robustness.compare(QUESTIONS, before, {robustness.SWAPPED: after})
    assert (found.measure, found.as_written, found.difference.count) == ("declined", 0, 3)
    assert found.value == found.difference.mean == pytest.approx(1 / 3)


def test_the_command_writes_every_variant(scholiast: Callable[..., CommandResult], tmp_path: Path) -> None:
    questions, papers = tmp_path / "questions.jsonl", tmp_path / "papers.jsonl"
    rows = [
        {"title": f"The {name} study", "abstract": f"The {name} study measures {thing} in forty cups."}
        for name, thing in (("Alpha", "bitterness"), ("Beta", "temperature"))
    ]
    papers.write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [
        {"id": str(n), "question": f"Where does the study measure {thing}?", "type": "factoid", "answerable": True,
         "gold_titles": [row["title"]], "key_facts": [["forty"]]}
        for n, (row, thing) in enumerate(zip(rows, ("bitterness", "temperature"), strict=True))
    ]  # fmt: skip
    questions.write_text("".join(json.dumps(row) + "\n" for row in asked))
    out = tmp_path / "out"
    result = scholiast("eval", "robustness", "--questions", questions, "--papers", papers, "--out", out)
    assert result.code == 0, result.err
    assert "upper case: facts" in result.out
    measures = json.loads((out / "robustness.json").read_text())["measures"]
    assert {row["variant"] for row in measures} == {*robustness.variants((), {}, ())}
