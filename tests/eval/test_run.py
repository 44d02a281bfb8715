"""A run asks every question once, loses no answer to a crash, and drops no failure."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.questions import Question, dump
from eval.records import Journal, Response, RunFiles, SeenPaper, read_papers, read_responses
from eval.run import ask_all
from eval.targets import Options, TargetDescription, TargetReply, target
from rag.errors import BackendError, RequestError
from tests.support.eval_cases import EVERYTHING, QUESTIONS, answering, evaluate, oracle
from tests.support.eval_server import System, serving

pytestmark = pytest.mark.slow


class Fake:
    """A target in this process: answers as the oracle, waits, or fails."""

    offers = EVERYTHING

    def __init__(self, wait: float = 0, error: Exception | None = None, answer: Any = None) -> None:
        self.asked: list[str] = []
        self._wait, self._error, self._answer = wait, error, answer
        self.now = self.most = 0

    async def describe(self) -> TargetDescription:
        return TargetDescription(identity={}, details={}, papers=None)

    async def ask(self, question: Question) -> TargetReply:
        self.asked.append(question.id)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self._wait)
        self.now -= 1
        if self._error:
            raise self._error
        good = oracle(question)
        return TargetReply(answer=self._answer or good.answer, ranked=good.ranked, latency_ms=1.0)


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    return RunFiles(tmp_path)


@pytest.fixture
def system() -> Iterator[System]:
    with serving() as running:
        yield running


@pytest.fixture
def questions_file(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text(dump(QUESTIONS))
    return path


async def test_every_question_is_asked_once_and_no_more_at_a_time_than_allowed(files: RunFiles) -> None:
    fake = Fake(wait=0.01)
    reported: list[tuple[int, int]] = []
    await ask_all(fake, QUESTIONS, files, concurrency=2, progress=lambda done, all: reported.append((done, all)))
    assert sorted(fake.asked) == [q.id for q in QUESTIONS]
    assert fake.most == 2
    assert reported == [(n, 5) for n in range(6)]
    assert await ask_all(fake, QUESTIONS, files) == 0


@pytest.mark.parametrize(
    ("fake", "status", "message"),
    [
        (Fake(wait=5), "timeout", "no answer within 0.02 seconds"),
        (Fake(error=BackendError("it answered 503", retryable=True)), "error", "it answered 503"),
        (Fake(error=ZeroDivisionError("oops")), "error", "ZeroDivisionError: oops"),
        (Fake(answer={"words": "?"}), "error", "not of the shape that was agreed"),
    ],
)
async def test_a_failed_question_is_a_row(files: RunFiles, fake: Fake, status: str, message: str) -> None:
    await ask_all(fake, QUESTIONS, files, deadline_seconds=0.02)
    found = read_responses(files)
    assert {r.status for r in found.values()} == {status}
    assert len(found) == len(QUESTIONS)
    assert all(message in r.error for r in found.values())


async def test_failed_questions_are_asked_again_only_on_request(files: RunFiles) -> None:
    await ask_all(Fake(error=BackendError("503", retryable=True)), QUESTIONS, files)
    fake = Fake()
    await ask_all(fake, QUESTIONS, files)
    assert fake.asked == []
    await ask_all(fake, QUESTIONS, files, retry_failed=True)
    assert len(fake.asked) == 5
    assert {r.status for r in read_responses(files).values()} == {"ok"}


def test_half_a_line_left_by_a_crash_is_cut_and_asked_again(files: RunFiles) -> None:
    paper = SeenPaper(id="1", title="t", abstract="a")
    Journal(files).write(Response(question_id="a", status="ok", latency_ms=1), [paper])
    with files.responses.open("a") as file:
        file.write('{"question_id": "b", "sta')
    assert set(read_responses(files)) == {"a"}
    Journal(files).write(Response(question_id="b", status="ok", latency_ms=1), [paper])
    assert set(read_responses(files)) == {"a", "b"}
    assert read_papers(files) == (paper,)


def test_a_damaged_line_is_named(files: RunFiles) -> None:
    files.responses.write_text('{"question_id": \n{}\n')
    with pytest.raises(RequestError, match=r"responses.jsonl:1 is damaged"):
        read_responses(files)


def start(*words: str) -> subprocess.Popen[bytes]:
    code = "import sys; from eval.cli import main; main(sys.argv[1:])"
    return subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_run_that_was_killed_goes_on_without_asking_twice(
    system: System, questions_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    words = ("run", "--questions", str(questions_file), "--target", system.url, "--out", str(out), "--concurrency", "1")
    system.slow = 0.3
    process = start(*words)
    rows = out / "responses.jsonl"
    until(lambda: rows.exists() and rows.read_bytes().count(b"\n") >= 2)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    kept = set(read_responses(RunFiles(out)))
    system.slow = 0
    done = start(*words)
    printed, _ = done.communicate(timeout=60)
    assert done.returncode == 0
    assert b"5 questions, 0 failed" in printed
    assert len(kept) >= 2
    assert all(system.asked[id] == 1 for id in kept)
    assert set(read_responses(RunFiles(out))) == {q.id for q in QUESTIONS}


def test_ctrl_c_says_how_to_go_on(system: System, questions_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    system.slow = 0.3
    process = start("run", "--questions", str(questions_file), "--target", system.url, "--out", str(out))
    until(lambda: (out / "manifest.json").exists())
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"the same command goes on from there" in printed


def until(holds: Any) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_our_http_api_is_asked_searched_and_scored(
    system: System, questions_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert evaluate("run", "--questions", str(questions_file), "--target", system.url, "--out", str(out)) == 0
    printed = capsys.readouterr().out
    assert printed.count("1.000") >= 8  # the oracle answers
    files = RunFiles(out)
    assert {paper.id for paper in read_papers(files)} == {"1", "2"}
    assert all(r.first_token_ms is not None for r in read_responses(files).values())
    assert json.loads(files.manifest.read_text())["identity"]["corpus_sha256"]
    assert system.bodies[0]["stream"] is True


def test_a_gold_paper_that_the_system_does_not_have_is_reported_before_asking(
    system: System, questions_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions_file.write_text(questions_file.read_text().replace("Paper 2", "Paper 7"))
    assert (
        evaluate("run", "--questions", str(questions_file), "--target", system.url, "--out", str(tmp_path / "r")) == 2
    )
    assert "gold paper 'Paper 7' is not in the corpus" in capsys.readouterr().err
    assert not system.asked


def test_a_folder_holds_one_run(
    system: System, questions_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("run", "--target", system.url, "--out", str(tmp_path / "run"), "--questions", str(questions_file))
    assert evaluate(*common) == 0
    assert evaluate(*common, "--model", "other") == 2
    assert "holds another run (model was '' and is now 'other')" in capsys.readouterr().err
    assert evaluate(*common) == 0
    assert "nothing was asked" in capsys.readouterr().err
    assert evaluate("report", str(tmp_path / "run")) == 0
    (tmp_path / "run" / "notes.txt").write_text("mine")
    assert evaluate(*common, "--model", "other", "--fresh") == 0
    assert (tmp_path / "run" / "notes.txt").exists()
    assert not (tmp_path / "run" / "report.html").exists()
    assert system.bodies[-1]["model"] == "other"
    assert evaluate(*common[:3], "--out", str(tmp_path), "--questions", str(questions_file)) == 2
    assert "is not empty and holds no run" in capsys.readouterr().err


def test_another_system_is_measured_through_the_openai_protocol(
    system: System, questions_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, url = tmp_path / "run", f"openai:{system.url}"
    assert evaluate("run", "--questions", str(questions_file), "--target", url, "--model", "m", "--out", str(out)) == 0
    printed = capsys.readouterr().out
    assert re.search(r"nDCG@10 in search +not offered", printed)
    assert printed.count("1.000") >= 6
    row = read_responses(RunFiles(out))["c"].reply
    assert (row.prompt_tokens, row.model, [p.id for p in row.cited]) == (7, "m-1", ["1", "2"])
    assert read_responses(RunFiles(out))["d"].reply.declined


def test_the_exit_code_of_a_gated_run_is_for_ci(
    system: System, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = tmp_path / "many.jsonl"
    questions.write_text(dump([replace(q, id=f"{q.id}{n}") for n in range(12) for q in QUESTIONS]))
    common = ("run", "--questions", str(questions), "--target", system.url)
    assert evaluate(*common, "--out", str(tmp_path / "baseline")) == 0
    baseline = ("--gate", str(tmp_path / "baseline" / "scores.json"))
    assert evaluate(*common, "--out", str(tmp_path / "same"), *baseline) == 0
    system.system = answering
    assert evaluate(*common, "--out", str(tmp_path / "worse"), *baseline) == 1
    system.broken = {"a"}
    assert evaluate(*common, "--out", str(tmp_path / "broken"), *baseline) == 2
    verdicts = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Gate:")]
    compared = verdicts[::2]  # each is followed by the verdict on the limits
    assert [line.split()[1] for line in compared] == ["passed.", "worse.", "invalid."]
    assert evaluate(*common, "--out", str(tmp_path / "new"), "--gate", str(tmp_path / "nowhere")) == 2


async def test_a_system_that_names_no_papers_does_not_offer_citations(
    system: System, questions_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    system.sources = False
    evaluate_words = ("run", "--questions", str(questions_file), "--target", f"openai:{system.url}", "--model", "m")
    assert await asyncio.to_thread(evaluate, *evaluate_words, "--out", str(tmp_path / "run")) == 0
    assert re.search(r"Cites a gold paper +not offered", capsys.readouterr().out)


async def test_a_citation_pattern_may_name_papers_itself(system: System) -> None:
    options = Options(model="m", pattern=r"(layers|graphs)")
    async with target(f"openai:{system.url}", options) as asked:
        answer = (await asked.ask(QUESTIONS[0])).answer
    assert answer is not None
    assert [c["paper"]["id"] for c in answer["citations"]] == ["layers"]


async def test_history_and_system_prompt_are_sent(system: System) -> None:
    async with target(f"openai:{system.url}", Options(model="m", system_prompt="Cite.")) as asked:
        await asked.ask(QUESTIONS[0])
    assert [m["role"] for m in system.bodies[0]["messages"]] == ["system", "user"]


async def test_a_failing_server_fails_its_question_only(system: System, files: RunFiles) -> None:
    system.broken = {"b"}
    async with target(system.url, Options()) as asked:
        await ask_all(asked, QUESTIONS, files)
    found = read_responses(files)
    assert [id for id, r in found.items() if r.status == "error"] == ["b"]
    assert "answered 500" in found["b"].error


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ftp://x", Options(), "target 'ftp://x' is not known"),
        ("openai:http://127.0.0.1:9/v1", Options(), "needs --model"),
        ("openai:http://127.0.0.1:9/v1", Options(model="m", pattern="("), "is not a regular expression"),
    ],
)
async def test_an_invalid_target_is_refused(name: str, options: Options, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        async with target(name, options):
            pass


async def test_an_unreachable_server_is_reported_at_once() -> None:
    async with target("http://127.0.0.1:9", Options()) as asked:
        with pytest.raises(BackendError, match="can't be reached"):
            await asked.describe()
