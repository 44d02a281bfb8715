"""Runs go to other harnesses and come back; files as their libraries write them become runs that can be scored."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from eval import score as scoring
from eval.files import json_lines
from eval.questions import dump
from eval.records import RunFiles, read_responses
from eval.score import QuestionScore
from tests.support.eval_cases import (
    PAPERS,
    QUESTIONS,
    answering,
    declining,
    evaluate,
    failing,
    oracle,
    write_run,
)

FILES = Path(__file__).parent / "exchange_files"
"""Written by ragas 0.4.3, deepeval 4.3.1 and inspect_ai 0.3.285; those of TREC as its guidelines show them."""
A, B, C, D, E = QUESTIONS
SYSTEM = [oracle(A), answering(B), oracle(C), declining(D), failing(E)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_run(tmp_path / "run", SYSTEM)
    return tmp_path / "run"


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    path = tmp_path / "papers.jsonl"
    path.write_text(json_lines({"id": p.id, "title": p.title, "abstract": p.abstract} for p in PAPERS))
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text(dump(QUESTIONS))
    return path


def scores_of(run: Path) -> list[QuestionScore]:
    return list(scoring.read(run).rows)


def values_of(run: Path, *names: str) -> list[list[float | None]]:
    return [[row.values[name] for name in names if name in row.values] for row in scores_of(run)]


def sent(run: Path, form: str, out: Path) -> Path:
    assert evaluate("export", str(run), "--format", form, "--out", str(out)) == 0
    return out


@pytest.mark.parametrize(("form", "name"), [("deepeval", "d.json"), ("inspect", "i.json")])
def test_a_run_comes_back_whole_where_the_format_has_free_metadata(
    form: str, name: str, run: Path, tmp_path: Path
) -> None:
    file, back = sent(run, form, tmp_path / name), tmp_path / "back"
    assert evaluate("import-run", form, str(file), "--out", str(back)) == 0
    assert evaluate("score", str(run)) == 0
    assert scores_of(back) == scores_of(run)
    assert scoring.read(back).questions_sha256 == scoring.read(run).questions_sha256
    assert evaluate("compare", str(run), str(back)) == 0


@pytest.mark.parametrize("form", ["ragas", "trec-rag"])
def test_text_citations_and_gold_survive_the_formats_that_hold_no_more(
    form: str, run: Path, questions: Path, papers: Path, tmp_path: Path
) -> None:
    file, back = sent(run, form, tmp_path / "out.jsonl"), tmp_path / "back"
    words = ["import-run", form, str(file), "--out", str(back), "--questions", str(questions), "--papers", str(papers)]
    assert evaluate(*words) == 0 and evaluate("score", str(run)) == 0
    kept = ("ndcg@10", "facts", "cites_gold", "gold_precision", "answered", "declined", "lexical_support")
    assert values_of(back, *kept) == values_of(run, *kept)
    assert [row.latency_ms for row in scores_of(back)] == [None] * 5
    assert "quotes" not in scoring.read(back).offers


def test_what_is_lost_is_said(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sent(run, "ragas", tmp_path / "r.jsonl")
    said = capsys.readouterr().err
    assert "1 of 5 questions have no answer" in said and "lost on the way to ragas: ids and histories" in said


def test_ragas_reads_a_sample_a_line_without_empty_fields(run: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in sent(run, "ragas", tmp_path / "r.jsonl").read_text().splitlines()]
    assert rows[0] == {
        "user_input": A.question,
        "retrieved_contexts": [PAPERS[0].abstract],
        "retrieved_context_ids": ["1"],
        "reference_contexts": ["Alpha nets have 12 layers."],
        "reference_context_ids": ["1"],
        "response": "They have 12 layers [1].",
        "reference": "They have 12 layers.",
    }
    assert rows[1]["reference_context_ids"] == ["3"] or rows[1]["retrieved_context_ids"] == ["3"]
    assert len(rows) == 4


def test_trec_gets_answers_by_sentence_and_a_run_file(run: Path, tmp_path: Path) -> None:
    file = sent(run, "trec-rag", tmp_path / "t.jsonl")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert rows[2]["metadata"]["narrative_id"] == "c" and rows[2]["references"] == ["1", "2"]
    assert rows[2]["answer"] == [{"text": "3.5 days; 80%.", "citations": [0, 1]}]
    ranking = (tmp_path / "t.jsonl.run").read_text().splitlines()
    assert [line.split()[:4] for line in ranking if line.startswith("c ")] == [
        ["c", "Q0", "1", "1"],
        ["c", "Q0", "2", "2"],
    ]


def test_inspect_gets_our_scores_the_history_and_the_error_of_a_failed_sample(run: Path, tmp_path: Path) -> None:
    log = json.loads(sent(run, "inspect", tmp_path / "i.json").read_text())
    assert list(log)[:4] == ["version", "status", "eval", "plan"]  # it reads the head of a log in this order
    assert log["samples"][0]["scores"]["facts"] == {"value": 1.0}
    assert log["samples"][4]["error"]["message"] == "503"
    mean = next(score for score in log["results"]["scores"] if score["name"] == "declined")
    assert mean["metrics"]["mean"]["value"] == 0.5


def imported(form: str, *paths: Path, out: Path, **options: Path) -> Path:
    words = ["import-run", form, *map(str, paths), "--out", str(out)]
    for name, value in options.items():
        words += [f"--{name}", str(value)]
    assert evaluate(*words) == 0
    return out


@pytest.mark.parametrize(
    ("form", "name", "milliseconds"),
    [
        ("ragas", "ragas.jsonl", None),
        ("deepeval", "deepeval_goldens.json", None),
        ("deepeval", "deepeval_goldens.jsonl", None),
        ("deepeval", "deepeval_test_run.json", 1500.0),
        ("inspect", "inspect.eval", 84.0),
        ("trec-rag", "trec_rag_2024.jsonl", None),
        ("trec-rag", "trec_rag_2025.jsonl", None),
    ],
)
def test_files_as_the_libraries_write_them_become_runs(
    form: str, name: str, milliseconds: float | None, questions: Path, papers: Path, tmp_path: Path
) -> None:
    run = imported(form, FILES / name, out=tmp_path / "run", questions=questions, papers=papers)
    rows = {row.id: row for row in scores_of(run)}
    assert rows["a"].values["facts"] == 1 and rows["a"].right
    assert rows["a"].latency_ms == milliseconds
    assert rows["b"].failed  # nobody asked it
    if form != "inspect":  # whose logs have no passages
        assert rows["a"].values["cites_gold"] == 1


def test_questions_of_the_file_itself_are_scored_by_its_reference_answers_and_gold_papers(tmp_path: Path) -> None:
    rows = [
        {"user_input": "How deep?", "response": "Twelve layers [1].", "reference": "Twelve layers.",
         "retrieved_contexts": ["x"], "retrieved_context_ids": ["p1"], "reference_context_ids": ["p1"]},
        {"user_input": [{"type": "human", "content": "How deep?"}, {"type": "ai", "content": "12."},
                        {"type": "human", "content": "And how wide?"}, {"type": "ai", "content": "Wide."}],
         "reference": "Wide."},
    ]  # fmt: skip
    file = tmp_path / "r.jsonl"
    file.write_text(json_lines(rows))
    run = imported("ragas", file, out=tmp_path / "run")
    assert evaluate("report", str(run)) == 0
    first, second = scores_of(run)
    assert first.values["idf_f1"] == first.values["cites_gold"] == 1
    assert second.values["idf_f1"] == 1 and second.type == "followup"


def test_passages_without_ids_are_found_in_the_papers(questions: Path, papers: Path, tmp_path: Path) -> None:
    row = {"user_input": A.question, "response": "12 layers [2].",
           "retrieved_contexts": ["nowhere else", "Alpha nets  have 12 layers."]}  # fmt: skip
    file = tmp_path / "r.jsonl"
    file.write_text(json_lines([row]))
    run = imported("ragas", file, out=tmp_path / "run", questions=questions, papers=papers)
    answer: Any = read_responses(RunFiles(run))["a"].answer
    assert [p["paper"]["title"] for p in answer["passages"]] == ["", "Paper 1"]
    assert scores_of(run)[0].values["cites_gold"] == 1


@pytest.mark.parametrize(
    ("form", "text", "says"),
    [
        ("ragas", '{"user_input": "Never asked?", "response": "x"}', "none of the 1 answers is of one of the 5"),
        ("ragas", '{"response": "x"}', "is not of the form that was named: KeyError('user_input')"),
        ("ragas", "{", ":1 is not JSON"),
        ("deepeval", '[{"scenario": "s", "turns": []}]', "no single answer to score"),
        ("deepeval", '[{"input": "q", "additional_metadata": {"scholiast": {"schema": "exchange/9"}}}]', "is damaged"),
        ("inspect", '{"samples": []}', "has no samples"),
        ("trec-rag", '{"topic_id": "a", "references": ["1"], "answer": [{"text": "x", "citations": [3]}]}',
         "topic a cites 3, which is none of its 1 references"),
        ("fax", "{}", "no format 'fax'; there is ragas, deepeval, inspect, trec-rag"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_says_what_is_wrong(
    form: str, text: str, says: str, questions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "f.json", tmp_path / "run"
    file.write_text(text)
    assert evaluate("import-run", form, str(file), "--out", str(out), "--questions", str(questions)) == 2
    assert says in capsys.readouterr().err
    assert not out.exists()


def test_a_zip_that_claims_another_size_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = bytearray((FILES / "inspect.eval").read_bytes())
    entry = content.index(b"PK\x01\x02", content.index(b"samples/a_epoch_1.json", content.index(b"PK\x01\x02")) - 60)
    content[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    file = tmp_path / "short.eval"
    file.write_bytes(content)
    assert evaluate("import-run", "inspect", str(file), "--out", str(tmp_path / "run")) == 2
    assert "does not have the 10 bytes that it claims" in capsys.readouterr().err


def test_a_run_is_never_written_over(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = shutil.copytree(run, run.with_name("copy"))
    assert evaluate("import-run", "ragas", str(FILES / "ragas.jsonl"), "--out", str(run)) == 2
    assert "is not empty; give --out a new folder" in capsys.readouterr().err
    assert [f.read_bytes() for f in sorted(run.iterdir())] == [f.read_bytes() for f in sorted(before.iterdir())]


def test_questions_of_a_file_that_are_no_good_leave_no_run_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = {"name": "q", "input": "How deep?", "actual_output": "12", "expected_output": "12"}
    file, out = tmp_path / "d.json", tmp_path / "run"
    file.write_text(json.dumps([case, case]))
    assert evaluate("import-run", "deepeval", str(file), "--out", str(out)) == 2
    assert "id 'q' stands already on line 1" in capsys.readouterr().err
    file.write_text(json.dumps([case]))
    assert evaluate("import-run", "deepeval", str(file), "--out", str(out)) == 0
