"""Asks every system the same questions in turn, and scores what comes back by the measures of the evaluation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eval import questions as records
from eval.metrics.latency import percentile
from eval.metrics.retrieval import recall
from eval.peers import reader
from eval.peers.client import DEADLINE_SECONDS, PeerProcess
from eval.peers.datasets import Dataset, asked, gold_ids
from eval.peers.serve import Hit
from eval.questions import PaperRef, Question
from eval.records import Response, SeenPaper
from eval.removal import questions_without_gold
from eval.score import Scores, score
from rag.errors import BackendError

PASSAGES = 20
"""Passages that a search is asked for. One whose passages are pieces of papers may bring fewer papers with them."""
CLIENTS = (1, 8, 32)

Progress = Callable[[int, int], None]
Systems = Mapping[str, PeerProcess]


@dataclass(frozen=True)
class Search:
    """What a search found, and what it took."""

    hits: Sequence[Hit]
    ms: float
    cpu_ms: float


def search_all(
    systems: Systems, dataset: Dataset, progress: Progress
) -> tuple[dict[str, list[Search]], dict[str, BackendError]]:
    """Every system's search for every question, in the order of the questions; and the systems that failed at one.

    Interleaved, each question by one system after the other and each time by another one first, so that what else the
    machine does falls on all of them alike. One search before, of each, loads what they load late.
    """
    found: dict[str, list[Search]] = {name: [] for name in systems}
    failed: dict[str, BackendError] = {}
    for done, question in enumerate([dataset.questions[0], *dataset.questions]):
        for name in _turns(list(found), done):
            try:
                hits, spent = systems[name].search(asked(question), PASSAGES)
            except BackendError as error:
                failed[name] = error
                del found[name]
            else:
                found[name].append(Search(hits, spent["ms"], spent["cpu_ms"]))
        progress(done, len(dataset.questions))
    return {name: searches[1:] for name, searches in found.items()}, failed


def read_all(name: str, dataset: Dataset, searches: Sequence[Search], *, with_gold: bool = True) -> Scores:
    """The scores of a system's ranking and of what the reader makes of its passages.

    Without gold, answerable questions as the unanswerable ones that they are when the passages of their gold papers
    are left out.
    """
    titles, idf = dataset.titles, reader.rarity_in(dataset.papers)
    responses = {}
    for question, search in zip(dataset.questions, searches, strict=True):
        gold = () if with_gold else gold_ids(question, dataset.papers)
        hits = [hit for hit in search.hits if hit.paper not in gold]
        answer = reader.read(asked(question), hits, titles, idf)
        responses[question.id] = _response(question, search.ms, answer, ranked=_papers(hits, titles))
    return _scores(name, dataset, responses, with_gold, ("answers", "ranking", "citations"))


def answer_all(
    systems: Systems, dataset: Dataset, progress: Progress, *, with_gold: bool = True
) -> dict[str, tuple[Scores, dict[str, float]]]:
    """The scores of what each system answers itself, and each answer's CPU milliseconds by question; interleaved.

    A question that fails counts as the worst answer.
    """
    responses: dict[str, dict[str, Response]] = {name: {} for name in systems}
    cpu: dict[str, dict[str, float]] = {name: {} for name in systems}
    chosen = [q for q in dataset.questions if with_gold or (q.answerable and q.gold)]
    for done, question in enumerate(chosen, start=1):
        without = () if with_gold else gold_ids(question, dataset.papers)
        for name in _turns(list(systems), done):
            try:
                reply = systems[name].answer(asked(question), without)
            except BackendError as error:
                failed = Response(question_id=question.id, status="error", latency_ms=0.0, error=str(error))
                responses[name][question.id] = failed
                continue
            cpu[name][question.id] = reply["cpu_ms"]
            answer = _as_answer(reply, dataset.titles)
            responses[name][question.id] = _response(question, reply["ms"], answer)
        progress(done, len(chosen))
    offers = ("answers", "citations")
    return {name: (_scores(name, dataset, responses[name], with_gold, offers), cpu[name]) for name in systems}


def gold_within_budget(question: Question, hits: Sequence[Hit], titles: Mapping[str, str]) -> float:
    """Share of the gold papers of which a passage is among those that the token budget admits."""
    found = list(dict.fromkeys(question.key(PaperRef(h.paper, titles[h.paper])) for h in reader.within_budget(hits)))
    return recall(found, question.gold, len(found))


def throughput(peer: PeerProcess, dataset: Dataset, seconds: float) -> Iterator[dict[str, float | None]]:
    """Searches a second with so many clients at once, with p50 and p95 of one search. Raises BackendError."""
    texts = [asked(question) for question in dataset.questions]
    for clients in CLIENTS if peer.about["thread_safe"] else CLIENTS[:1]:
        run = peer.load(texts, clients, seconds)
        yield {
            "clients": clients,
            "searches_per_second": len(run["ms"]) / run["seconds"],
            "cpu_ms": 1000 * run["cpu_seconds"] / len(run["ms"]),
            "p50_ms": percentile(run["ms"], 50),
            "p95_ms": percentile(run["ms"], 95),
        }


def _turns(names: Sequence[str], shift: int) -> list[str]:
    first = shift % max(len(names), 1)
    return [*names[first:], *names[:first]]


def _papers(hits: Sequence[Hit], titles: Mapping[str, str]) -> tuple[dict[str, str], ...]:
    return tuple({"id": id, "title": titles[id]} for id in dict.fromkeys(hit.paper for hit in hits))


def _response(
    question: Question, ms: float, answer: Mapping[str, Any], ranked: tuple[Mapping[str, Any], ...] = ()
) -> Response:
    return Response(question_id=question.id, status="ok", latency_ms=ms, answer=answer, ranked=ranked)


def _as_answer(reply: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
    """What an adapter answered in the shape of our API; a system that has no outcome is judged by its words."""
    hits = [Hit(*hit) for hit in reply["hits"]]
    papers = [{"id": id, "title": titles[id]} for id in reply["cited"]]
    outcome = {None: None, True: "not_in_abstracts", False: "answered"}[reply["declined"]]
    return {
        "outcome": outcome,
        "text": reply["text"],
        "passages": [
            {"number": number, "paper": paper, "text": "\n".join(hit.text for hit in hits if hit.paper == paper["id"])}
            for number, paper in enumerate(_papers(hits, titles), start=1)
        ],
        "citations": [{"paper": paper} for paper in papers],
    }


def _scores(
    name: str, dataset: Dataset, responses: Mapping[str, Response], with_gold: bool, offers: Sequence[str]
) -> Scores:
    clusters = dataset.clusters
    chosen = dataset.questions if with_gold else questions_without_gold(dataset.questions)
    seen = [SeenPaper(id=paper.id, title=paper.title, abstract=paper.abstract) for paper in dataset.papers]
    rows = score(chosen, responses, seen, offers, DEADLINE_SECONDS)
    return Scores(
        target=name,
        offers=tuple(offers),
        questions_sha256=records.fingerprint(chosen),
        corpus_sha256="",
        rows=tuple(replace(row, cluster=clusters[row.id]) for row in rows),
    )
