"""Papers that come under the id of another one: told apart, and kept under an id of their own."""

from dataclasses import replace
from hashlib import sha256

from rag.corpus.identity import normalised_title
from rag.library.likeness import are_abstracts_alike, are_years_near, is_telling, share_first_author
from rag.types import IngestNote, Paper

# A title that was revised keeps most of its words; these are shares of the words that either title has.
_SAME_WORK = 0.3
_DIGITS = 8


def is_other_work(title: str, other: str) -> bool:
    """Whether two titles under one id are of different works: they have hardly a word in common."""
    words, others = set(normalised_title(title).split()), set(normalised_title(other).split())
    return bool(words and others) and len(words & others) < _SAME_WORK * len(words | others)


def are_namesakes(paper: Paper, other: Paper) -> bool:
    """Whether two records under one id are of different works. Where the id is made from the title, more has to agree:
    year and first author, and of a title that tells little, such as "Editorial", the abstract, unless the author does.
    """
    if is_other_work(paper.title, other.title):
        return True
    if not paper.id.startswith("title:"):
        return False
    shared = share_first_author([paper], [other])
    if shared is False or not are_years_near([paper], [other]):
        return True
    return not (shared or is_telling(paper.title) or are_abstracts_alike([paper], [other]))


def own_id(paper: Paper, other: Paper) -> str:
    """The id under which a paper is kept whose own id another one has: the same again when it is read again."""
    telling = normalised_title(paper.title)
    if telling == normalised_title(other.title):
        telling = repr((telling, paper.year, paper.authors or paper.abstract))
    return f"{paper.id}~{sha256(telling.encode()).hexdigest()[:_DIGITS]}"


def with_own_id(paper: Paper, other: Paper) -> tuple[Paper, IngestNote]:
    """The paper under an id of its own, and the warning."""
    kept = replace(paper, id=own_id(paper, other))
    source = paper.sources[0] if paper.sources else None
    text = (
        f"id {paper.id!r} is that of {other.title[:80]!r} too, which is another paper; "
        f"this one, {paper.title[:80]!r}, is kept as {kept.id!r}"
    )
    return kept, IngestNote(source=source.path if source else "", line=source.line if source else 1, text=text)
