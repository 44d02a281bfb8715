"""Small questions, replies, systems and runs for the tests of the evaluation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from eval import cli
from eval.files import pretty, write_atomically
from eval.metrics.case import Case
from eval.questions import GoldPassage, PaperRef, Question, dump
from eval.records import Journal, Response, RunFiles, SeenPaper
from eval.reply import Reply
from eval.robustness import VariantMeasure
from eval.statistics import difference, estimate
from eval.support_probe import VERDICTS, ProbeResult, Shares
from eval.words import rarity

ABSTRACTS = {
    "1": "Alpha nets have 12 layers. They train in 3.5 days.",
    "2": "Yes, beta nets use graphs. They reach 80% on average.",
    "3": "Gamma rays are something else entirely.",
}
PAPERS = tuple(SeenPaper(id=id, title=f"Paper {id}", abstract=text) for id, text in ABSTRACTS.items())
QUESTIONS = (
    Question(id="a", question="How deep are alpha nets?", type="numeric", answerable=True, gold_ids=("1",),
             answer="They have 12 layers.", key_facts=(("12 layers", "twelve layers"),),
             gold_passages=(GoldPassage(paper="1", text="Alpha nets have 12 layers."),)),
    Question(id="b", question="Do beta nets use edges?", type="yes_no", answerable=True, gold_titles=("Paper 2",),
             answer="Yes, they use graphs.", key_facts=(("graphs",), ("yes",))),
    Question(id="c", question="Alpha or beta: how long and how good?", type="comparison", answerable=True,
             gold_ids=("1", "2"), gold_mode="all", answer="3.5 days; 80%.", key_facts=(("3.5 days",), ("80%",))),
    Question(id="d", question="Who is the mayor?", type="unanswerable", answerable=False, answer="Off the subject."),
    Question(id="e", question="What do delta nets cost?", type="unanswerable", answerable=False),
)  # fmt: skip
EVERYTHING = frozenset({"answers", "ranking", "citations", "quotes"})
MANIFEST = {
    "schema": "run/1",
    "name": "A <b>run</b>",
    "identity": {"target": "local", "model": "extractive"},
    "offers": sorted(EVERYTHING),
    "deadline_seconds": 60,
    "corpus_sha256": "",
    "code": {"version": "0.1.0"},
}


def case(question: Question, **reply: Any) -> Case:
    """A question with a reply made of these fields."""
    return Case(question, Reply(**{"outcome": "answered", **reply}), by_key(), rarity(q.answer for q in QUESTIONS))


def by_key() -> dict[str, SeenPaper]:
    """The papers as a case looks them up."""
    return {paper.title: paper for paper in PAPERS} | {paper.id: paper for paper in PAPERS}


def ref(id: str) -> PaperRef:
    """A paper by its id."""
    return PaperRef(id, f"Paper {id}")


def answer(text: str, cited: Sequence[str] = (), outcome: str = "answered", confidence: float = 0.9) -> dict[str, Any]:
    """The API's Answer object: cited papers are passages in this order, each quoted from its first character."""
    papers: list[dict[str, Any]] = [
        {"id": id, "title": f"Paper {id}", "url": None, "year": None, "authors": []} for id in cited
    ]
    return {
        "id": "ans_1", "question": "?", "standalone_question": "?", "library": "default", "outcome": outcome,
        "text": text,
        "sentences": [{"text": text, "citations": list(range(1, len(cited) + 1)), "support": "supported"}],
        "citations": [{"number": n, "sentence": 0, "paper": paper, "quote": ABSTRACTS[paper["id"]][:20],
                       "start": 0, "end": 20} for n, paper in enumerate(papers, start=1)],
        "passages": [{"number": n, "paper": paper, "text": ABSTRACTS[paper["id"]], "score": 1.0}
                     for n, paper in enumerate(papers, start=1)],
        "confidence": confidence, "model": "test", "usage": {"prompt_tokens": 2, "completion_tokens": 3},
        "timings_ms": {"total": 1.0},
    }  # fmt: skip


def gold_ids(question: Question) -> list[str]:
    """The ids of the question's gold papers."""
    return [paper.id for paper in PAPERS if question.key(paper.ref) in question.gold]


def oracle(question: Question) -> Response:
    """Answers with the reference, cites and ranks all gold papers, declines what can't be answered."""
    if not question.answerable:
        return declining(question)
    golds = gold_ids(question)
    text = f"{question.answer.rstrip('.')} {' '.join(f'[{n}]' for n in range(1, len(golds) + 1))}."
    return response(question, answer(text, golds), golds)


def declining(question: Question) -> Response:
    """Declines whatever is asked."""
    return response(question, answer("The abstracts do not say.", outcome="not_in_abstracts", confidence=0.1), [])


def answering(question: Question) -> Response:
    """Answers everything from the third paper, wrongly."""
    return response(question, answer("Gamma rays are something else entirely [1].", ["3"]), ["3"])


def response(question: Question, answer: dict[str, Any], ranked: Sequence[str]) -> Response:
    """A good row."""
    return Response(
        question_id=question.id,
        status="ok",
        latency_ms=10.0,
        first_token_ms=5.0,
        answer=answer,
        ranked=tuple({"id": id, "title": f"Paper {id}"} for id in ranked),
    )


def failing(question: Question) -> Response:
    """A row without an answer."""
    return Response(question_id=question.id, status="error", latency_ms=1.0, error="503")


def write_run(folder: Path, responses: Sequence[Response]) -> RunFiles:
    """A run's folder with all questions, all papers and these rows."""
    files = RunFiles(folder)
    write_atomically(files.manifest, pretty(MANIFEST))
    write_atomically(files.questions, dump(QUESTIONS))
    journal = Journal(files)
    for row in responses:
        journal.write(row, PAPERS)
    return files


def lost(variant: str, share: float, count: int = 100) -> VariantMeasure:
    """A variant that loses this share of the questions that were answered as written."""
    before, after = [1.0] * count, [float(n >= share * count) for n in range(count)]
    found = difference(before, after, [str(n) for n in range(count)])
    return VariantMeasure(variant=variant, measure="answered", as_written=1, value=1 - share, difference=found)


def supported(share: float, count: int = 100) -> ProbeResult:
    """A probe in which this share of the negated sentences is called supported."""
    values = [float(n < share * count) for n in range(count)]
    clusters = [str(n) for n in range(count)]
    verdicts = {verdict: estimate(values, clusters) for verdict in VERDICTS}
    return ProbeResult(
        papers=count, kinds=(Shares(kind="negated", keeps_meaning=False, count=count, verdicts=verdicts),)
    )


def evaluate(*words: str) -> int:
    """The exit code of `scholiast eval` with these words."""
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    return int(stopped.value.code or 0)
