"""Reads published question sets: BEIR, SciFact, PubMedQA, TREC. `IMPORTERS` lists the formats."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.files import format_errors, read_json_lines, read_text
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
    with format_errors(queries):
        texts = {str(row["_id"]): str(row["text"]) for row in read_json_lines(queries)}
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
    with format_errors(claims):
        return QuestionSet(questions=tuple(_claim(row) for row in read_json_lines(claims)))


def pubmedqa(labelled: Path) -> QuestionSet:
    """PubMedQA's labelled set (Jin et al., 2019), with its abstracts as papers.

    Either `ori_pqal.json`, an object of entries by PubMed number, or one entry a line (or in a list) with an id that
    ends in that number; names of fields in any case, `abstract`, `contexts` or `context` as texts or as parts with
    `text`. The paper is the abstract without its conclusion, which is the answer. A question is its paper's title, so
    papers are titled by number alone. Retrieval is easy even so, and shows little.
    """
    with format_errors(labelled):
        entries = [_lower_keys(entry) for entry in _pubmed_entries(labelled)]
        papers = {paper["id"]: paper for paper in map(_pubmed_paper, entries)}
        return QuestionSet(questions=tuple(map(_pubmed_question, entries)), papers=tuple(papers.values()))


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


def _pubmed_entries(path: Path) -> list[Mapping[str, Any]]:
    """The entries of the file in any of its forms, each with its id."""
    content = read_text(path)
    try:
        found = json.loads(content)
    except ValueError:
        return list(read_json_lines(path))
    if isinstance(found, list):
        return found
    if any(key.lower() == "question" for key in found):
        return [found]
    return [{**entry, "id": number} for number, entry in found.items()]


def _lower_keys(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key.lower(): value for key, value in entry.items()}


def _pubmed_paper(entry: Mapping[str, Any]) -> dict[str, Any]:
    contexts = _first_of(entry, "contexts", "abstract", "context")
    if isinstance(contexts, Mapping):
        contexts = contexts["contexts"]
    parts = [contexts] if isinstance(contexts, str) else [p if isinstance(p, str) else p["text"] for p in contexts]
    number = _pubmed_number(entry)
    paper = {"id": f"pmid:{number}", "title": f"PubMed {number}", "abstract": " ".join(parts)}
    return {**paper, "year": int(entry["year"])} if entry.get("year") else paper


def _pubmed_question(entry: Mapping[str, Any]) -> Question:
    conclusion = _first_of(entry, "long_answer", "conclusion")
    decision = str(entry.get("final_decision") or entry.get("decision") or "").capitalize()
    return Question(
        id=str(_first_of(entry, "id", "pubid", "pmid")),
        question=str(entry["question"]),
        type="yes_no",
        answerable=True,
        gold_ids=(f"pmid:{_pubmed_number(entry)}",),
        answer=f"{decision}. {conclusion}" if decision else str(conclusion),
    )


def _pubmed_number(entry: Mapping[str, Any]) -> str:
    id = str(_first_of(entry, "id", "pubid", "pmid"))
    found = re.search(r"\d+$", id)
    if found is None:
        raise ValueError(f"the id {id!r} does not end in a PubMed number")
    return found[0]


def _first_of(entry: Mapping[str, Any], *names: str) -> Any:
    for name in names:
        if name in entry:
            return entry[name]
    raise KeyError(" or ".join(names))


def _grades(path: Path, rows: Iterator[tuple[str, str, str]]) -> dict[str, dict[str, float]]:
    """The gold papers of each query, best first, by the ids that a library gives them."""
    found: dict[str, dict[str, float]] = {}
    with format_errors(path):
        for query, document, grade in rows:
            if float(grade) > 0:
                found.setdefault(query, {})[paper_id("", document)] = float(grade)
    if not found:
        raise RequestError(f"{path} judges nothing to be relevant; is it a file of qrels?")
    return {query: dict(sorted(g.items(), key=lambda item: (-item[1], item[0]))) for query, g in found.items()}


def _first(folder: Path, *names: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise RequestError(f"{folder} has no {' or '.join(names)}; name the folder, and the split with --split")
