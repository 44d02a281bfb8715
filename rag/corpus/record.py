"""Turns one record (a JSON object, a row of a table, an entry of a page) into a paper, under any known field names."""

import re
from collections.abc import Callable, Iterator, Mapping
from reprlib import repr as short
from typing import NamedTuple, TypeVar

from rag.corpus import abstracts, fields, names
from rag.corpus.columns import field_of
from rag.corpus.identity import UnusableIdError, known_id, page, paper_id
from rag.text.vocabulary import pattern
from rag.types import IngestNote, Paper, Record, RejectedRecord, Source

MAX_TITLE = 1000
MAX_ABSTRACT = 100_000

# Numbers of OpenAlex, Web of Science, Scopus and Dimensions: the same paper has others elsewhere.
_OF_AN_INDEX = re.compile(r"(?:https?://)?openalex\.org/|wos:|2-s2\.0-|pub\.[0-9]", re.IGNORECASE)

_T = TypeVar("_T")
_Values = Mapping[str, list[object]]


class RawRecord(NamedTuple):
    """The fields of one record under the names that its file gives them, and the line on which it begins."""

    line: int
    fields: Mapping[str, object]


class BrokenRecord(NamedTuple):
    """A part of a file that is no record, and why."""

    line: int
    reason: str


def from_record(record: Mapping[str, object], source: str, line: int) -> Iterator[Record]:
    """The paper, or why there is none; then a note for each optional value that was left out.

    Field names may have any case, with `_`, `-` or a space; a nested record is flattened before (`shapes`).
    """
    reader = _Reader(record)
    try:
        yield reader.paper(Source(path=source, line=line))
    except fields.UnusableFieldError as error:
        yield RejectedRecord(source=source, line=line, reason=str(error))
        return
    for text in reader.left_out:
        yield IngestNote(source=source, line=line, text=f"{text}; the paper is kept without it")


class _Reader:
    """Reads the fields of one record; what can't be used of the optional ones is noted in `left_out`."""

    def __init__(self, record: Mapping[str, object]) -> None:
        self._given = _known_fields(record)
        self.left_out: list[str] = []

    def paper(self, source: Source) -> Paper:
        """The paper. Raises UnusableFieldError without a title and an abstract."""
        title = self._required("title", _title)
        abstract, raw = self._required("abstract", _abstract)
        url = self._optional("url", fields.url)
        own, known = self._ids()
        if url and (of_url := known_id(url)):
            known.setdefault(of_url.partition(":")[0], of_url)
        public = next((known[kind] for kind in ("arxiv", "doi", "pmid") if kind in known), None)
        identity = public if not own or (_OF_AN_INDEX.match(own) and public) else own
        id = self._identity(title, identity, public)
        return Paper(
            id=id,
            title=title,
            abstract=abstract,
            url=url or next(filter(None, map(page, [identity or "", *known.values()])), None),
            year=self._optional("year", fields.year),
            authors=self._optional("authors", names.authors) or (),
            venue=self._optional("venue", _venue),
            retracted=self._is_retracted(title, abstract),
            doi=_number(known, "doi"),
            pmid=_number(known, "pmid"),
            arxiv_id=_number(known, "arxiv"),
            keywords=self._optional("keywords", fields.keywords) or (),
            language=self._optional("language", _language),
            publication_type=self._optional("kind", fields.kind),
            volume=self._optional("volume", fields.part),
            issue=self._optional("issue", fields.part),
            pages=self._pages(),
            publisher=self._optional("publisher", _publisher),
            raw_abstract=raw,
            ids=_further_ids(id, own),
            sources=(source,),
        )

    def _required(self, name: str, read: Callable[[object], _T]) -> _T:
        """The first value that can be used, else the error of the first."""
        errors = []
        for value in self._given.get(name, ()):
            try:
                return read(value)
            except fields.UnusableFieldError as error:
                errors.append(error)
        raise errors[0] if errors else fields.UnusableFieldError(f"no {name}; a record needs one that is not empty")

    def _optional(self, name: str, read: Callable[[object], _T]) -> _T | None:
        """The first value that can be used; None, and a note if there was any."""
        complaint = ""
        if name not in self._given:
            return None
        for value in self._given[name]:
            try:
                if found := read(value):
                    return found
            except fields.UnusableFieldError as error:
                complaint = complaint or str(error)
        if complaint:
            self.left_out.append(complaint)
        return None

    def _ids(self) -> tuple[str | None, dict[str, str]]:
        """The record's own id, and the arXiv, DOI and PubMed ids by kind. A cell such as "-" is no id."""
        own = self._optional("id", _id_text)
        known: dict[str, str] = {}
        if own and (id := known_id(own)):
            known[id.partition(":")[0]] = id
        for kind in ("arxiv", "doi", "pmid"):
            number = self._optional(kind, _id_text) or ""
            if id := known_id(number) or known_id(f"{kind}:{number}"):
                known.setdefault(id.partition(":")[0], id)
        return own, known

    def _identity(self, title: str, preferred: str | None, public: str | None) -> str:
        """The identity from the preferred id if it can be used, else from the public one or the title."""
        try:
            return paper_id(title, preferred)
        except UnusableIdError as error:
            self.left_out.append(str(error))
        try:
            return paper_id(title, public)
        except UnusableIdError:
            return paper_id(title, None)

    def _pages(self) -> str | None:
        """The pages, or the first and the last, else the number of an article that has no pages."""
        if whole := self._optional("pages", fields.pages):
            return whole
        first, last = self._optional("first_page", fields.part), self._optional("last_page", fields.part)
        if first or last:
            return fields.pages("-".join(filter(None, (first, last))))
        return self._optional("article_number", fields.part)

    def _is_retracted(self, title: str, abstract: str) -> bool:
        """Whether a field, the kind of publication, the title or the beginning of the abstract says so."""
        kinds = "; ".join(str(kind) for kind in self._given.get("kind", ()))
        return bool(
            any(map(fields.flag, self._given.get("retracted", ())))
            or pattern("paper.retracted_kind").search(kinds)
            or pattern("paper.retracted_title").search(title)
            or pattern("paper.retracted_abstract").search(abstract)
        )


def _known_fields(record: Mapping[str, object]) -> _Values:
    """The values that are present, under our names, the preferred one first.

    BEIR's `metadata` fills in what the record itself lacks.
    """
    found: dict[str, list[tuple[int, object]]] = {}
    for name, value in record.items():
        if (field := field_of(name)) and not fields.is_missing(value):
            found.setdefault(field[1], []).append((field[0], value))
    given = {ours: _by_rank(ranked) for ours, ranked in found.items()}
    nested = record.get("metadata")
    if isinstance(nested, Mapping):
        given = {**_known_fields({str(name): value for name, value in nested.items()}), **given}
    return given


def _by_rank(ranked: list[tuple[int, object]]) -> list[object]:
    if len(ranked) > 1:
        ranked.sort(key=lambda pair: pair[0])
    return [value for _, value in ranked]


def _title(value: object) -> str:
    if isinstance(value, list) and value:  # Crossref: a title, then translations of it
        value = value[0]
    title = fields.plain(fields.text("title", value, MAX_TITLE))
    if not title:
        raise fields.UnusableFieldError("no title; a record needs one that is not empty")
    return title


def _abstract(value: object) -> tuple[str, str | None]:
    """The clean abstract, and the one that was read if that is another."""
    raw = fields.text("abstract", value, MAX_ABSTRACT)
    if not raw:
        raise fields.UnusableFieldError("no abstract; a record needs one that is not empty")
    cleaned = abstracts.clean(raw)
    return cleaned, None if cleaned == raw else raw


def _venue(value: object) -> str:
    if isinstance(value, list) and value:
        value = value[0]
    return fields.plain(fields.text("venue", value))


def _publisher(value: object) -> str:
    return fields.plain(fields.text("publisher", value, 300))


def _language(value: object) -> str:
    if isinstance(value, list) and value:
        value = value[0]
    return fields.text("language", value, 100)


def _id_text(value: object) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):
        return value.strip().removesuffix(".0") if value.strip()[:-2].isdigit() else value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise fields.UnusableFieldError(f"id is {short(value)}; write it as text")


def _further_ids(id: str, own: str | None) -> tuple[str, ...]:
    """The record's own id where it is not the paper's, such as the one of OpenAlex beside a DOI."""
    if not own or known_id(own):
        return ()
    try:
        own_id = paper_id("", own)
    except UnusableIdError:
        return ()
    return () if own_id == id else (own_id,)


def _number(known: Mapping[str, str], kind: str) -> str | None:
    return known[kind].partition(":")[2] if kind in known else None
