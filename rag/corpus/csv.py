"""CSV with a header: comma, semicolon, tab or bar between the fields, quotes around those that span lines."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import accumulate, islice
from pathlib import Path

from rag.corpus import textfile
from rag.corpus.record import from_record, has_title_and_abstract
from rag.errors import CorpusError
from rag.types import Paper, RejectedRecord

SUFFIXES: tuple[str, ...] = (".csv", ".tsv", ".tab")
NEEDS = "a header line that names the columns, among them title and abstract"

_DELIMITERS = (",", "\t", ";", "|")
_QUOTE = '"'
_LONGEST_ROW_LINES = 50


def recognises(head: str) -> bool:
    """By a header that names a title and an abstract under some delimiter."""
    return _delimiter(head) is not None


def read(path: Path) -> Iterator[Paper | RejectedRecord]:
    """The papers in file order, each with the line where its row begins. Raises CorpusError for an unusable header."""
    delimiter = _delimiter(textfile.head(path))
    if delimiter is None:
        raise CorpusError(f"{path} is no table of papers; it needs {NEEDS}, with one of , ; | or a tab between them")
    rows = _rows(textfile.lines(path), delimiter, str(path))
    header: list[str] = []
    for line, row in rows:
        if isinstance(row, RejectedRecord):
            yield row
        elif header and row:
            yield _from_row(header, row, str(path), line)
        else:
            header = header or row


def _delimiter(head: str) -> str | None:
    """The delimiter between the names of the columns. The data would be a worse guide: prose has commas."""
    return next((mark for mark in _DELIMITERS if has_title_and_abstract(_header(head, mark))), None)


def _header(head: str, delimiter: str) -> list[str]:
    row = next((row for _, row in _rows(StringIO(head), delimiter, "") if row), [])
    return [] if isinstance(row, RejectedRecord) else row


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


def _rows(lines: Iterable[str], delimiter: str, source: str) -> Iterator[tuple[int, list[str] | RejectedRecord]]:
    """Each row with the line on which it begins; a blank line is an empty row.

    Strict, because a quote that is never closed would otherwise merge many papers into one.
    """
    counted = _Lines(lines)
    reader = csv.reader(counted, delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        line, counted.quotes = counted.number + 1, 0
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            counted.skip_quoted()
            reason = f"lines {line} to {counted.number} are no row: {error}; write a quote inside a field twice"
            yield line, RejectedRecord(source=source, line=line, reason=reason)


def _from_row(header: list[str], row: list[str], source: str, line: int) -> Paper | RejectedRecord:
    if len(row) != len(header):
        reason = f"{len(row)} columns where the header has {len(header)}; quote a field that holds the delimiter"
        return RejectedRecord(source=source, line=line, reason=reason)
    return from_record(dict(zip(header, row, strict=True)), source, line)
