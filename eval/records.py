"""The files of a run: one durable row for each question asked, the papers it saw, and a manifest."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from eval.files import append_durably, json_lines
from eval.questions import PaperRef
from eval.reply import Reply, parse
from rag.errors import RequestError

Status = Literal["ok", "error", "timeout"]


@dataclass(frozen=True, kw_only=True)
class Response:
    """One attempt at one question. `answer` is the API's Answer object as the system gave it.

    `first_token_ms` is None when the system does not stream; a failed row keeps how long it took and why it failed.
    `latency_ms` is None where nobody took the time: in a run that was imported.
    """

    question_id: str
    status: Status
    latency_ms: float | None
    first_token_ms: float | None = None
    answer: Mapping[str, Any] | None = None
    ranked: tuple[Mapping[str, Any], ...] = ()
    error: str = ""

    @property
    def reply(self) -> Reply:
        """The answer as the metrics read it."""
        return parse(self.answer, self.ranked)


@dataclass(frozen=True, kw_only=True)
class SeenPaper:
    """An abstract that an answer cites or that search returned, stored so that scoring never asks again."""

    id: str
    title: str
    abstract: str

    @property
    def ref(self) -> PaperRef:
        return PaperRef(self.id, self.title)


class RunFiles:
    """The files of a run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = folder / "manifest.json"
        self.questions = folder / "questions.jsonl"
        self.papers = folder / "papers.jsonl"
        self.responses = folder / "responses.jsonl"
        self.scores = folder / "scores.json"
        self.judged = folder / "judged.json"
        self.html = folder / "report.html"
        self.markdown = folder / "report.md"
        self.probes = (folder / "robustness.json", folder / "support_probe.json")

    def clear(self) -> None:
        """Delete the run and its reports, the manifest last; other files in the folder stay."""
        reports = (self.html, self.markdown, self.scores, self.judged, *self.probes)
        for path in (*reports, self.responses, self.papers, self.questions, self.manifest):
            path.unlink(missing_ok=True)


@dataclass
class Journal:
    """Appends to a run's folder; what `write` has returned from survives a kill -9 and a power cut."""

    files: RunFiles
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        _cut_partial_line(self.files.papers)
        _cut_partial_line(self.files.responses)
        self._seen = {paper.id for paper in read_papers(self.files)}

    def write(self, response: Response, papers: Iterable[SeenPaper]) -> None:
        """Append the papers that are new, then the row, so that no row is without its papers."""
        new = {paper.id: paper for paper in papers if paper.id not in self._seen}
        if new:
            append_durably(self.files.papers, json_lines(asdict(paper) for paper in new.values()))
            self._seen |= set(new)
        append_durably(self.files.responses, json_lines([asdict(response)]))


def read_responses(files: RunFiles) -> dict[str, Response]:
    """The last attempt at every question that was asked, by its id. A last line cut short by a crash is left out."""
    rows = (Response(**{**row, "ranked": tuple(row.get("ranked") or ())}) for row in _rows(files.responses))
    return {response.question_id: response for response in rows}


def read_papers(files: RunFiles) -> tuple[SeenPaper, ...]:
    """Every paper that the run saw."""
    return tuple(SeenPaper(**row) for row in _rows(files.papers))


def read_manifest(files: RunFiles) -> dict[str, Any]:
    """What was run. Raises RequestError if the folder holds no run."""
    try:
        manifest: dict[str, Any] = json.loads(files.manifest.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RequestError(
            f"{files.folder} holds no run; make one with `scholiast eval run --out {files.folder}`"
        ) from error
    except ValueError as error:
        raise RequestError(f"{files.manifest} is not JSON: {error}; delete the folder and run again") from error
    return manifest


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        if not line.endswith(b"\n"):
            return
        try:
            yield json.loads(line)
        except ValueError as error:
            raise RequestError(
                f"{path}:{number} is damaged: {error}; delete that line to ask its question again"
            ) from error


def _cut_partial_line(path: Path) -> None:
    """Remove the half line that a crash in mid-write leaves, so that the next row begins on its own line."""
    if path.exists():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with path.open("r+b") as file:
                file.truncate(whole)
