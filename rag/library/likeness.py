"""What speaks for and against two records being of one work: years, authors, abstracts and public ids."""

from collections.abc import Callable, Sequence

from rag.corpus.identity import is_preprint_doi, normalised_title
from rag.types import Paper

# A preprint appears up to about two years before the published version.
_YEARS = 2
# Of the longer words of the shorter abstract; that of a preprint shares far more with the published one.
_SAME_ABSTRACT = 0.3
_LONG = 4
# "Editorial" or "Case report" names no work.
_TELLING_WORDS = 3


def is_telling(title: str) -> bool:
    """Whether a title is long enough to name a work."""
    return len(normalised_title(title).split()) >= _TELLING_WORDS


def are_years_near(ones: Sequence[Paper], others: Sequence[Paper]) -> bool:
    """Whether some of their years are near; also when either side has none."""
    pairs = [(one.year, other.year) for one in ones for other in others if one.year and other.year]
    return not pairs or any(abs(year - other) <= _YEARS for year, other in pairs)


def share_first_author(ones: Sequence[Paper], others: Sequence[Paper]) -> bool | None:
    """Whether some first author has a name in common, however it is written; None when either side has no author."""
    names, their_names = _first_names(ones), _first_names(others)
    return bool(names & their_names) if names and their_names else None


def are_abstracts_alike(ones: Sequence[Paper], others: Sequence[Paper]) -> bool:
    """Whether some of their abstracts have many of their longer words in common."""
    return any(_are_alike(_long_words(one.abstract), _long_words(other.abstract)) for one in ones for other in others)


def may_be_one(ones: Sequence[Paper], others: Sequence[Paper]) -> bool:
    """Whether records with one title are of one work: no other public id, and the same author or a like abstract."""
    if any(_conflict(read, ones, others) for read in (_published_doi, _pmid, _arxiv)):
        return False
    shared = share_first_author(ones, others)
    return are_years_near(ones, others) and (are_abstracts_alike(ones, others) if shared is None else shared)


def _conflict(read: Callable[[Paper], str | None], ones: Sequence[Paper], others: Sequence[Paper]) -> bool:
    found, their = set(filter(None, map(read, ones))), set(filter(None, map(read, others)))
    return bool(found and their) and not found & their


def _published_doi(record: Paper) -> str | None:
    return record.doi if record.doi and not is_preprint_doi(record.doi) else None


def _pmid(record: Paper) -> str | None:
    return record.pmid


def _arxiv(record: Paper) -> str | None:
    return record.arxiv_id


def _first_names(records: Sequence[Paper]) -> set[str]:
    """The words of the first authors' names, without initials."""
    words = {word for record in records for word in normalised_title("".join(record.authors[:1])).split()}
    return {word for word in words if len(word) > 1}


def _long_words(text: str) -> set[str]:
    return {word for word in normalised_title(text).split() if len(word) >= _LONG}


def _are_alike(words: set[str], others: set[str]) -> bool:
    return len(words & others) >= _SAME_ABSTRACT * min(len(words), len(others))
