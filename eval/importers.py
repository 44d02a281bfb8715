"""Reads published question sets: BEIR, SciFact, PubMedQA, TREC. `IMPORTERS` lists the formats."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.files import read_text
from eval.questions import Question
from rag.corpus.identity import paper_id
from rag.errors import RequestError

_TOPIC = re.compile(r"<top>.*?<num>\s*(?:Number:)?\s*(\S+).*?<title>\s*(.*?)\s*<", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class QuestionSet:
    """Questions, and papers as JSON records where the set has them in a format that `ingest` does not read."""

    questions: tuple[Question, ...]
    papers: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Importer:
    """A format: the paths that it takes, and its function of these paths and the split."""

    takes: tuple[str, ...]
    read: Callable[[Sequence[Path], str], QuestionSet]


def read_set(format: str, paths: Sequence[Path], split: str) -> QuestionSet:
    """Read a published set in one of the formats of IMPORTERS. Raises RequestError."""
    importer = IMPORTERS.get(format)
    if importer is None:
        raise RequestError(f"no form {format!r}; there is {', '.join(IMPORTERS)}")
    if len(paths) != len(importer.takes):
        raise RequestError(f"{format} takes {' and '.join(importer.takes)}, not {len(paths)} paths")
    return importer.read(paths, split)


def beir(folder: Path, split: str = "test") -> QuestionSet:
    """A BEIR folder: `queries.jsonl` and `qrels/SPLIT.tsv` (or `queries.SPLIT.jsonl` and `qrels.SPLIT.tsv`).

    `corpus.jsonl` is ingested as it is. Queries that the split does not judge are left out; so are judgments of 0.
    """
    return beir_files(
        _first(folder, f"queries.{split}.jsonl", "queries.jsonl"),
        _first(folder, f"qrels/{split}.tsv", f"qrels.{split}.tsv"),
    )


def beir_files(queries: Path, qrels: Path) -> QuestionSet:
    """BEIR's queries (JSON Lines of `_id` and `text`) with their judgments (`query-id corpus-id score`)."""
    with _format_errors(queries):
        texts = {str(row["_id"]): str(row["text"]) for row in _json_lines(queries)}
    rows = (line.split() for line in read_text(qrels).splitlines())
    grades = _grades(qrels, ((row[0], row[1], row[-1]) for row in rows if len(row) >= 3 and row[0] != "query-id"))
    return QuestionSet(questions=tuple(_judged_query(id, texts[id], grades[id]) for id in texts if id in grades))


def trec(topics: Path, qrels: Path) -> QuestionSet:
    """Topics as `id<TAB>text` lines or as `<top>` elements, judged by `topic 0 document grade` lines."""
    grades = _grades(
        qrels, ((row[0], row[2], row[3]) for row in map(str.split, read_text(qrels).splitlines()) if len(row) == 4)
    )
    content = read_text(topics)
    tabbed = csv.reader(content.splitlines(), delimiter="\t")
    found = _TOPIC.findall(content) or [tuple(row[:2]) for row in tabbed if row[1:]]
    return QuestionSet(questions=tuple(_judged_query(id, text, grades[id]) for id, text in found if id in grades))


def scifact(claims: Path) -> QuestionSet:
    """SciFact's claims: supported ones are answered yes, contradicted ones no, those without evidence not at all."""
    with _format_errors(claims):
        return QuestionSet(questions=tuple(_claim(row) for row in _json_lines(claims)))


def pubmedqa(labelled: Path) -> QuestionSet:
    """PubMedQA's labelled set (`ori_pqal.json`), with its abstracts as papers.

    A question is its paper's title, so papers are titled by number alone. Retrieval is easy even so, and shows little.
    """
    try:
        found: dict[str, Any] = json.loads(labelled.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"{labelled} can't be read as PubMedQA's JSON object: {error}") from error
    with _format_errors(labelled):
        return QuestionSet(
            questions=tuple(_pubmed_question(number, entry) for number, entry in found.items()),
            papers=tuple(
                {"id": f"pmid:{number}", "title": f"PubMed {number}", "abstract": " ".join(entry["CONTEXTS"])}
                for number, entry in found.items()
            ),
        )


IMPORTERS: Mapping[str, Importer] = {
    "beir": Importer(("one path",), lambda paths, split: beir(paths[0], split)),
    "scifact": Importer(("one path",), lambda paths, _: scifact(paths[0])),
    "pubmedqa": Importer(("one path",), lambda paths, _: pubmedqa(paths[0])),
    "trec": Importer(("topics", "qrels"), lambda paths, _: trec(paths[0], paths[1])),
}


def _judged_query(id: str, text: str, grades: Mapping[str, float]) -> Question:
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
    with _format_errors(path):
        for query, document, grade in rows:
            if float(grade) > 0:
                found.setdefault(query, {})[paper_id("", document)] = float(grade)
    if not found:
        raise RequestError(f"{path} judges nothing to be relevant; is it a file of qrels?")
    return {query: dict(sorted(g.items(), key=lambda item: (-item[1], item[0]))) for query, g in found.items()}


@contextmanager
def _format_errors(path: Path) -> Iterator[None]:
    """Errors of a file in another format become a RequestError that names the file."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise RequestError(f"{path} is not of the form that was named: {error!r}") from error


def _first(folder: Path, *names: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise RequestError(f"{folder} has no {' or '.join(names)}; name the folder, and the split with --split")


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise RequestError(f"{path}:{number} is not JSON: {error}") from error
