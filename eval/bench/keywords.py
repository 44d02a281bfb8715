"""Compares keyword indexes (ours on tantivy, SQLite FTS5, bm25s) and prints a Markdown table.

    python -m eval.bench.keywords [--size 100000]
        [--corpus FILE --queries JSONL --qrels TSV] [--papers FILE... --questions JSONL]

Speed is measured on papers mixed from the sentences of `--corpus` (without one: of the bundled sample), ranking on the
judged queries (BEIR form) and on the answerable questions without history (our question records). Each index runs in
its own process, so that its memory is its own.
"""

import argparse
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from eval import questions
from eval.bench.server import peak_megabytes
from eval.importers import beir_files
from eval.metrics.retrieval import hit, ndcg
from eval.questions import SAMPLE_PAPERS, PaperRef, Question
from rag import corpus
from rag.library.keyword_index import KeywordIndex
from rag.text.analysis import stems
from rag.types import Paper

ADDED = 100
TOP = 10
MEASURED_QUERIES = 300
SPEED_COLUMNS = ("build s", f"add {ADDED} s", "query ms p50", "p95", "disk MB", "peak RSS MB")
COLUMNS = ("index", *SPEED_COLUMNS, "nDCG@10", "gold first", "gold in 10")


@dataclass(frozen=True)
class Plan:
    """What every index is measured on."""

    size: int
    sentences: tuple[str, ...]
    titles: tuple[str, ...]
    benchmark: tuple[Paper, ...]
    queries: tuple[Question, ...]
    papers: tuple[Paper, ...]
    questions: tuple[Question, ...]

    def synthetic(self) -> Iterator[Paper]:
        """`size` papers of five to twelve sentences, then those to add; the same on every call."""
        chance = random.Random(1)
        for number in range(self.size + ADDED):
            abstract = " ".join(chance.choice(self.sentences) for _ in range(chance.randint(5, 12)))
            yield Paper(id=f"synthetic:{number}", title=chance.choice(self.titles), abstract=abstract)

    def timed(self) -> list[str]:
        """Questions to time: the given ones, else stretches of 6 to 25 words of the sentences."""
        chance = random.Random(2)
        given = [question.question for question in (*self.queries, *self.questions)]
        if given:
            return chance.sample(given, min(MEASURED_QUERIES, len(given)))
        words = " ".join(self.sentences).split()
        starts = [chance.randrange(max(1, len(words) - 25)) for _ in range(MEASURED_QUERIES)]
        return [" ".join(words[start : start + chance.randint(6, 25)]) for start in starts]


class Index(Protocol):
    """A keyword index under measurement."""

    def add(self, papers: Iterator[Paper]) -> None: ...

    def search(self, question: str) -> list[str]:
        """At most TOP ids, best first."""
        ...


class Tantivy:
    """The index of the product."""

    def __init__(self, folder: Path) -> None:
        self._index = KeywordIndex(folder, "bench")

    def add(self, papers: Iterator[Paper]) -> None:
        self._index.apply(papers, (), self._index.revision + 1)

    def search(self, question: str) -> list[str]:
        return [paper_id for paper_id, _ in self._index.search(question, TOP)]


class Fts5:
    """SQLite's own full-text search, with its Porter stemmer; the title weighs a little more."""

    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(folder / "fts5.db")
        columns = "id UNINDEXED, title, text, tokenize='porter unicode61'"
        self._database.execute(f"CREATE VIRTUAL TABLE f USING fts5({columns})")

    def add(self, papers: Iterator[Paper]) -> None:
        rows = ((paper.id, paper.title, paper.abstract) for paper in papers)
        with self._database:
            self._database.executemany("INSERT INTO f (id, title, text) VALUES (?, ?, ?)", rows)

    def search(self, question: str) -> list[str]:
        words = dict.fromkeys("".join(c if c.isalnum() else " " for c in question.lower()).split())
        query = " OR ".join(f'"{word}"' for word in words if stems(word))  # no stop words, as ours
        select = f"SELECT id FROM f WHERE f MATCH ? ORDER BY bm25(f, 0, 1.2, 1) LIMIT {TOP}"
        return [str(row[0]) for row in self._database.execute(select, (query,))] if query else []


class Bm25s:
    """The reference for ranking (Snowball stems, k1=1.5, b=0.75); adding means building again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._library: Any = import_module("bm25s")
        self._stemmer: Any = import_module("Stemmer").Stemmer("english")
        self._texts: dict[str, str] = {}
        self._index: Any = None
        self._ids: list[str] = []

    def add(self, papers: Iterator[Paper]) -> None:
        self._texts |= {paper.id: f"{paper.title} {paper.abstract}" for paper in papers}
        self._ids = list(self._texts)
        self._index = self._library.BM25(method="lucene")
        self._index.index(self._tokens(list(self._texts.values())), show_progress=False)
        self._index.save(self._folder)

    def search(self, question: str) -> list[str]:
        found, _ = self._index.retrieve(self._tokens([question]), k=TOP, show_progress=False)
        return [self._ids[number] for number in found[0]]

    def _tokens(self, texts: Sequence[str]) -> Any:
        return self._library.tokenize(texts, stopwords="en", stemmer=self._stemmer, show_progress=False)


INDEXES: dict[str, Callable[[Path], Index]] = {"ours (tantivy)": Tantivy, "SQLite FTS5": Fts5, "bm25s": Bm25s}


def measure(name: str, plan: Plan) -> list[str]:
    """One row of the table."""
    return [name, *_speed(INDEXES[name], plan), *_ranking(INDEXES[name], plan)]


def _speed(make: Callable[[Path], Index], plan: Plan) -> list[str]:
    with TemporaryDirectory() as folder:
        index, papers = make(Path(folder)), plan.synthetic()
        build = _seconds(lambda: index.add(islice(papers, plan.size)))
        add = _seconds(lambda: index.add(papers))
        times = sorted(1000 * _seconds(partial(index.search, question)) for question in plan.timed())
        disk = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 1e6
    p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
    return [f"{build:.1f}", f"{add:.2f}", f"{p50:.2f}", f"{p95:.2f}", f"{disk:.0f}", peak_megabytes(os.getpid())]


def _ranking(make: Callable[[Path], Index], plan: Plan) -> list[str]:
    judged = _rankings(make, plan.benchmark, plan.queries)
    asked = _rankings(make, plan.papers, plan.questions)
    mean_ndcg = f"{sum(ndcg(found, gold, TOP) for found, gold in judged) / len(judged):.4f}" if judged else "-"
    first = f"{sum(hit(found, gold, 1) for found, gold in asked):.0f}/{len(asked)}" if asked else "-"
    in_ten = f"{sum(hit(found, gold, TOP) for found, gold in asked):.0f}/{len(asked)}" if asked else "-"
    return [mean_ndcg, first, in_ten]


def _rankings(
    make: Callable[[Path], Index], papers: Sequence[Paper], asked: Sequence[Question]
) -> list[tuple[list[str], Mapping[str, float]]]:
    """The keys of the papers found for each question, best first, with its gold papers."""
    if not papers:
        return []
    titles = {paper.id: paper.title for paper in papers}
    with TemporaryDirectory() as folder:
        index = make(Path(folder))
        index.add(iter(papers))
        return [
            ([question.key(PaperRef(id, titles[id])) for id in index.search(question.question)], question.gold)
            for question in asked
        ]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _papers(paths: Sequence[Path]) -> dict[str, Paper]:
    records = (record for path in paths for record in corpus.read(path))
    return {record.id: record for record in records if isinstance(record, Paper)}


def _plan(options: argparse.Namespace) -> Plan:
    benchmark = _papers([options.corpus]) if options.corpus else {}
    papers = _papers(options.papers)
    mixed = tuple((benchmark or _papers([SAMPLE_PAPERS])).values())
    sentences = tuple(s.strip() for paper in mixed for s in paper.abstract.split(". ") if len(s) > 30)
    queries = beir_files(options.queries, options.qrels).questions if options.queries and options.qrels else ()
    records = questions.load(options.questions) if options.questions else ()
    asked = tuple(question for question in records if question.answerable and not question.history)
    titles = tuple(paper.title for paper in mixed)
    return Plan(options.size, sentences, titles, tuple(benchmark.values()), queries, tuple(papers.values()), asked)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=100_000, help="synthetic papers for the speed")
    parser.add_argument("--corpus", type=Path, help="papers of the judged queries")
    parser.add_argument("--queries", type=Path, help="JSONL of _id and text")
    parser.add_argument("--qrels", type=Path, help="TSV of query-id, corpus-id, score, with a header")
    parser.add_argument("--papers", type=Path, nargs="+", default=[], help="papers of the questions")
    parser.add_argument("--questions", type=Path, help="JSONL of question records")
    return parser.parse_args()


def main() -> None:
    """Print the table, a row as soon as it is measured."""
    plan = _plan(_options())
    print("| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|", sep="\n")
    for name in INDEXES:
        if name == "bm25s" and not (find_spec("bm25s") and find_spec("Stemmer")):
            continue
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            print("| " + " | ".join(alone.submit(measure, name, plan).result()) + " |", flush=True)


if __name__ == "__main__":
    main()
