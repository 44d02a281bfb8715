"""How soon a machine new to a team has its keyword index: the first builds it and leaves it, the second fetches it.

    python -m eval.bench.replica postgresql+psycopg://postgres@127.0.0.1/postgres --papers 10000 50000

The library `bench-replica` is made in that database, and removed. Its papers are those of `scale`, with one small
vector each, as vectors play no part. Each machine is a process of its own.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from eval.bench.scale import Figures, disk_bytes, made_papers, peak, table
from rag import vector_indexes
from rag.library import schema
from rag.library.catalog import Catalog
from rag.library.schema import LibraryRow
from rag.library.sync import Indexes
from rag.text import chunk
from rag.types import Span, StoredPaper

LIBRARY = "bench-replica"
_AT_ONCE = 1_000
_VECTOR = np.ones((1, 8), np.float32)


@contextmanager
def filled(url: str, papers: int) -> Iterator[None]:
    """A library of that many papers in the catalog, none of them in an index."""
    row = LibraryRow(
        name=LIBRARY,
        embedder="none",
        dimension=_VECTOR.shape[1],
        chunker=chunk.NAME,
        schema_version=schema.VERSION,
        revision=0,
        generation="bench",
        chroma_revision=0,
    )
    with TemporaryDirectory() as home, closing(Catalog(Path(home), url)) as catalog:
        catalog.create(row)
        try:
            made = islice(made_papers(), papers)
            while some := list(islice(made, _AT_ONCE)):
                span = (Span(0, 1),)
                catalog.write(
                    LIBRARY,
                    [
                        StoredPaper(
                            paper=paper, chunks=span, chunk_vectors=_VECTOR, sentences=span, sentence_vectors=_VECTOR
                        )
                        for paper in some
                    ],
                )
            yield
        finally:
            catalog.drop(LIBRARY)


def catch_up(name: str, url: str) -> Figures:
    """What a machine without a keyword index takes to have one."""
    with TemporaryDirectory() as home, closing(Catalog(Path(home), url)) as catalog:
        folder = Path(home) / "library"
        with closing(Indexes(catalog, LIBRARY, folder, vector_indexes.store())) as indexes:
            wall, cpu = time.perf_counter(), time.process_time()
            indexes.catch_up_keywords()
            return {
                f"{name} s": time.perf_counter() - wall,
                f"{name}, CPU s": time.process_time() - cpu,
                f"{name}, peak MB": peak(),
                "size MB": disk_bytes(folder) / 1_000_000,
            }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url", help="a Postgres that may be written to, as in SCHOLIAST_DATABASE_URL")
    parser.add_argument("--papers", type=int, nargs="+", default=[10_000], help="sizes, the smallest first")
    arguments = parser.parse_args()
    columns: list[Figures] = []
    for size in arguments.papers:
        figures: Figures = {}
        with filled(arguments.url, size):
            for name in ("built and left", "fetched"):
                with ProcessPoolExecutor(1, get_context("spawn")) as process:
                    figures |= process.submit(catch_up, name, arguments.url).result()
        columns.append({**figures, "fetched sooner, times": figures["built and left s"] / figures["fetched s"]})
        print(f"{size:,} papers measured", file=sys.stderr, flush=True)
    print(table(arguments.papers, columns))


if __name__ == "__main__":
    main()
