"""A run of ours as exports see it, and the record of one question that formats with free metadata carry."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval import questions as question_files
from eval import score as scoring
from eval.metrics.case import Case
from eval.questions import PaperRef, Question, title_key
from eval.records import Response, RunFiles, SeenPaper, read_manifest, read_papers, read_responses
from eval.score import QuestionScore
from rag.errors import RequestError

KEY = "scholiast"
"""The name of our record among a sample's metadata."""
SCHEMA = "exchange/1"


@dataclass(frozen=True)
class OwnRecord:
    """All that a run holds of one question, and what it offers: nothing is lost where a format carries it."""

    question: Question
    response: Response | None
    papers: tuple[SeenPaper, ...]
    offers: tuple[str, ...]
    deadline_seconds: float | None


@dataclass(frozen=True)
class ExportedRow:
    """A question with the reply to it, the row that it came from (None if it was never asked), and its scores.

    `gold_ids` are those of the gold papers, as far as the run saw the papers that are named by their titles.
    """

    case: Case
    response: Response | None
    score: QuestionScore
    gold_ids: tuple[str, ...]
    record: Mapping[str, Any]

    @property
    def answered(self) -> bool:
        """Whether there is an answer, however it reads."""
        return self.response is not None and self.response.status == "ok" and self.response.answer is not None


@dataclass(frozen=True)
class ExportedRun:
    """A scored run: its name, and its questions in their order."""

    name: str
    manifest: Mapping[str, Any]
    rows: Sequence[ExportedRow]

    @property
    def unanswered(self) -> int:
        """How many questions have no answer."""
        return sum(not row.answered for row in self.rows)


def read_run(folder: Path) -> ExportedRun:
    """The run of a folder, scored again. Raises RequestError."""
    files = RunFiles(folder)
    manifest = read_manifest(files)
    questions = question_files.load(files.questions)
    responses, papers = read_responses(files), read_papers(files)
    scores = scoring.make(manifest, questions, responses, papers)
    cases = scoring.cases(questions, responses, papers)
    untold = {paper.id: paper for paper in papers}
    by_title = {title_key(paper.title): paper.id for paper in papers}
    rows = []
    for case, score in zip(cases, scores.rows, strict=True):
        response = responses.get(case.question.id)
        own = [untold.pop(ref.id) for ref in _papers_of(case) if ref.id in untold]
        record = _record(manifest, case.question, response, own)
        rows.append(ExportedRow(case, response, score, _gold_ids(case.question, by_title), record))
    return ExportedRun(name=str(manifest["name"]), manifest=manifest, rows=rows)


def read_record(metadata: object) -> OwnRecord | None:
    """Our record among the metadata of a sample; None if there is none. Raises RequestError if it is damaged."""
    found = metadata.get(KEY) if isinstance(metadata, Mapping) else None
    if found is None:
        return None
    try:
        if found["schema"] != SCHEMA:
            raise ValueError(f"its schema is {found['schema']!r}, and this version reads {SCHEMA!r}")
        row = found["response"]
        return OwnRecord(
            question=question_files.of_json(found["question"]),
            response=Response(**{**row, "ranked": tuple(row["ranked"])}) if row else None,
            papers=tuple(SeenPaper(**paper) for paper in found["papers"]),
            offers=tuple(found["offers"]),
            deadline_seconds=found["deadline_seconds"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RequestError(f"the record {KEY!r} in the metadata is damaged: {error!r}; export the run again") from error


def _record(
    manifest: Mapping[str, Any], question: Question, response: Response | None, papers: Sequence[SeenPaper]
) -> dict[str, Any]:
    """The record as JSON; a paper goes with the first question that saw it."""
    return {
        "schema": SCHEMA,
        "question": question_files.as_json(question),
        "response": asdict(response) if response else None,
        "papers": [asdict(paper) for paper in papers],
        "offers": manifest["offers"],
        "deadline_seconds": manifest["deadline_seconds"],
    }


def _gold_ids(question: Question, by_title: Mapping[str, str]) -> tuple[str, ...]:
    named = (key if key in question.gold_ids else by_title.get(key, "") for key in question.gold)
    return tuple(filter(None, named))


def _papers_of(case: Case) -> list[PaperRef]:
    reply = case.reply
    return list(dict.fromkeys([*(p.paper for p in reply.shown), *reply.cited, *reply.ranked]))
