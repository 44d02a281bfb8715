"""Published question sets in the forms in which they are published: BEIR, SciFact, PubMedQA, TREC."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.questions import Question
from rag.corpus.identity import paper_id
from rag.errors import RequestError

_TOPIC = re.compile(r"<top>.*?<num>\s*(?:Number:)?\s*(\S+).*?<title>\s*(.*?)\s*<", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Imported:
    """Questions, and papers as JSON records where the set brings them in a form that `ingest` does not read."""

    questions: tuple[Question, ...]
    papers: tuple[Mapping[str, Any], ...] = ()


def beir(folder: Path, split: str = "test") -> Imported:
    """A BEIR folder: `queries.jsonl` and `qrels/SPLIT.tsv` (or `queries.SPLIT.jsonl` and `qrels.SPLIT.tsv`).

    `corpus.jsonl` is ingested as it is. Queries that the split does not judge are left out; so are judgments of 0.
    """
    queries = _first(folder, f"queries.{split}.jsonl", "queries.jsonl")
    judged = _first(folder, f"qrels/{split}.tsv", f"qrels.{split}.tsv")
    with _form(queries):
        texts = {str(row["_id"]): str(row["text"]) for row in _json_lines(queries)}
    rows = (line.split() for line in _lines(judged))
    grades = _grades(judged, ((row[0], row[1], row[-1]) for row in rows if len(row) >= 3 and row[0] != "query-id"))
    return Imported(questions=tuple(_judged(id, texts[id], grades[id]) for id in texts if id in grades))


def trec(topics: Path, qrels: Path) -> Imported:
    """Topics as `id<TAB>text` lines or as `<top>` elements, judged by `topic 0 document grade` lines."""
    grades = _grades(qrels, ((row[0], row[2], row[3]) for row in map(str.split, _lines(qrels)) if len(row) == 4))
    content = "\n".join(_lines(topics))
    found = _TOPIC.findall(content) or [tuple(row[:2]) for row in csv.reader(_lines(topics), delimiter="\t") if row[1:]]
    return Imported(questions=tuple(_judged(id, text, grades[id]) for id, text in found if id in grades))


def scifact(claims: Path) -> Imported:
    """SciFact's claims: supported ones are answered yes, contradicted ones no, those without evidence not at all."""
    with _form(claims):
        return Imported(questions=tuple(_claim(row) for row in _json_lines(claims)))


def pubmedqa(labelled: Path) -> Imported:
    """PubMedQA's labelled set (`ori_pqal.json`), with its abstracts as papers.

    A question is its paper's title, so the papers are named by number alone. Retrieval is easy even so; it says little.
    """
    try:
        found: dict[str, Any] = json.loads(labelled.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"{labelled} can't be read as PubMedQA's JSON object: {error}") from error
    with _form(labelled):
        return Imported(
            questions=tuple(_pubmed_question(number, entry) for number, entry in found.items()),
            papers=tuple(
                {"id": f"pmid:{number}", "title": f"PubMed {number}", "abstract": " ".join(entry["CONTEXTS"])}
                for number, entry in found.items()
            ),
        )


def _judged(id: str, text: str, grades: Mapping[str, float]) -> Question:
    return Question(
        id=id,
        question=text,
        type="factoid",
        answerable=True,
        gold_ids=tuple(grades),
        gold_grades=tuple(grades.values()),
    )


def _claim(row: Mapping[str, Any]) -> Question:
    evidence: Mapping[str, Any] = row.get("evidence") or {}
    labels = {str(part["label"]) for parts in evidence.values() for part in parts}
    return Question(
        id=str(row["id"]),
        question=f"Is this true: {row['claim']}",
        type="yes_no" if evidence else "unanswerable",
        answerable=bool(evidence),
        gold_ids=tuple(paper_id("", document) for document in evidence),
        gold_mode="any",
        answer=("No." if "CONTRADICT" in labels else "Yes.") if evidence else "",
    )


def _pubmed_question(number: str, entry: Mapping[str, Any]) -> Question:
    return Question(
        id=number,
        question=str(entry["QUESTION"]),
        type="yes_no",
        answerable=True,
        gold_ids=(f"pmid:{number}",),
        answer=f"{str(entry['final_decision']).capitalize()}. {entry['LONG_ANSWER']}",
    )


def _grades(path: Path, rows: Iterator[tuple[str, str, str]]) -> dict[str, dict[str, float]]:
    """The gold papers of each query, best first, by the ids that a library gives them."""
    found: dict[str, dict[str, float]] = {}
    with _form(path):
        for query, document, grade in rows:
            if float(grade) > 0:
                found.setdefault(query, {})[paper_id("", document)] = float(grade)
    if not found:
        raise RequestError(f"{path} judges nothing to be relevant; is it a file of qrels?")
    return {query: dict(sorted(g.items(), key=lambda item: (-item[1], item[0]))) for query, g in found.items()}


@contextmanager
def _form(path: Path) -> Iterator[None]:
    """What does not fit the form becomes a message that names the file."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise RequestError(f"{path} is not of the form that was named: {error!r}") from error


def _first(folder: Path, *names: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise RequestError(f"{folder} has no {' or '.join(names)}; name the folder, and the split with --split")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} can't be read: {error}") from error


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_lines(path), start=1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise RequestError(f"{path}:{number} is not JSON: {error}") from error
