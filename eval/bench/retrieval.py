"""Chunk sizes and fusion weights: measures retrieval on judged questions and prints Markdown tables.

    python -m eval.bench.retrieval --corpus FILE... (--questions JSONL... | --queries JSONL --qrels TSV)
        [--chunks 96/1 ...] [--titles front bare] [--chosen 96/1]

`--questions` are our question records (the answerable ones are asked), `--queries` and `--qrels` a BEIR benchmark. The
first table has chunk settings, each as TOKENS/OVERLAP, with the paper's title in front of every chunk or without it;
the others have the rankings over the chosen chunks: each half alone, both fused, that ranked again by sentences. All of
it is the product's, except that the dense ranking is exact instead of Chroma's and that near-duplicates stay. A text
is embedded once, whatever needs it.
"""

import argparse
import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from math import sqrt
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from eval import questions
from eval.importers import beir_files
from eval.metrics.retrieval import hit, ndcg
from eval.questions import PaperRef, Question
from eval.statistics import difference
from rag import condense, corpus, embedders
from rag.library import ingest
from rag.library.keyword_index import KeywordIndex
from rag.protocols import Embedder
from rag.retrieval import DENSE_SHARE, POOL, RERANKED, STRONG_KEYWORD, fuse, with_nearest_sentences
from rag.text import chunk, sentences
from rag.text.analysis import content_stems
from rag.types import Paper, StoredPaper

LIMITS = (32, 64, 96, 128, 256)
OVERLAPS = (0, 1)
SHARES = (0.4, 0.5, 0.6, 0.7)
TOP = 10

Vectors = NDArray[np.float32]
Scores = Mapping[str, float]


@dataclass(frozen=True)
class Task:
    """Papers and questions, with what no chunk setting changes: the keyword ranking, and a strong score in it."""

    papers: Mapping[str, Paper]
    questions: Sequence[Question]
    vectors: Vectors
    keyword: Sequence[Scores]
    strong: Sequence[float]

    @property
    def clusters(self) -> list[str]:
        """Questions that share a gold paper are not independent."""
        by_id = questions.clusters(self.questions)
        return [by_id[question.id] for question in self.questions]


@dataclass(frozen=True)
class RankingScores:
    """Per question: is a gold paper first, and how good are the first ten."""

    first: Sequence[float]
    ndcg: Sequence[float]


class CachedEmbedder:
    """Embeds each distinct text once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Vectors] = {}

    async def embed(self, texts: Sequence[str]) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, await self._embedder.embed(new), strict=True))
        return np.stack([self._known[text] for text in texts])


async def measure(options: argparse.Namespace) -> None:
    """Print the tables, a line as soon as it is known."""
    embedder = CachedEmbedder(embedders.embedder(options.embedder))
    task = await _task(options, embedder)
    print(f"{len(task.papers)} papers, {len(task.questions)} questions\n")
    print("| tokens | overlap | title | chunks | dense alone nDCG@10 | hybrid nDCG@10 | gold first |")
    print("|---|---|---|---|---|---|---|")
    for setting, title in product(options.chunks, options.titles):
        print(await _chunk_row(task, embedder, setting, title), flush=True)
    dense, _ = await _dense(task, embedder, options.chosen, "front")
    _print_rankings(task, dense, await _stored(task, embedder))


async def _chunk_row(task: Task, embedder: CachedEmbedder, setting: tuple[int, int], title: str) -> str:
    dense, count = await _dense(task, embedder, setting, title)
    alone, hybrid = _scored(task, dense), _scored(task, _fused(task, dense, DENSE_SHARE))
    cells = [str(setting[0]), str(setting[1]), title, str(count)]
    return _row([*cells, *(_mean(task, values) for values in (alone.ndcg, hybrid.ndcg, hybrid.first))])


def _print_rankings(task: Task, dense: Sequence[Scores], stored: Mapping[str, StoredPaper]) -> None:
    fused = {share: _fused(task, dense, share) for share in SHARES}
    reranked = {share: _reranked(task, scores, stored) for share, scores in fused.items()}
    found = {
        "keywords": task.keyword,
        "dense": dense,
        **{f"hybrid {share}": scores for share, scores in fused.items()},
        **{f"hybrid {share}, by sentences": scores for share, scores in reranked.items()},
    }
    scored = {name: _scored(task, scores) for name, scores in found.items()}
    print("\n| ranking, with the dense share | nDCG@10 | gold first |\n|---|---|---|")
    for name, values in scored.items():
        print(_row([name, _mean(task, values.ndcg), _mean(task, values.first)]))
    print("\n| difference in nDCG@10 | mean (standard error) | 95% interval | p | better, same, worse |")
    print("|---|---|---|---|---|")
    hybrid, ours = f"hybrid {DENSE_SHARE}", f"hybrid {DENSE_SHARE}, by sentences"
    for a, b in ((hybrid, "keywords"), (hybrid, "dense"), (ours, hybrid), (ours, "keywords"), (ours, "dense")):
        print(_difference(task, f"{a} - {b}", scored[b].ndcg, scored[a].ndcg))


def _difference(task: Task, name: str, a: Sequence[float], b: Sequence[float]) -> str:
    found = difference(a, b, task.clusters)
    paired = _mean(task, [y - x for x, y in zip(a, b, strict=True)])
    interval = f"{found.low:+.3f} to {found.high:+.3f}"
    return _row([name, f"+{paired}" if found.mean > 0 else paired, interval, f"{found.p:.4f}",
                 f"{found.wins}, {found.ties}, {found.losses}"])  # fmt: skip


async def _dense(
    task: Task, embedder: CachedEmbedder, setting: tuple[int, int], title: str
) -> tuple[list[Scores], int]:
    """The best chunk's cosine of the POOL nearest papers, for each question; and the number of chunks."""
    chunks = [piece for paper in task.papers.values() for piece in chunk.split(paper, *setting)]
    prefix = {id: f"{paper.title}. " if title == "front" else "" for id, paper in task.papers.items()}
    vectors = await embedder.embed([prefix[piece.paper_id] + piece.text for piece in chunks])
    ids = [piece.paper_id for piece in chunks]
    starts = [i for i, id in enumerate(ids) if i == 0 or ids[i - 1] != id]
    found = [_nearest([ids[i] for i in starts], np.maximum.reduceat(vectors @ asked, starts)) for asked in task.vectors]
    return found, len(chunks)


def _nearest(ids: Sequence[str], cosines: Vectors) -> Scores:
    return {ids[i]: float(cosines[i]) for i in np.argsort(-cosines, kind="stable")[:POOL]}


def _fused(task: Task, dense: Sequence[Scores], share: float) -> list[Scores]:
    each = zip(dense, task.keyword, task.strong, strict=True)
    return [fuse(near, matching, strong, share) for near, matching, strong in each]


async def _stored(task: Task, embedder: CachedEmbedder) -> dict[str, StoredPaper]:
    """Every paper with the vectors of its sentences, as the library keeps it."""
    spans = {id: tuple(sentences.spans(paper.abstract)) for id, paper in task.papers.items()}
    texts = [task.papers[id].abstract[start:end] for id, those in spans.items() for start, end in those]
    vectors = iter(await embedder.embed(texts))
    return {
        id: StoredPaper(
            paper=task.papers[id],
            chunks=(),
            chunk_vectors=np.zeros((0, 0), np.float32),
            sentences=those,
            sentence_vectors=np.stack([next(vectors) for _ in those]),
        )
        for id, those in spans.items()
    }


def _reranked(task: Task, fused: Sequence[Scores], stored: Mapping[str, StoredPaper]) -> list[Scores]:
    """The best of the fusion, reranked by their sentences."""
    return [
        {
            id: with_nearest_sentences(scores[id], (stored[id].sentence_vectors @ asked).tolist())
            for id in _best(scores, RERANKED)
        }
        for scores, asked in zip(fused, task.vectors, strict=True)
    ]


def _best(scores: Scores, count: int) -> list[str]:
    return sorted(scores, key=lambda id: (-scores[id], id))[:count]


def _scored(task: Task, found: Sequence[Scores]) -> RankingScores:
    ranked = [_ranked(task, question, scores) for question, scores in zip(task.questions, found, strict=True)]
    judged = [(keys, question.gold) for keys, question in zip(ranked, task.questions, strict=True)]
    return RankingScores(
        [hit(keys, gold, 1) for keys, gold in judged], [ndcg(keys, gold, TOP) for keys, gold in judged]
    )


def _ranked(task: Task, question: Question, scores: Scores) -> list[str]:
    return [question.key(PaperRef(id, task.papers[id].title)) for id in _best(scores, TOP)]


def _mean(task: Task, values: Sequence[float]) -> str:
    """The mean and its standard error by clusters (Miller, 2024, section 2.2)."""
    mean = sum(values) / len(values)
    residuals: defaultdict[str, float] = defaultdict(float)
    for value, cluster in zip(values, task.clusters, strict=True):
        residuals[cluster] += value - mean
    return f"{mean:.3f} ({sqrt(sum(r * r for r in residuals.values())) / len(values):.3f})"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


async def _task(options: argparse.Namespace, embedder: CachedEmbedder) -> Task:
    read = ingest.gather(chain.from_iterable(corpus.read(path) for path in options.corpus)).papers
    papers = {paper.id: paper for paper in read}
    known = [PaperRef(paper.id, paper.title) for paper in papers.values()]
    records = chain.from_iterable(questions.load(path, known) for path in options.questions or ())
    judged = beir_files(options.queries, options.qrels).questions if options.queries else records
    asked = [question for question in judged if question.answerable]
    alone = [condense.with_exchange(question.question, question.history) for question in asked]
    with TemporaryDirectory() as folder:
        index = KeywordIndex(Path(folder), "bench")
        index.apply(papers.values(), (), 1)
        keyword = [dict(index.search(text, POOL)) for text in alone]
        strong = [STRONG_KEYWORD * sum(index.idf(content_stems(text)).values()) for text in alone]
        index.close()
    return Task(papers, asked, await embedder.embed(alone), keyword, strong)


def _setting(text: str) -> tuple[int, int]:
    tokens, _, overlap = text.partition("/")
    return int(tokens), int(overlap)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, nargs="+", required=True, help="papers, in any format we read")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--questions", type=Path, nargs="+", help="JSONL of question records")
    asked.add_argument("--queries", type=Path, help="JSONL of _id and text; needs --qrels")
    parser.add_argument("--qrels", type=Path, help="TSV of query-id, corpus-id, score, with a header")
    every = list(product(LIMITS, OVERLAPS))
    parser.add_argument("--chunks", type=_setting, nargs="+", default=every, metavar="TOKENS/OVERLAP")
    parser.add_argument("--titles", choices=("front", "bare"), nargs="+", default=["front", "bare"])
    chosen = (chunk.LIMIT_TOKENS, chunk.OVERLAP_SENTENCES)
    parser.add_argument("--chosen", type=_setting, default=chosen, metavar="TOKENS/OVERLAP")
    parser.add_argument("--embedder", default="minilm")
    options = parser.parse_args()
    if options.queries and not options.qrels:
        parser.error("--queries needs --qrels")
    return options


if __name__ == "__main__":
    asyncio.run(measure(_options()))
