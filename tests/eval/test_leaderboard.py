"""The page of figures is made of result files alone, and says where we are behind as plainly as where we are ahead."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.files import pretty
from eval.questions import Question, dump
from eval.records import Response
from tests.support.eval_cases import QUESTIONS, answering, evaluate, oracle, write_run

PEERS: dict[str, Any] = {
    "schema": "peers/1",
    "date": "2026-11-28T07:00:00+00:00",
    "code": {"version": "0.2.0", "commit": "abcdef0", "changed": False},
    "command": "python -m eval.peers compare --out peers.json",
    "machine": {"cpu": "A <b>CPU</b>", "cores": 2, "load_1_5_15_minutes": [1.0, 2.0, 3.0]},
    "dataset": {"name": "sample", "papers": 12, "questions": 10, "answerable": 7, "questions_sha256": "x"},
    "settings": {"passages": 10, "model": "a stub"},
    "systems": {"scholiast": {"versions": {"scholiast": "0.2.0"}}, "other": {"versions": {"other": "1.5"}}},
    "missing": {"third": "it needs a network"},
    "layers": {
        "retrieval": {
            "scholiast": {"ndcg@10": {"mean": 0.9, "low": 0.8, "high": 0.95}, "ms": {"p50": 9, "p95": 20, "mean": 11}},
            "other": {"ndcg@10": {"mean": 0.7, "low": 0.6, "high": 0.8}},
        }
    },
    "differences": [
        {"layer": "retrieval", "measure": "ndcg@10", "peer": "other", "mean": 0.2, "low": 0.1, "high": 0.3, "p": 0.01,
         "better": "scholiast"},
        {"layer": "retrieval", "measure": "ms", "peer": "other", "mean": 3.0, "low": 2.0, "high": 4.0, "p": 0.01,
         "better": "other"},
        {"layer": "retrieval", "measure": "recall@10", "peer": "other", "mean": 0.0, "low": -0.1, "high": 0.1, "p": 1,
         "better": ""},
    ],
}  # fmt: skip


def page(tmp_path: Path, *results: Path) -> str:
    out = tmp_path / "leaderboard.md"
    assert evaluate("leaderboard", *map(str, results), "--out", str(out)) == 0
    return out.read_text("utf-8")


def under(text: str, heading: str) -> str:
    return text.partition(f"**{heading}**")[2].partition("**")[0]


def test_without_results_the_page_says_how_to_make_some(tmp_path: Path) -> None:
    assert "**There are no results yet.** `make eval`" in page(tmp_path)


def test_a_comparison_is_shown_whole_with_what_repeats_it(tmp_path: Path) -> None:
    file = tmp_path / "sample.json"
    file.write_text(pretty(PEERS))
    text = page(tmp_path, file)
    assert "| scholiast | 0.900 [0.800, 0.950] | 9.0 (p95 20.0) |" in text
    assert "| other | 0.700 [0.600, 0.800] | – |" in text
    assert "ms, against other: 3.000 [2.000, 4.000]" in under(text, "Where we are behind")
    assert "nDCG@10, against other: 0.200 [0.100, 0.300]" in under(text, "Where we are ahead")
    assert "Recall@10, against other" in under(text, "Where no difference can be claimed")
    assert "```\npython -m eval.peers compare --out peers.json\n```" in text
    assert "commit abcdef0" in text and "other 1.5" in text and "Not compared: third: it needs a network" in text
    assert "<b>" not in text and "&lt;b&gt;CPU" in text


def run_of(folder: Path, questions: list[Question], system: Callable[[Question], Response]) -> Path:
    files = write_run(folder, [system(question) for question in questions])
    files.questions.write_text(dump(questions))
    assert evaluate("score", str(folder)) == 0
    return folder


def test_runs_of_the_same_questions_are_compared_with_the_first(tmp_path: Path) -> None:
    questions = [
        replace(QUESTIONS[0], id=f"q{n}", gold_ids=(f"g{n}",), gold_passages=()) for n in range(12)
    ]  # each its own group, so that twelve are enough for a claim
    worse, better = run_of(tmp_path / "a", questions, answering), run_of(tmp_path / "b", questions, oracle)
    text = page(tmp_path, worse, better)
    label = "Key facts in the first 40 words, against A &lt;b&gt;run&lt;/b&gt;: "
    assert f"{label}-1.000 [" in under(text, "Where we are behind")
    assert "- nowhere" in under(text, "Where we are ahead")
    assert "There is no comparison with other systems yet" in text
    text = page(tmp_path, better, worse)
    assert f"{label}1.000 [" in under(text, "Where we are ahead")
    assert "- nowhere" in under(text, "Where we are behind")


def test_runs_of_other_questions_have_a_table_of_their_own(tmp_path: Path) -> None:
    first, second = (run_of(tmp_path / name, part, oracle) for name, part in
                     (("a", list(QUESTIONS)), ("b", list(QUESTIONS[:2]))))  # fmt: skip
    text = page(tmp_path, first, second)
    assert "## Whole runs: 5 questions" in text and "## Whole runs: 2 questions" in text
    assert "Where we are" not in text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not of the form that was named: JSONDecodeError"),
        (json.dumps({**PEERS, "schema": "peers/9"}), "its schema is 'peers/9'"),
        (json.dumps({"schema": "peers/1"}), "KeyError('dataset')"),
    ],
)
def test_a_file_that_is_no_comparison_is_refused(
    content: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "f.json"
    file.write_text(content)
    assert evaluate("leaderboard", str(file), "--out", str(tmp_path / "out.md")) == 2
    assert says in capsys.readouterr().err
