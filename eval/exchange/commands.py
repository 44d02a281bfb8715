"""The sub-commands that take runs to other harnesses and bring theirs here."""

from collections.abc import Sequence
from pathlib import Path

from eval import papers as known_papers
from eval import questions as question_files
from eval import run_commands, terminal
from eval.exchange import format_named
from eval.exchange.imports import make_run
from eval.exchange.own import read_run
from eval.files import write_atomically
from eval.summary import Summary
from rag.errors import RequestError


def export(folder: Path, format: str, out: Path) -> None:
    """Write a run as another harness reads it, and say what that can't hold."""
    form = format_named(format)
    run = read_run(folder)
    written = {out.with_name(out.name + suffix): text for suffix, text in form.write(run).items() if text}
    if not written:
        raise RequestError(f"{folder} has nothing that {format} can hold: no question has an answer")
    for path, text in written.items():
        write_atomically(path, text)
        terminal.note(f"wrote {path}")
    if run.unanswered:
        terminal.note(f"{run.unanswered} of {len(run.rows)} questions have no answer")
    terminal.note(f"lost on the way to {format}: {form.loses}")


def import_run(
    format: str, paths: Sequence[Path], out: Path, questions: Path | None, papers: Sequence[Path], name: str
) -> None:
    """Make a run of another harness's answers, score it, and print the figures."""
    known = known_papers.of_files(papers)
    asked = question_files.load(questions) if questions else None
    found = make_run(format, paths, out, name or out.name, asked, known)
    terminal.note(f"{out}: {found.answers} answers to {found.questions} questions")
    if found.left_out:
        terminal.note(f"{found.left_out} answers are of none of the questions, or a second one of the same: left out")
    scores = run_commands.scored(out)
    missing = [offer for offer in ("answers", "ranking", "citations", "quotes") if offer not in scores.offers]
    if missing:
        terminal.note(f"not in the file, so not measured: {', '.join(missing)}")
    terminal.summary(Summary(scores))
