"""Parquet tables of papers, read with pyarrow (extra `tables`)."""

from collections.abc import Iterator
from pathlib import Path

from rag.corpus.columns import have_title_and_abstract
from rag.corpus.record import BrokenRecord, RawRecord
from rag.errors import CorpusError

SUFFIXES: tuple[str, ...] = (".parquet",)
NEEDS = "a Parquet table with columns such as title and abstract"
FIRST_BYTES = (b"PAR1",)

_ROWS_AT_ONCE = 500


def recognises(head: str) -> bool:
    """Never: it is no text. Its first bytes tell."""
    return False


def read(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """The rows in order, the nth as line n. Raises CorpusError for a damaged file and without pyarrow."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise CorpusError(f"{name} needs pyarrow; run `pip install 'scholiast[tables]'`, or save it as CSV") from error
    try:
        with parquet.ParquetFile(path) as table:
            if not have_title_and_abstract(table.schema_arrow.names):
                raise CorpusError(f"{name} has the columns {', '.join(table.schema_arrow.names)}; it needs {NEEDS[2:]}")
            rows = (row for batch in table.iter_batches(_ROWS_AT_ONCE) for row in batch.to_pylist())
            for number, row in enumerate(rows, start=1):
                yield RawRecord(number, row)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{name} is no Parquet file that can be read: {error}; write it again") from error
