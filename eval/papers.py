"""Papers of files and of libraries, for what is measured without asking anything."""

from collections.abc import Sequence
from pathlib import Path

from rag import config, corpus
from rag.errors import NotFoundError
from rag.library.catalog import Catalog
from rag.types import Paper


def of_files(paths: Sequence[Path]) -> list[Paper]:
    """Every paper of these files. Raises CorpusError."""
    return [record for path in paths for record in corpus.read(path) if isinstance(record, Paper)]


def of_library(name: str) -> list[Paper]:
    """Every paper of a library. Raises NotFoundError."""
    settings = config.load()
    catalog = Catalog(settings.home, settings.database_url)
    try:
        if catalog.library(name) is None:
            raise NotFoundError(f"there is no library {name!r}; `scholiast libraries` lists them")
        return catalog.papers(name, 0, catalog.counts(name).papers)
    finally:
        catalog.close()
