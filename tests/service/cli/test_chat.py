"""`scholiast chat`: streamed, stored, resumed; piped or typed; Ctrl-C stops an answer and nothing else."""

import asyncio
import builtins
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

import pytest

from rag.errors import BackendError
from rag.types import Passage, Turn
from service.cli.streaming import StreamPrinter
from tests.conftest import QUESTION, CommandResult
from tests.support.running import Script, writes

pytestmark = pytest.mark.slow

Piped = Callable[..., CommandResult]


@pytest.fixture
def piped(home: Path, scholiast: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch) -> Piped:
    """Runs `scholiast chat` with lines piped in."""

    def run(*lines: str, arguments: Sequence[str] = ()) -> CommandResult:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        return scholiast("chat", *arguments)

    return run


@pytest.fixture
def typed(home: Path, scholiast: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch) -> Piped:
    """Runs `scholiast chat` as if somebody typed the lines; an exception is a key such as Ctrl-C."""

    def run(*lines: str | type[BaseException], arguments: Sequence[str] = ()) -> CommandResult:
        left = iter(lines)

        def answer(_prompt: str) -> str:
            line = next(left, EOFError)
            if isinstance(line, str):
                return line
            raise line

        keyboard = io.StringIO()
        keyboard.isatty = lambda: True  # type: ignore[method-assign]
        monkeypatch.setattr("sys.stdin", keyboard)
        monkeypatch.setattr(builtins, "input", answer)
        return scholiast("chat", *arguments)

    return run


def conversation_id(ran: CommandResult) -> str:
    """The id of the conversation that a session prints when it ends."""
    match = re.search(r"--conversation (conv_\w+)", ran.out)
    assert match is not None
    return match[1]


def test_piped_questions_are_answered_one_after_another(piped: Piped) -> None:
    ran = piped(QUESTION, "", "And how much faster is it?")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"> {QUESTION}\n")
    assert "[1] Hydra: Sequentially-Dependent Draft Heads for Medusa Decoding (2024)\n" in ran.out
    assert ran.out.count("> ") == 2


def test_the_terminal_has_history_until_a_new_conversation_begins(
    piped: Piped, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = writes(monkeypatch, Script("Hydra++ is the best recipe [1]."))
    piped(QUESTION, QUESTION, "/new", QUESTION)
    assert [len(turns) for turns in writer.heard] == [0, 2, 0]


def test_sources_shows_the_quotes(piped: Piped) -> None:
    ran = piped(QUESTION, "/sources", "/help")
    assert "named Hydra++" in ran.out.rpartition("> /sources")[2]
    assert "“" in ran.out and "/quit" in ran.out


def test_a_contradicted_sentence_is_flagged(piped: Piped, monkeypatch: pytest.MonkeyPatch) -> None:
    writes(monkeypatch, Script("Hydra heads do not remove this independence [1]."))
    assert "\nContradicted by the abstracts\n    Hydra heads do not remove this independence." in piped(QUESTION).out


def test_nothing_comes_after_quit(piped: Piped) -> None:
    assert "Hydra" not in piped("/quit", QUESTION).out


def test_a_piped_line_that_failed_does_not_stop_the_others(piped: Piped) -> None:
    ran = piped("/nonsense", "/sources", QUESTION)
    assert (ran.code, ran.err.count("\n")) == (1, 2)
    assert "there is no /nonsense" in ran.err and "nothing has been answered yet" in ran.err
    assert "[1] Hydra" in ran.out


def test_a_backend_that_fails_is_one_line(piped: Piped, monkeypatch: pytest.MonkeyPatch) -> None:
    writes(monkeypatch, Script("Hydra++ ", BackendError("the model hung up", retryable=True)))
    ran = piped(QUESTION)
    assert (ran.code, ran.err) == (1, "scholiast: the model hung up\n")


def test_feedback_is_given_in_the_chat(piped: Piped, scholiast: Callable[..., CommandResult]) -> None:
    piped(QUESTION, "/bad Which throughput?")
    feedback = json.loads(scholiast("feedback", "list", "--json").out)
    assert (feedback["question"], feedback["verdict"], feedback["comment"]) == (QUESTION, "bad", "Which throughput?")


def test_a_conversation_goes_on_where_it_was_left(typed: Piped, piped: Piped, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = writes(monkeypatch, Script("Hydra++ is the best recipe [1]."))
    id = conversation_id(typed(QUESTION))
    again = typed("/sources", QUESTION, arguments=["--conversation", id])
    assert f"> {QUESTION}" in again.out and "[1] Hydra" in again.out
    assert len(writer.heard[-1]) == 2 and conversation_id(again) == id
    assert piped(QUESTION, arguments=["--conversation", "conv_none"]).code == 1
    assert piped(QUESTION, arguments=["--conversation", id, "--library", "other"]).code == 2


class InterruptedScript(Script):
    """Half an answer, then somebody presses Ctrl-C."""

    async def write(self, question: str, passages: Sequence[Passage], history: Sequence[Turn]) -> AsyncGenerator[str]:
        self.heard.append(history)
        yield "Hydra++ is the "
        if len(self.heard) == 1:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(3600)
        yield "best recipe [1]."


def test_ctrl_c_stops_an_answer_and_the_next_question_is_answered(
    typed: Piped, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = writes(monkeypatch, InterruptedScript())
    ran = typed(QUESTION, QUESTION)
    assert (ran.code, len(writer.heard), writer.heard[1]) == (0, 2, ())
    assert ran.out.index("(stopped)") < ran.out.index("Hydra++ is the best recipe [1].")


def test_ctrl_c_at_the_prompt_says_how_to_leave_and_ctrl_d_leaves(typed: Piped) -> None:
    ran = typed(KeyboardInterrupt, EOFError)
    assert ran.code == 0 and "Ctrl-D or /quit leaves" in ran.out


def _leave(terminal: int, process: "subprocess.Popen[bytes]") -> None:
    """Press Ctrl-D until it takes effect: a key pressed before the prompt appears may be lost."""
    for _ in range(20):
        os.write(terminal, b"\x04")
        try:
            assert process.wait(1) == 0
            return
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    raise AssertionError("Ctrl-D did not end the conversation")


def test_on_a_real_terminal(home: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tests.support.command", "chat"]
    environment = {**os.environ, "SCHOLIAST_HOME": str(home), "TERM": "xterm", "COLUMNS": "60"}
    with subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, f"{QUESTION}\n".encode())
        shown = b""
        while b"(2024)" not in shown:
            shown += os.read(ours, 4096)
        _leave(ours, process)
    answer = re.sub(r"\x1b\[[0-9;?]*[a-z]", "", shown.decode()).rpartition(QUESTION)[2]
    assert "[1]" in answer
    assert max(len(line) for line in answer.splitlines() if "Hydra: Seq" not in line) <= 60


def test_pieces_are_printed_as_they_come_without_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printer = StreamPrinter()
    printer.write("Hydra\x1b[2J is fa")
    assert capsys.readouterr().out == "Hydra[2J is "
    printer.write("st [1]\n- and")
    printer.end()
    assert capsys.readouterr().out == "fast [1]\n- and\n"
