"""Tables with a header: comma, semicolon, tab or bar between the fields, quotes around those that span lines."""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import accumulate, islice
from pathlib import Path
from typing import Literal, NamedTuple

from rag.corpus import textfile
from rag.corpus.columns import have_title_and_abstract, plain
from rag.corpus.record import BrokenRecord, RawRecord
from rag.errors import CorpusError

SUFFIXES: tuple[str, ...] = (".csv", ".tsv", ".tab")
NEEDS = "a header line that names the columns, among them title and abstract"

_DELIMITERS = (",", "\t", ";", "|")
_QUOTE = '"'
_LONGEST_ROW_LINES = 50
# Excel's `sep=;`, and a line on what was exported, stand before the header.
_ROWS_BEFORE_HEADER = 5
# Web of Science names its columns by two letters, and writes quotes as they are.
_TAGS = re.compile(r"\ufeff?PT\tA[UF]\t")
_TITLE_ONLY = {"title", "pmid", "journal_book"}
# Scopus' references pass the limit of 131,072 characters that Python has set.
csv.field_size_limit(1 << 30)


class _Table(NamedTuple):
    """How a table is written; `header` is its row of names, and how many rows stand before it."""

    delimiter: str
    header: list[str]
    rows_before: int
    quoting: bool


def recognises(head: str) -> bool:
    """By a header that names a title and an abstract under some delimiter."""
    return _table(head) is not None


def advice(head: str) -> str:
    """What to do about a table of papers without abstracts; empty if it is none."""
    names = {plain(name) for name in next(_first_rows(head, ",", quoting=True), [])}
    if names >= _TITLE_ONLY:
        return "is the CSV of PubMed, which has no abstracts; save the search in the format PubMed instead (.nbib)"
    return ""


def read(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """The rows in file order, each with the line where it begins. Raises CorpusError for an unusable header."""
    table = _table(textfile.head(path))
    if table is None:
        raise CorpusError(f"{name} is no table of papers; it needs {NEEDS}, with one of , ; | or a tab between them")
    rows = _rows(textfile.lines(path), table.delimiter, quoting=table.quoting)
    filled = ((line, row) for line, row in rows if row)
    for ordinal, (line, row) in enumerate(islice(filled, table.rows_before + 1, None)):
        yield row if isinstance(row, BrokenRecord) else _record(table.header, row, line, ordinal)


def _table(head: str) -> _Table | None:
    """The first row that names a title and an abstract. The data would be a worse guide: prose has commas."""
    quoting = _TAGS.match(head) is None
    for delimiter in _DELIMITERS:
        for number, row in enumerate(_first_rows(head, delimiter, quoting)):
            if have_title_and_abstract(row):
                return _Table(delimiter, row, number, quoting)
    return None


def _first_rows(head: str, delimiter: str, quoting: bool) -> Iterator[list[str]]:
    rows = (row for _, row in _rows(StringIO(head), delimiter, quoting=quoting) if row)
    return ([] if isinstance(row, BrokenRecord) else row for row in islice(rows, _ROWS_BEFORE_HEADER))


class _Lines:
    """The lines for the reader, which counts them and their quotes."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._ahead: deque[str] = deque()
        self.number = 0
        self.quotes = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else next(self._lines)
        self.number += 1
        self.quotes += line.count(_QUOTE)
        return line

    def skip_quoted(self) -> None:
        """Skip a broken row up to where its quotes are balanced, so that the prose in them is not read as rows.

        If they are not balanced soon, one was never closed, and the next line begins a row.
        """
        self._ahead.extend(islice(self._lines, _LONGEST_ROW_LINES - len(self._ahead)))
        quotes = accumulate((line.count(_QUOTE) for line in self._ahead), initial=self.quotes)
        even = next((count for count, total in enumerate(quotes) if total % 2 == 0), 0)
        for _ in range(even):
            next(self)


def _rows(lines: Iterable[str], delimiter: str, *, quoting: bool) -> Iterator[tuple[int, list[str] | BrokenRecord]]:
    """Each row with the line on which it begins; a blank line is an empty row.

    Strict, because a quote that is never closed would otherwise merge many papers into one.
    """
    counted = _Lines(lines)
    style: Literal[0, 3] = csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE
    reader = csv.reader(counted, delimiter=delimiter, strict=True, skipinitialspace=quoting, quoting=style)
    while True:
        line, counted.quotes = counted.number + 1, 0
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            counted.skip_quoted()
            reason = f"lines {line} to {counted.number} are no row: {error}; write a quote inside a field twice"
            yield line, BrokenRecord(line, reason)


def _record(header: Sequence[str], row: list[str], line: int, ordinal: int) -> RawRecord | BrokenRecord:
    while len(row) > len(header) and not row[-1].strip():  # a delimiter at the end of each row
        row.pop()
    if len(row) != len(header):
        reason = f"{len(row)} columns where the header has {len(header)}; quote a field that holds the delimiter"
        return BrokenRecord(line, reason)
    fields: dict[str, str] = {}
    for name, value in zip(header, row, strict=True):
        if not _is_row_number(name, value, ordinal):
            fields.setdefault(name, value)  # of columns with the same name the first counts
    return RawRecord(line, fields)


def _is_row_number(name: str, value: str, ordinal: int) -> bool:
    """Whether a column of ids only counts the rows, as data frames do: such a number names another paper elsewhere."""
    return name.lower() in ("id", "") and value in (str(ordinal), str(ordinal + 1))
