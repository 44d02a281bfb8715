"""Questions asked with their papers and again without: paired by question, and asked of the real pipeline."""

from dataclasses import replace
from pathlib import Path

import pytest

from eval import removal
from eval import report as reporting
from eval.score import QuestionScore, Scores
from rag.errors import RequestError
from tests.support.eval_cases import QUESTIONS, evaluate, oracle, write_run

pytestmark = pytest.mark.slow


def row(id: str, declined: bool, confidence: float | None) -> QuestionScore:
    return QuestionScore(
        id=id, type="factoid", answerable=True, cluster=id, status="ok", declined=declined, right=not declined,
        confidence=confidence, shown_gold=None, latency_ms=1, first_token_ms=None, prompt_tokens=0,
        completion_tokens=0, values={},
    )  # fmt: skip


def scores(*rows: QuestionScore) -> Scores:
    return Scores(target="local", offers=("answers",), questions_sha256="", corpus_sha256="", rows=rows)


def test_only_answerable_questions_with_gold_papers_are_asked_again_and_then_have_none() -> None:
    found = removal.questions_without_gold(QUESTIONS)
    assert [question.id for question in found] == ["a", "b", "c"]
    assert not any(question.answerable or question.gold or question.key_facts for question in found)
    with pytest.raises(RequestError, match="nothing to ask"):
        removal.questions_without_gold([q for q in QUESTIONS if not q.answerable])


def test_shares_mcnemar_and_auroc_are_those_of_the_pairs() -> None:
    with_papers = [row(str(i), i == 9, 0.9 - i / 100) for i in range(10)]
    without = [row(str(i), i < 8, 0.1 if i < 8 else 0.95) for i in range(10)]
    found = removal.compare(scores(*with_papers), scores(*without))
    assert (found.answered.mean, found.declined.mean) == (0.9, 0.8)
    assert found.change.test == "McNemar"
    assert found.change.mean == pytest.approx(-0.7)
    assert found.auroc == pytest.approx(0.8)
    assert found.auroc is not None and found.low is not None and found.high is not None
    assert found.low <= found.auroc <= found.high


def test_without_a_confidence_there_is_no_auroc() -> None:
    found = removal.compare(scores(row("a", False, None)), scores(row("a", True, None)))
    assert (found.auroc, found.low, found.high) == (None, None, None)


def test_a_failed_question_is_neither_answered_nor_declined() -> None:
    failed = replace(row("a", False, None), status="error")
    found = removal.compare(scores(failed), scores(failed))
    assert (found.answered.mean, found.declined.mean) == (0.0, 0.0)


def test_a_run_that_was_not_asked_without_papers_has_no_result(tmp_path: Path) -> None:
    assert removal.read(tmp_path) is None


def test_only_a_local_run_can_leave_papers_out(tmp_path: Path) -> None:
    assert evaluate("run", "--out", str(tmp_path / "run"), "--target", "http://127.0.0.1:1", "--without-gold") == 2


def test_the_reports_show_the_pairs(tmp_path: Path) -> None:
    responses = [oracle(question) for question in QUESTIONS[:3]]
    write_run(tmp_path, responses)
    write_run(tmp_path / removal.FOLDER, responses)
    assert evaluate("score", str(tmp_path)) == 0
    assert evaluate("score", str(tmp_path / removal.FOLDER)) == 0
    page = reporting.read(tmp_path)
    assert "Declined without them" in reporting.markdown(page)
    assert "Declined without them" in reporting.html(page)
