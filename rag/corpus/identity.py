"""One id per paper, whichever file it comes from: its arXiv, DOI or PubMed number, its own id, or its title's hash."""

import re
import unicodedata
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote

MAX_ID = 200
_TITLE_DIGITS = 16
_SUFFIX_DIGITS = 8
_ARXIV_NUMBER = r"(?P<number>[0-9]{2}(?:0[1-9]|1[0-2])\.[0-9]{4,5})"
# Before April 2007; the subject class (math.GT) is not part of the identity.
_OLD_ARXIV_NUMBER = r"(?P<archive>[a-z]+(?:-[a-z]+)?)(?:\.[a-z-]+)?/(?P<serial>[0-9]{7})"
_ARXIV = re.compile(
    r"(?:arxiv:\s*|doi:\s*10\.48550/arxiv\.|(?:https?://)?(?:dx\.)?doi\.org/10\.48550/arxiv\.|10\.48550/arxiv\."
    r"|(?:https?://)?(?:[a-z]+\.)?arxiv\.org/(?:abs|pdf|html)/|(?:https?://)?huggingface\.co/papers/)?"
    rf"(?:{_ARXIV_NUMBER}|{_OLD_ARXIV_NUMBER})(?:v[0-9]+)?(?:\.pdf)?/?(?:[?#].*)?",
    re.IGNORECASE,
)
_DOI = re.compile(r"(?:doi:\s*|(?:https?://)?(?:dx\.)?doi\.org/)?(?P<doi>10\.[0-9]{4,9}/\S+)", re.IGNORECASE)
_PMID = re.compile(
    r"(?:pmid:?\s*|(?:https?://)?(?:www\.)?(?:pubmed\.ncbi\.nlm\.nih\.gov|ncbi\.nlm\.nih\.gov/pubmed)/)"
    r"(?P<pmid>[0-9]{1,9})/?(?:[?#].*)?",
    re.IGNORECASE,
)
# bioRxiv and medRxiv, Research Square, Preprints.org, ChemRxiv, PsyArXiv and other OSF servers, SSRN, TechRxiv.
_PREPRINT_DOI = re.compile(
    r"10\.(?:1101/(?:[0-9]{4}\.[0-9]{2}\.[0-9]{2}\.)?[0-9]{6,}|21203/|20944/|26434/|31234/|31219/|2139/ssrn|36227/|48550/)"
)
_PAGES = {
    "arxiv": "https://arxiv.org/abs/",
    "doi": "https://doi.org/",
    "pmid": "https://pubmed.ncbi.nlm.nih.gov/",
}
_NO_ASCII_WORD = re.compile(r"[^a-z0-9]+")
# What may stand in the path of a URL as it is (RFC 3986); letters and digits of any script besides.
_PATH_PUNCTUATION = frozenset("-._~!$&'()*+,;=:@/")


class UnusableIdError(ValueError):
    """An id that can't be used, and why."""


def paper_id(title: str, own_id: str | None) -> str:
    """The identity of a paper: from its own id, or without one from its title. Raises UnusableIdError."""
    given = " ".join((own_id or "").split())
    if not given:
        return f"title:{_hash(normalised_title(title) or title.strip())[:_TITLE_DIGITS]}"
    return _usable(known_id(given) or re.sub(r"^https?://", "", given, flags=re.IGNORECASE))


def known_id(text: str) -> str | None:
    """`arxiv:...`, `doi:...` or `pmid:...` if the text is such an id, bare, prefixed or as a URL; else None.

    A bare number is known only in arXiv's form: `2310.12345` is, `12345` may be of any source.
    """
    text = text.strip()
    if arxiv := _ARXIV.fullmatch(text):
        return "arxiv:" + (arxiv["number"] or f"{arxiv['archive']}/{arxiv['serial']}".lower())
    if doi := _DOI.fullmatch(text):
        return f"doi:{doi['doi'].lower()}"
    if pmid := _PMID.fullmatch(text):
        return "pmid:" + (pmid["pmid"].lstrip("0") or "0")
    return None


def page(text: str) -> str | None:
    """The web page of an arXiv, DOI or PubMed id; None for any other id."""
    known = known_id(text)
    if known is None:
        return None
    kind, _, number = known.partition(":")
    return _PAGES[kind] + quote(number)


def is_preprint_doi(doi: str) -> bool:
    """Whether a bare DOI in lower case is of a preprint server: the published version has another one."""
    return bool(_PREPRINT_DOI.match(doi))


@lru_cache(maxsize=4096)  # one title is compared with several
def normalised_title(title: str) -> str:
    """The title for comparing: without case and punctuation, with single spaces and accents."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", title).casefold())
    if folded.isascii():
        return " ".join(_NO_ASCII_WORD.sub(" ", folded).split())
    return " ".join("".join(c if _is_word_character(c) else " " for c in folded).split())


def _is_word_character(character: str) -> bool:
    # Marks are the vowels of many scripts: without them different titles would be the same.
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _usable(identity: str) -> str:
    """The id itself if it fits into a URL's path, as nearly all do; else with `_` for what does not, and a hash."""
    if len(identity) > MAX_ID:
        raise UnusableIdError(f"id {identity[:30]!r}... has {len(identity)} characters; {MAX_ID} is the most")
    if not identity.isprintable():
        raise UnusableIdError(f"id {identity!r} has a character that can't be printed; remove it")
    safe = "/".join(map(_safe_part, identity.split("/")))
    return identity if safe == identity else f"{safe}~{_hash(identity)[:_SUFFIX_DIGITS]}"


def _safe_part(part: str) -> str:
    # Clients and proxies resolve dots and drop empty parts.
    if part in ("", ".", ".."):
        return "_"
    return "".join(c if c.isalnum() or c in _PATH_PUNCTUATION else "_" for c in part)
