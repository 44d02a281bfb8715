"""Makes the folder of a run from another harness's answers, so that score, report and compare work on it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from eval import questions as question_files
from eval.exchange import format_named
from eval.exchange.foreign import ForeignAnswer, KnownPapers, answer_object, folded, usable_id
from eval.files import pretty, write_atomically
from eval.manifest import SCHEMA
from eval.questions import Question, fingerprint
from eval.records import Journal, Response, RunFiles, SeenPaper
from rag.errors import RequestError
from rag.types import Paper


@dataclass(frozen=True)
class Imported:
    """What became of a file: how many answers were kept, and how many belong to none of the questions."""

    answers: int
    questions: int
    left_out: int


@dataclass(frozen=True)
class _Row:
    question: Question
    response: Response
    papers: tuple[SeenPaper, ...]


def read_answers(format: str, paths: Sequence[Path]) -> list[ForeignAnswer]:
    """The answers of another harness's files. Raises RequestError."""
    form = format_named(format)
    if not 1 <= len(paths) <= form.most:
        raise RequestError(f"{format} takes {form.takes}, not {len(paths)} paths")
    found = form.read(paths)
    if not found:
        raise RequestError(f"{paths[0]} has no answers")
    return found


def make_run(
    format: str,
    paths: Sequence[Path],
    out: Path,
    name: str,
    questions: Sequence[Question] | None,
    papers: Sequence[Paper],
) -> Imported:
    """Write the answers into a new folder as a run of `questions`, or without any as one of their own questions.

    Raises RequestError.
    """
    if out.is_dir() and any(out.iterdir()):
        raise RequestError(f"{out} is not empty; give --out a new folder")
    answers = read_answers(format, paths)
    known = KnownPapers(papers)
    rows = list(_rows(answers, questions, known))
    asked = questions if questions is not None else [row.question for row in rows]
    files = RunFiles(out)
    write_atomically(files.questions, question_files.dump(asked))
    try:
        question_files.load(files.questions)
    except RequestError:
        files.questions.unlink()  # so that the folder can be used again
        raise
    write_atomically(files.manifest, pretty(_manifest(format, paths, name, asked, answers, rows)))
    journal = Journal(files)
    for row in rows:
        journal.write(row.response, row.papers)
    return Imported(len(rows), len(asked), len(answers) - len(rows))


def _rows(answers: Sequence[ForeignAnswer], questions: Sequence[Question] | None, known: KnownPapers) -> Iterator[_Row]:
    if questions is None:
        own = [_own_question(found, place) for place, found in enumerate(answers, start=1)]
        pairs = list(zip(own, answers, strict=True))
    else:
        pairs = list(_paired(questions, answers))
    for question, found in pairs:
        if found.own and found.own.response is None:
            continue
        yield _own_row(question, found) if found.own else _row(question, found, known)


def _own_row(question: Question, found: ForeignAnswer) -> _Row:
    assert found.own and found.own.response
    return _Row(question, found.own.response, found.own.papers)


def _row(question: Question, found: ForeignAnswer, known: KnownPapers) -> _Row:
    contexts = [known.identify(context) for context in found.contexts]
    ranked = [usable_id(id) for id in found.ranked]
    response = Response(
        question_id=question.id,
        status="error" if found.error else "ok",
        latency_ms=found.latency_ms,
        answer=None if found.error else answer_object(found, contexts, known),
        ranked=tuple(known.name(id) for id in ranked),
        error=found.error,
    )
    return _Row(question, response, tuple(known.seen(contexts, ranked)))


def _paired(
    questions: Sequence[Question], answers: Sequence[ForeignAnswer]
) -> Iterator[tuple[Question, ForeignAnswer]]:
    """Answers with their questions: by id, else by text, where a text that stands n times takes the n-th answer."""
    by_id = {question.id: question for question in questions}
    by_text: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        by_text[folded(question.question)].append(question)
    taken: set[str] = set()
    for found in answers:
        same_text = (q for q in by_text[folded(found.question)] if q.id not in taken)
        asked = by_id.get(found.id) or next(same_text, None)
        if asked is not None and asked.id not in taken:
            taken.add(asked.id)
            yield asked, found
    if not taken:
        raise RequestError(
            f"none of the {len(answers)} answers is of one of the {len(questions)} questions, by id or by text; "
            "name the questions that were asked with --questions, or leave it out to score by the file alone"
        )


def _own_question(found: ForeignAnswer, place: int) -> Question:
    """The question as the file has it; its reference answer and its gold papers are all that it can be scored by."""
    if found.own:
        return found.own.question
    if not found.reference and not found.gold_ids:
        raise RequestError(
            f"question {place} ({found.question[:60]!r}) has no reference answer and no gold papers in the file; "
            "give the questions with --questions"
        )
    return Question(
        id=found.id or str(place),
        question=found.question,
        type="followup" if found.history else "factoid",
        answerable=True,
        history=found.history,
        gold_ids=tuple(map(usable_id, found.gold_ids)),
        answer=found.reference,
    )


def _manifest(
    format: str,
    paths: Sequence[Path],
    name: str,
    questions: Sequence[Question],
    answers: Sequence[ForeignAnswer],
    rows: Sequence[_Row],
) -> dict[str, Any]:
    own = next((found.own for found in answers if found.own), None)
    models = dict.fromkeys(found.model for found in answers if found.model)
    contents = sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
    return {
        "schema": SCHEMA,
        "name": name,
        "identity": {
            "target": f"imported from {format}",
            "questions_sha256": fingerprint(questions),
            "file_sha256": contents,
            "model": ", ".join(models),
        },
        "corpus_sha256": "",
        "offers": sorted(own.offers if own else _offers([row.response for row in rows])),
        "questions": len(questions),
        "deadline_seconds": own.deadline_seconds if own else None,
        "details": {"files": [path.name for path in paths]},
        "code": {"version": "imported"},
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _offers(responses: Sequence[Response]) -> set[str]:
    """What the answers give; whether they cite, only they can show."""
    answered = {"answers", "maybe citations"} if any(r.answer is not None for r in responses) else set[str]()
    return answered | ({"ranking"} if any(r.ranked for r in responses) else set[str]())
