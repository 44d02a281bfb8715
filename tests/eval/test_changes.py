"""A comparison names the questions that came out differently, a run says what came of it, a template is sound."""

import json
import re
from pathlib import Path

import pytest

from eval import report, template
from eval.questions import Question, load
from eval.records import Response
from eval.score import Scores, score
from eval.summary import Summary
from tests.support.eval_cases import (
    EVERYTHING,
    PAPERS,
    QUESTIONS,
    answer,
    answering,
    declining,
    evaluate,
    failing,
    oracle,
    response,
    write_run,
)
from tests.support.terminal import on_terminal


def half(question: Question) -> Response:
    """One of the two key facts of question b."""
    return response(question, answer("They use graphs [1].", ["2"]), ["2"])


A, B, C, D, E = QUESTIONS
BEFORE = [oracle(A), half(B), declining(C), declining(D), answering(E)]
AFTER = [declining(A), oracle(B), oracle(C), answering(D), failing(E)]


@pytest.fixture
def runs(tmp_path: Path) -> tuple[str, str]:
    """Two runs of the same questions, scored."""
    folders = [write_run(tmp_path / name, rows).folder for name, rows in (("a", BEFORE), ("b", AFTER))]
    for folder in folders:
        assert evaluate("score", str(folder)) == 0
    return str(folders[0]), str(folders[1])


def test_a_comparison_lists_what_became_worse_and_then_what_became_better(
    runs: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert evaluate("compare", *runs) == 0
    shown = capsys.readouterr().out
    assert "2 questions came out better in B, 3 worse." in shown
    lines = [re.split(" {2,}", line.strip()) for line in shown.splitlines() if line.startswith(("  worse", "  better"))]
    assert [tuple(line[:3]) for line in lines] == [
        ("worse", "a", "right -> declined"),
        ("worse", "d", "declined -> answered"),
        ("worse", "e", "answered -> no answer"),
        ("better", "b", "right, facts@40 0.50 -> 1.00"),
        ("better", "c", "declined -> right"),
    ]
    assert lines[0][3:] == ["(numeric)", A.question]


def test_as_json_every_change_has_its_question(runs: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert evaluate("compare", *runs, "--json") == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert [change["id"] for change in changes] == ["a", "d", "e", "b", "c"]
    assert changes[0]["text"] == A.question


def test_files_of_scores_are_compared_without_the_texts(
    runs: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert evaluate("compare", f"{runs[0]}/scores.json", f"{runs[1]}/scores.json") == 0
    assert "  a  right -> declined  (numeric)\n" in capsys.readouterr().out


def test_a_run_like_another_has_no_changes(runs: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert evaluate("compare", runs[0], runs[0]) == 0
    assert "No question changed." in capsys.readouterr().out


@pytest.mark.slow
def test_no_figure_is_cut_on_a_narrow_terminal(runs: tuple[str, str]) -> None:
    shown = on_terminal("eval", "compare", *runs, columns=60)
    assert shown.code == 0 and "…" not in shown.text
    assert "wins/ties/losses" in shown.text and "a  right -> declined" in shown.text
    assert [line for line in shown.text.splitlines() if len(line.rstrip()) > 60] == []


def sentence(*responses: Response, offers: frozenset[str] = EVERYTHING) -> str:
    by_id = {row.question_id: row for row in responses}
    rows = score(QUESTIONS, by_id, PAPERS, offers, 60.0)
    scores = Scores(target="t", offers=tuple(offers), questions_sha256="", corpus_sha256="", rows=rows)
    return Summary(scores).in_a_sentence


def test_a_run_is_told_in_a_sentence() -> None:
    assert sentence(*BEFORE) == "2 of 3 right, 1 of 2 unanswerable answered."
    assert sentence(*AFTER) == "2 of 3 right, 1 of 2 unanswerable answered, 1 without an answer."
    ranking = sentence(*map(oracle, QUESTIONS), offers=frozenset({"ranking"}))
    assert ranking == "For 3 of 3 questions a paper that answers comes first."


def test_a_report_begins_with_the_sentence(runs: tuple[str, str]) -> None:
    assert evaluate("report", runs[0]) == 0
    _, first, *_ = [line for line in Path(runs[0], "report.md").read_text().splitlines() if line]
    assert first == "**2 of 3 right, 1 of 2 unanswerable answered.**"
    assert "<strong>2 of 3 right, 1 of 2 unanswerable answered.</strong>" in Path(runs[0], "report.html").read_text()


def test_what_a_report_lacks_is_told_before_anything_is_asked_or_scored(
    runs: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "_LIBRARIES", ("jinja2", "no_such_library"))
    before = Path(runs[0], "scores.json").stat().st_mtime_ns
    assert evaluate("report", runs[0]) == 1
    assert "the report needs no_such_library; install with" in capsys.readouterr().err
    assert Path(runs[0], "scores.json").stat().st_mtime_ns == before
    assert evaluate("run", "--out", str(tmp_path / "new"), "--questions", str(tmp_path / "missing.jsonl")) == 2
    told, error = capsys.readouterr().err.splitlines()[:2]
    assert "pip install 'scholiast[eval]'" in told and "missing.jsonl can't be read" in error


def test_a_new_file_of_questions_is_sound_and_never_overwrites(tmp_path: Path) -> None:
    file = tmp_path / "my.jsonl"
    assert evaluate("new", str(file)) == 0
    assert load(file) == template.QUESTIONS
    file.write_text("mine")
    assert evaluate("new", str(file)) == 2
    assert file.read_text() == "mine"
