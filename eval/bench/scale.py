"""How time, memory and disk grow with the number of papers; prints a table, with exponents for several sizes.

    python -m eval.bench.scale --papers 1000 10000 [--vector-index lancedb] [--embedder minilm]

The papers are made by a model of which word follows which in the bundled sample, seeded, so that every run has the
same. Vectors are hashed words unless `--embedder` names a real one: the indexes are measured, not the embedder. Each
size has a process of its own, and so has bare Chroma and bare tantivy with the same vectors and texts.
"""

import argparse
import asyncio
import math
import random
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from hashlib import blake2b
from itertools import islice, pairwise
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import chromadb
import numpy as np
import tantivy
from numpy.typing import NDArray

from eval.questions import SAMPLE_PAPERS
from rag import corpus, embedders, retrieval, vector_indexes
from rag.config import Settings
from rag.engines import make_engine
from rag.library.library import Library
from rag.protocols import Embedder
from rag.retrieval import HybridRetriever
from rag.text import sentences
from rag.types import EVERYTHING, Filters, Paper

CHANGED = 100
QUESTIONS = 60
DIMENSION = 384
TOP = 10
_VENUES = 20
_YEARS = range(1990, 2027)
_END = ""
_ROWS_AT_ONCE = 2_000
_READ_AHEAD_A_SECOND = 10_000  # papers, which the first question with a filter sets off

Figures = dict[str, float]
"""What was measured, by what it is and its unit."""


class HashedWords:
    """A stand-in for an embedder that costs nearly nothing: every word has a direction, a text is the sum of them."""

    name = "hashed-words"

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `Embedder`."""
        return np.array([_unit(text) for text in texts], np.float32).reshape(len(texts), DIMENSION)

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """See `Embedder`."""
        return _unit(text)


@lru_cache(100_000)
def _direction(word: str) -> NDArray[np.float32]:
    seed = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
    return np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)


def _unit(text: str) -> NDArray[np.float32]:
    total = np.sum([_direction(word) for word in text.casefold().split()], axis=0)
    return np.asarray(total / np.linalg.norm(total), np.float32)


def made_papers(first: int = 0) -> Iterator[Paper]:
    """Papers without end, from a number on; a paper depends on its number alone."""
    following = _following_words()
    number = first
    while True:
        chance = random.Random(number)
        yield Paper(
            id=f"made:{number}",
            title=_sentence(chance, following).rstrip("."),
            abstract=" ".join(_sentence(chance, following) for _ in range(chance.randint(5, 12))),
            year=chance.choice(_YEARS),
            venue=f"Journal of Part {chance.randrange(_VENUES)}",
        )
        number += 1


@lru_cache(1)
def _following_words() -> Mapping[str, Sequence[str]]:
    """The words that follow each word in the sample, as often as they do; the empty word stands for both ends."""
    following: dict[str, list[str]] = {}
    for record in corpus.read(SAMPLE_PAPERS):
        if isinstance(record, Paper):
            for start, end in sentences.spans(record.abstract):
                for word, after in pairwise([_END, *record.abstract[start:end].split(), _END]):
                    following.setdefault(word, []).append(after)
    return following


def _sentence(chance: random.Random, following: Mapping[str, Sequence[str]]) -> str:
    words = [chance.choice(following[_END])]
    while len(words) < 30 and (word := chance.choice(following[words[-1]])) != _END:
        words.append(word)
    return " ".join(words).rstrip(".") + "."


def made_questions(papers: int) -> list[str]:
    """Stretches of 5 to 15 words of the abstracts."""
    chance = random.Random(-1)
    texts = [next(made_papers(chance.randrange(papers))).abstract.split() for _ in range(QUESTIONS)]
    starts = [chance.randrange(max(1, len(words) - 15)) for words in texts]
    return [" ".join(w[s : s + chance.randint(5, 15)]) for w, s in zip(texts, starts, strict=True)]


def measure_library(papers: int, embedder: str, index: str) -> Figures:
    """All figures of a library of that many papers, in a new folder."""
    with TemporaryDirectory() as folder:
        return asyncio.run(_measure_library(Path(folder), papers, embedder, index))


async def _measure_library(home: Path, papers: int, name: str, index: str) -> Figures:
    embedder: Embedder = embedders.embedder(name) if name else HashedWords()
    store = vector_indexes.store(index)
    library = await Library.open(home, "main", embedder, store=store, create=True)
    figures: Figures = {}
    made = list(islice(made_papers(), papers))
    wall, cpu = await _seconds(lambda: library.ingest(made))
    figures |= {"ingest s": wall, "ingest, CPU s per 1,000 papers": 1000 * cpu / papers, "ingest, peak MB": peak()}
    library.close()
    figures["disk, kB per paper"] = disk_bytes(home) / 1000 / papers
    questions = made_questions(papers)

    async def first_answer() -> Library:
        opened = await Library.open(home, "main", embedder, store=store)
        await make_engine(Settings(home=home), opened).ask(questions[0])
        return opened

    start = time.perf_counter()
    library = await first_answer()
    figures["open to first answer s"] = time.perf_counter() - start
    figures |= await _asking(home, library, questions, papers)
    figures["add 100 s"], _ = await _seconds(lambda: library.ingest(islice(made_papers(papers), CHANGED)))
    gone = [f"made:{number}" for number in range(papers, papers + CHANGED)]
    figures["remove 100 s"], _ = await _seconds(lambda: library.remove(gone))
    figures |= await _asking_during_an_ingest(home, library, questions, papers)
    library.close()
    return figures


async def _asking(home: Path, library: Library, questions: Sequence[str], papers: int) -> Figures:
    engine = make_engine(Settings(home=home), library)
    retriever = HybridRetriever(library, library.embedder)
    ids = tuple(f"made:{number}" for number in range(0, papers, 10))
    filters = {
        "": EVERYTHING,
        ", years 50%": Filters(year_from=_YEARS[len(_YEARS) // 2]),
        ", one year": Filters(year_from=2020, year_to=2020),
        ", a venue": Filters(venues=("Journal of Part 7",)),
        ", ids 10%": Filters(papers=ids),
    }
    figures = await _milliseconds("search", lambda question: retrieval.search(retriever, question, TOP), questions)
    first, _ = await _seconds(lambda: engine.ask(questions[0], filters=filters[", one year"]))
    figures["first ask with a filter, ms"] = 1000 * first
    await asyncio.sleep(papers / _READ_AHEAD_A_SECOND)
    for kind, chosen in filters.items():
        asking = partial(engine.ask, filters=chosen)
        figures |= await _milliseconds(f"ask{kind}", asking, questions)
    return figures


async def _asking_during_an_ingest(home: Path, library: Library, questions: Sequence[str], papers: int) -> Figures:
    engine = make_engine(Settings(home=home), library)
    ingest = asyncio.create_task(library.ingest(islice(made_papers(papers), papers // 10)))
    times: list[float] = []
    while not ingest.done():
        times.append((await _seconds(lambda: engine.ask(questions[len(times) % len(questions)])))[0] * 1000)
    await ingest
    return {**_spread("ask during an ingest", times), "ask during an ingest, worst ms": max(times)}


def measure_chroma(papers: int, embedder: str, _index: str) -> Figures:
    """Bare Chroma with a vector for every sentence, which are a few more than we have chunks."""
    vectors = asyncio.run(_sentence_vectors(papers, embedder))
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        collection = chromadb.PersistentClient(folder).create_collection(
            "bare", embedding_function=None, configuration={"hnsw": {"space": "cosine", "ef_search": 200}}
        )
        start = time.perf_counter()
        for row in range(0, len(vectors), _ROWS_AT_ONCE):
            part = vectors[row : row + _ROWS_AT_ONCE]
            collection.add(ids=[str(row + number) for number in range(len(part))], embeddings=list(part))
        figures = _built("bare Chroma", start, Path(folder), papers)
        asked = [_unit(question) for question in made_questions(papers)] if not embedder else list(vectors[:QUESTIONS])
        times = [_timed(lambda v=v: collection.query(query_embeddings=v, n_results=TOP)) for v in asked]  # type: ignore[misc]
    return {**figures, "bare Chroma, vectors": len(vectors), **_spread("bare Chroma, query", times)}


async def _sentence_vectors(papers: int, name: str) -> NDArray[np.float32]:
    embedder: Embedder = embedders.embedder(name) if name else HashedWords()
    parts = []
    for paper in islice(made_papers(), papers):
        parts.append(await embedder.embed([f"{sentence}." for sentence in paper.abstract.rstrip(".").split(". ")]))
    return np.concatenate(parts)


def measure_tantivy(papers: int, _embedder: str, _index: str) -> Figures:
    """Bare tantivy over titles and abstracts, in one commit."""
    with TemporaryDirectory() as folder:
        schema = tantivy.SchemaBuilder().add_text_field("text", tokenizer_name="en_stem").build()
        index = tantivy.Index(schema, folder)
        start = time.perf_counter()
        writer = index.writer()
        for paper in islice(made_papers(), papers):
            writer.add_document(tantivy.Document(text=f"{paper.title} {paper.abstract}"))
        writer.commit()
        writer.wait_merging_threads()
        figures = _built("bare tantivy", start, Path(folder), papers)
        index.reload()
        searcher = index.searcher()

        def ask(question: str) -> None:
            words = "".join(letter if letter.isalnum() else " " for letter in question)
            searcher.search(index.parse_query(words, ["text"]), TOP)

        times = [_timed(lambda q=q: ask(q)) for q in made_questions(papers)]  # type: ignore[misc]
    return {**figures, **_spread("bare tantivy, query", times)}


def _built(name: str, start: float, folder: Path, papers: int) -> Figures:
    seconds = time.perf_counter() - start
    return {f"{name}, ingest s": seconds, f"{name}, disk, kB per paper": disk_bytes(folder) / 1000 / papers}


async def _seconds(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Wall and CPU time of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    await work()
    return time.perf_counter() - wall, time.process_time() - cpu


async def _milliseconds(name: str, work: Callable[[str], Awaitable[object]], questions: Sequence[str]) -> Figures:
    seconds = [await _seconds(partial(work, question)) for question in questions]
    cpu = statistics.mean(cpu for _, cpu in seconds) * 1000
    return {**_spread(name, [wall * 1000 for wall, _ in seconds]), f"{name}, CPU ms": cpu}


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def _spread(name: str, milliseconds: Sequence[float]) -> Figures:
    ordered = sorted(milliseconds)
    return {f"{name}, p50 ms": statistics.median(ordered), f"{name}, p95 ms": ordered[int(0.95 * len(ordered))]}


def peak() -> float:
    """Peak memory of this process in MB."""
    unit = 1 if sys.platform == "darwin" else 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1_000_000


def disk_bytes(folder: Path) -> int:
    """The size of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def table(sizes: Sequence[int], columns: Sequence[Figures]) -> str:
    """A Markdown table, with the exponent between the first and the last size where there are several."""
    several = len(sizes) > 1
    rows = [["", *(f"{size:,}" for size in sizes), *(["exponent"] if several else [])]]
    rows.append(["---"] * len(rows[0]))
    for name in columns[0]:
        values = [column[name] for column in columns]
        exponent = [f"{exponent_of(sizes, values):.2f}"] if several else []
        rows.append([name, *(f"{value:,.4g}" for value in values), *exponent])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def exponent_of(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Which power of the size a figure grows with, from the first size to the last."""
    return math.log(values[-1] / values[0]) / math.log(sizes[-1] / sizes[0])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--papers", type=int, nargs="+", default=[1000], help="sizes, the smallest first")
    parser.add_argument("--embedder", default="", help="a real one, as in SCHOLIAST_EMBEDDER")
    parser.add_argument("--vector-index", default="chroma", help="as in SCHOLIAST_VECTOR_INDEX")
    arguments = parser.parse_args()
    columns: list[Figures] = []
    for size in arguments.papers:
        figures: Figures = {}
        for measure in (measure_library, measure_chroma, measure_tantivy):
            with ProcessPoolExecutor(1, get_context("spawn")) as process:
                figures |= process.submit(measure, size, arguments.embedder, arguments.vector_index).result()
        columns.append(figures)
        print(f"{size:,} papers measured", file=sys.stderr, flush=True)
    print(table(arguments.papers, columns))


if __name__ == "__main__":
    main()
