"""What a run leaves behind: one durable row for each question asked, the papers it saw, and a manifest."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from eval.questions import PaperRef
from eval.reply import Reply, parse
from rag.errors import RequestError

Status = Literal["ok", "error", "timeout"]


@dataclass(frozen=True, kw_only=True)
class Response:
    """One attempt at one question. `answer` is the contract's Answer object as the system gave it.

    `first_token_ms` is None when the system does not stream; a failed row keeps how long it took and why it failed.
    """

    question_id: str
    status: Status
    latency_ms: float
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
    """An abstract that an answer rests on or that search returned, kept so that scoring never asks again."""

    id: str
    title: str
    abstract: str

    @property
    def ref(self) -> PaperRef:
        return PaperRef(self.id, self.title)


@dataclass(frozen=True)
class RunFiles:
    """The files of a run's folder."""

    folder: Path

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.json"

    @property
    def responses(self) -> Path:
        return self.folder / "responses.jsonl"

    @property
    def papers(self) -> Path:
        return self.folder / "papers.jsonl"

    @property
    def questions(self) -> Path:
        return self.folder / "questions.jsonl"

    @property
    def scores(self) -> Path:
        return self.folder / "scores.json"

    def clear(self) -> None:
        """Take the run and its reports out of the folder, the manifest last; what else is there stays."""
        made = (self.html, self.markdown, self.scores, self.judged)
        for path in (*made, self.responses, self.papers, self.questions, self.manifest):
            path.unlink(missing_ok=True)

    @property
    def judged(self) -> Path:
        return self.folder / "judged.json"

    @property
    def html(self) -> Path:
        return self.folder / "report.html"

    @property
    def markdown(self) -> Path:
        return self.folder / "report.md"


@dataclass
class Journal:
    """Appends to a run's folder; what `write` has returned from survives a kill -9 and a power cut."""

    files: RunFiles
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        _cut_torn_tail(self.files.papers)
        _cut_torn_tail(self.files.responses)
        self._seen = {paper.id for paper in read_papers(self.files)}

    def write(self, response: Response, papers: Iterable[SeenPaper]) -> None:
        """Append the papers that are new, then the row; a row is never there without its papers."""
        new = {paper.id: paper for paper in papers if paper.id not in self._seen}
        if new:
            _append(self.files.papers, "".join(_line(asdict(paper)) for paper in new.values()))
            self._seen |= set(new)
        _append(self.files.responses, _line(asdict(response)))


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


def write_atomically(path: Path, text: str) -> None:
    """Replace a file in one step, so that no reader ever meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def pretty(value: Any) -> str:
    """JSON for files that people read: sorted keys, so that the same content has the same bytes."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"


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


def _cut_torn_tail(path: Path) -> None:
    """A crash in mid-write leaves half a line; what follows it must begin on its own line."""
    if path.exists():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with path.open("r+b") as file:
                file.truncate(whole)
