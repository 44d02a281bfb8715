"""Scores a run from its files: every measure of every question. Nothing is asked again."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eval.files import pretty, write_atomically
from eval.metrics import METRICS
from eval.metrics.answers import right
from eval.metrics.baselines import baselines
from eval.metrics.case import Case
from eval.questions import Question, clusters, fingerprint
from eval.records import Response, RunFiles, SeenPaper
from eval.reply import Reply
from eval.words import rarity
from rag.errors import RequestError

SCHEMA = "scores/2"
_DIGITS = 6  # more would differ between machines
_FAILED = Reply(text="", outcome="failed")


@dataclass(frozen=True, kw_only=True)
class QuestionScore:
    """The scores of one question. `values` has every measure that applies; None where there was nothing to measure.

    `shown_gold` says whether a gold paper was among the passages that the answer was written from; None without gold.
    `baselines` has the key facts in each of `metrics.baselines`, and is empty where they do not apply.
    """

    id: str
    type: str
    answerable: bool
    cluster: str
    status: str
    declined: bool
    right: bool
    confidence: float | None
    shown_gold: bool | None
    latency_ms: float | None
    first_token_ms: float | None
    prompt_tokens: int
    completion_tokens: int
    values: Mapping[str, float | None]
    baselines: Mapping[str, float] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether there was no answer to measure, so that every value is the worst."""
        return self.status != "ok"


@dataclass(frozen=True, kw_only=True)
class Scores:
    """All scores of a run, in the order of the questions, without the texts of questions and answers."""

    target: str
    offers: tuple[str, ...]
    questions_sha256: str
    corpus_sha256: str
    rows: tuple[QuestionScore, ...]

    @property
    def failed(self) -> int:
        """How many questions have no answer."""
        return sum(row.failed for row in self.rows)


def score(
    questions: Sequence[Question],
    responses: Mapping[str, Response],
    papers: Collection[SeenPaper],
    offers: Collection[str],
    deadline_seconds: float | None,
) -> tuple[QuestionScore, ...]:
    """Measure every question. One without a good response gets the worst value of each measure, and the deadline.

    Without a deadline it has no latency. `offers` says what the system gives (see `metrics.Offer`); measures that need
    anything else are left out.
    """
    cluster = clusters(questions)
    return tuple(
        _question_score(case, responses.get(case.question.id), cluster[case.question.id], offers, deadline_seconds)
        for case in cases(questions, responses, papers)
    )


def cases(
    questions: Sequence[Question], responses: Mapping[str, Response], papers: Collection[SeenPaper]
) -> list[Case]:
    """Every question with the reply to it, as the metrics see them."""
    abstracts = {paper.title: paper for paper in papers} | {paper.id: paper for paper in papers}
    idf = rarity(question.answer for question in questions)
    return [Case(question, _reply(responses.get(question.id)), abstracts, idf) for question in questions]


def offered(declared: Collection[str], responses: Collection[Response]) -> set[str]:
    """What the system gives in fact: one that may cite, but names no paper in any answer, does not offer citations."""
    if "maybe citations" not in declared:
        return set(declared)
    cites = any(response.status == "ok" and response.reply.cited for response in responses)
    return set(declared) - {"maybe citations"} | ({"citations"} if cites else set())


def write(files: RunFiles, scores: Scores) -> None:
    """Write `scores.json`: the same scores give the same bytes."""
    write_atomically(files.scores, dumps(scores))


def dumps(scores: Scores) -> str:
    """The text of `scores.json`."""
    return pretty({"schema": SCHEMA, **asdict(scores)})


def read(path: Path) -> Scores:
    """Read a `scores.json`, or that of a run's folder. Raises RequestError."""
    file = RunFiles(path).scores if path.is_dir() else path
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RequestError(f"{file} does not exist; make it with `scholiast eval score {path}`") from error
    except ValueError as error:
        raise RequestError(f"{file} is not JSON: {error}; make it again with `scholiast eval score`") from error
    if found.pop("schema", None) != SCHEMA:
        raise RequestError(f"{file} is not a file of scores ({SCHEMA}); make it again with `scholiast eval score`")
    rows = tuple(QuestionScore(**row) for row in found["rows"])
    return Scores(**{**found, "offers": tuple(found["offers"]), "rows": rows})


def make(
    manifest: Mapping[str, Any],
    questions: Sequence[Question],
    responses: Mapping[str, Response],
    papers: Collection[SeenPaper],
) -> Scores:
    """Score a run with the manifest and the records of its folder."""
    offers = offered(manifest["offers"], responses.values())
    deadline = manifest["deadline_seconds"]
    rows = score(questions, responses, papers, offers, None if deadline is None else float(deadline))
    return Scores(
        target=str(manifest["name"]),
        offers=tuple(sorted(offers)),
        questions_sha256=fingerprint(questions),
        corpus_sha256=str(manifest.get("corpus_sha256", "")),
        rows=rows,
    )


def _reply(response: Response | None) -> Reply:
    return response.reply if response and response.status == "ok" else _FAILED


def _question_score(
    case: Case, response: Response | None, cluster: str, offers: Collection[str], deadline_seconds: float | None
) -> QuestionScore:
    failed = response is None or response.status != "ok"
    return QuestionScore(
        id=case.question.id,
        type=case.question.type,
        answerable=case.question.answerable,
        cluster=cluster,
        status=response.status if response else "missing",
        declined=not failed and case.reply.declined,
        right=not failed and (right(case) if case.question.answerable else case.reply.declined),
        confidence=None if failed else case.reply.confidence,
        shown_gold=_shown_gold(case) if case.question.gold else None,
        latency_ms=_latency(None if failed else response, deadline_seconds),
        first_token_ms=None if failed or response is None else response.first_token_ms,
        prompt_tokens=case.reply.prompt_tokens,
        completion_tokens=case.reply.completion_tokens,
        values={
            metric.name: metric.worst if failed else _rounded(metric.value(case))
            for metric in METRICS
            if metric.needs in offers and metric.applies(case.question)
        },
        baselines={name: round(share, _DIGITS) for name, share in baselines(case).items()},
    )


def _latency(response: Response | None, deadline_seconds: float | None) -> float | None:
    """Milliseconds of an answer; a question without one took until the deadline."""
    if response is None:
        return None if deadline_seconds is None else deadline_seconds * 1000
    return None if response.latency_ms is None else round(response.latency_ms, 2)


def _shown_gold(case: Case) -> bool:
    return any(case.question.key(shown.paper) in case.question.gold for shown in case.reply.shown)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
