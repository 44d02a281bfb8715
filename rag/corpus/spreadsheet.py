"""Excel's workbooks (.xlsx, and the .xls of Web of Science), read with calamine (extra `tables`)."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from rag.corpus.columns import have_title_and_abstract
from rag.corpus.record import BrokenRecord, RawRecord
from rag.errors import CorpusError

SUFFIXES: tuple[str, ...] = (".xlsx", ".xls")
NEEDS = "a workbook with a row that names the columns, among them title and abstract"
FIRST_BYTES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")

_ROWS_BEFORE_HEADER = 5


def recognises(head: str) -> bool:
    """Never: it is no text. Its first bytes tell."""
    return False


def read(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """The rows of the first sheet that names title and abstract, each with its line.

    Raises CorpusError for another document and without calamine.
    """
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ModuleNotFoundError as error:
        raise CorpusError(
            f"{name} needs python-calamine; run `pip install 'scholiast[tables]'`, or save it as CSV"
        ) from error
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            sheets = [
                workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False) for sheet in workbook.sheet_names
            ]
    except (CalamineError, OSError) as error:
        raise CorpusError(f"{name} is no workbook that can be read: {error}; export it as CSV") from error
    for rows in sheets:
        header = next(
            (n for n, row in enumerate(rows[:_ROWS_BEFORE_HEADER]) if have_title_and_abstract(map(str, row))), None
        )
        if header is not None:
            names = [str(cell) for cell in rows[header]]
            for number, row in enumerate(islice(rows, header + 1, None), start=header + 2):
                if any(cell != "" for cell in row):
                    yield RawRecord(number, dict(zip(names, row, strict=False)))
            return
    raise CorpusError(f"{name} is no table of papers; it needs {NEEDS[2:]}")
