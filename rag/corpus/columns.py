"""The names under which files keep the fields of a paper: columns of tables, keys of objects, tags."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

# Of several names that a record has, the first that can be used counts: ours, then those of other sources.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "doc_id", "paper_id", "paperid", "corpus_id", "corpusid"),
    "arxiv": ("arxiv_id", "arxiv", "arxivid", "arxiv_doi"),
    "doi": ("doi", "di", "do", "article_doi"),
    "pmid": ("pmid", "pubmed_id", "pubmedid", "pm", "medline_pmid"),
    "title": ("title", "article_title", "articletitle", "document_title", "display_name", "paper_title", "ti", "t1"),
    "abstract": (
        "abstract", "text", "summary", "abstract_text", "abstracttext", "abstract_note", "abstractnote",
        "paper_abstract", "paperabstract", "description", "ab", "n2", "original_abstract",
    ),
    "url": ("url", "link", "urls", "s2url", "landing_page_url", "ur", "pdf_link", "source_urls", "external_url"),
    # The versions give the year of the first submission; `update_date` is that of the last change.
    "year": (
        "year", "publication_year", "pub_year", "pubyear", "year_published", "issued", "published_print",
        "published_online", "versions", "published", "publication_date", "date_published", "publish_time", "date",
        "py", "y1", "da", "created", "update_date",
    ),
    "authors": (
        "authors_parsed", "author_full_names", "authors", "author", "author_names", "author_s", "creators",
        "authorships", "author_list", "af", "au", "a1",
    ),
    "venue": (
        "venue", "journal_ref", "journal", "journal_book", "journal_title", "journaltitle", "journalname",
        "source_title", "source_title_anthology_title", "publication_title", "publicationtitle", "container_title",
        "publication_name", "booktitle", "book_title", "conference", "so", "t2", "jo", "jf", "jt",
    ),
    "keywords": (
        "keywords", "keyword", "author_keywords", "keywords_plus", "index_keywords", "manual_tags", "automatic_tags",
        "tags", "mesh_terms", "mesh", "subject", "ieee_terms", "de", "kw",
    ),
    "language": (
        "language", "lang", "languages", "language_of_original_document", "language_of_article", "langid", "la",
    ),
    "volume": ("volume", "vl", "vol", "journalvolume", "journal_volume"),
    "issue": ("issue", "issue_number", "is", "journal_issue"),
    "pages": ("pages", "page", "pagination", "page_range", "journalpages", "journal_pages"),
    "first_page": ("first_page", "start_page", "page_start", "bp"),
    "last_page": ("last_page", "end_page", "page_end", "ep"),
    "article_number": ("article_number", "art_no", "ar"),
    "publisher": ("publisher", "publisher_name", "pu"),
    "retracted": ("is_retracted", "retracted"),
    "kind": (
        "document_type", "publication_types", "publicationtypes", "publication_type", "item_type", "itemtype",
        "entry_type", "type", "types", "dt", "pt",
    ),
}  # fmt: skip
_RANKED = {name: (rank, ours) for ours, names in _NAMES.items() for rank, name in enumerate(names)}
_READ_OTHERWISE = frozenset({"metadata", "m_id", ""})


@lru_cache(maxsize=2000)
def plain(name: str) -> str:
    """The name in lower case, with `_` for everything that is no letter or digit."""
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


@lru_cache(maxsize=2000)
def field_of(name: str) -> tuple[int, str] | None:
    """Which field a name stands for, after its rank among the names of that field; None for any other name."""
    return _RANKED.get(plain(name))


def have_title_and_abstract(names: Iterable[str]) -> bool:
    """Whether a table with such columns can hold papers."""
    fields = {found[1] for name in names if (found := field_of(name))}
    return {"title", "abstract"} <= fields


def unused(names: Iterable[str]) -> list[str]:
    """The names that stand for no field, in order."""
    return [name for name in names if field_of(name) is None and plain(name) not in _READ_OTHERWISE]
