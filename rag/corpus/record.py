"""Turns one record (a JSON object, a row of a table, an entry of a page) into a paper, under any known field names."""

import re
from collections.abc import Mapping
from functools import lru_cache
from reprlib import repr as short

from rag.corpus import fields
from rag.corpus.identity import UnusableIdError, known_id, page, paper_id
from rag.text.vocabulary import pattern
from rag.types import Paper, RejectedRecord, Source

MAX_TITLE = 1000
MAX_ABSTRACT = 100_000

# The first name that a record has is used. Ours come first, then arXiv's snapshot, BEIR, PubMed, Semantic Scholar.
_NAMES = {
    "id": ("id", "doc_id", "paper_id", "paperid", "corpus_id", "corpusid"),
    "arxiv": ("arxiv_id", "arxiv", "arxivid"),
    "doi": ("doi",),
    "pmid": ("pmid", "pubmed_id"),
    "title": ("title", "article_title", "articletitle"),
    "abstract": ("abstract", "text", "summary", "abstract_text", "abstracttext"),
    "url": ("url", "link"),
    # The versions give the year of the first submission; `update_date` is that of the last change.
    "year": (
        "year",
        "publication_year",
        "pub_year",
        "versions",
        "published",
        "publication_date",
        "date",
        "update_date",
    ),
    "authors": ("authors_parsed", "authors", "author"),
    "venue": ("venue", "journal_ref", "journal", "journal_book"),
    "retracted": ("is_retracted", "retracted"),
    "kind": ("publication_type", "publication_types", "publicationtypes", "type"),
}

_Fields = Mapping[str, object]


def from_record(record: Mapping[str, object], source: str, line: int) -> Paper | RejectedRecord:
    """The paper, or why there is none. Field names may have any case, with `_`, `-` or a space."""
    try:
        return _paper(_known_fields(record), Source(path=source, line=line))
    except (fields.UnusableFieldError, UnusableIdError) as error:
        return RejectedRecord(source=source, line=line, reason=str(error))


def has_title_and_abstract(names: list[str]) -> bool:
    """Whether a table with such columns can hold papers."""
    known = {_plain(name) for name in names}
    return all(known.intersection(_NAMES[field]) for field in ("title", "abstract"))


def _known_fields(record: Mapping[str, object]) -> _Fields:
    """The values that are present, under our names. BEIR's `metadata` fills in what the record itself lacks."""
    given = {_plain(name): value for name, value in record.items() if not fields.is_missing(value)}
    nested = given.get("metadata")
    if isinstance(nested, Mapping):
        given = {_plain(str(name)): value for name, value in nested.items() if not fields.is_missing(value)} | given
    present = {ours: [given[name] for name in names if name in given] for ours, names in _NAMES.items()}
    return {ours: values[0] for ours, values in present.items() if values}


@lru_cache(maxsize=1000)
def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


def _paper(given: _Fields, source: Source) -> Paper:
    title = _required(given, "title", MAX_TITLE)
    abstract = _required(given, "abstract", MAX_ABSTRACT)
    url = fields.url(given["url"]) if "url" in given else None
    own_ids = _own_ids(given)
    return Paper(
        id=paper_id(title, next(iter(own_ids), None) or (known_id(url) if url else None)),
        title=title,
        abstract=abstract,
        url=url or next(filter(None, map(page, own_ids)), None),
        year=fields.year(given["year"]) if "year" in given else None,
        authors=fields.authors(given["authors"]) if "authors" in given else (),
        venue=fields.text("venue", given["venue"]) or None if "venue" in given else None,
        retracted=_is_retracted(given, title, abstract),
        sources=(source,),
    )


def _is_retracted(given: _Fields, title: str, abstract: str) -> bool:
    """Whether a field, the kind of publication, the title or the beginning of the abstract says so."""
    flag = given.get("retracted", False)
    return bool(
        (flag if isinstance(flag, bool) else str(flag).strip().lower() in ("1", "true", "yes"))
        or pattern("paper.retracted_kind").search(str(given.get("kind", "")))
        or pattern("paper.retracted_title").search(title)
        or pattern("paper.retracted_abstract").search(abstract)
    )


def _required(given: _Fields, name: str, longest: int) -> str:
    text = fields.text(name, given[name], longest) if name in given else ""
    if not text:
        raise fields.UnusableFieldError(f"no {name}; a record needs one that is not empty")
    return text


def _own_ids(given: _Fields) -> list[str]:
    """The record's own ids, the preferred one first."""
    ids = [_id_text("id", given["id"])] if "id" in given else []
    for kind in ("arxiv", "doi", "pmid"):
        if kind in given:
            number = _id_text(kind, given[kind])
            # A cell such as "-" is not an id: papers that share it would become one.
            ids += filter(None, [known_id(number) or known_id(f"{kind}:{number}")])
    return ids


def _id_text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise fields.UnusableFieldError(f"{name} is {short(value)}; write it as text")
