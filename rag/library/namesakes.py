"""Papers that come under the id of another one: told apart by their titles, and kept under an id of their own."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256

from rag.corpus.identity import normalised_title
from rag.types import IngestNote, Paper

# A title that was revised keeps most of its words; these are shares of the words that either title has.
_SAME_WORK = 0.3
_DIGITS = 8


def is_other_work(title: str, other: str) -> bool:
    """Whether two titles under one id are of different works: they have hardly a word in common."""
    words, others = set(normalised_title(title).split()), set(normalised_title(other).split())
    return bool(words and others) and len(words & others) < _SAME_WORK * len(words | others)


def own_id(paper: Paper) -> str:
    """The id under which a paper is kept whose own id another one has: the same again when it is read again."""
    return f"{paper.id}~{sha256(normalised_title(paper.title).encode()).hexdigest()[:_DIGITS]}"


def with_own_id(paper: Paper, other_title: str) -> tuple[Paper, IngestNote]:
    """The paper under an id of its own, and the warning."""
    kept = replace(paper, id=own_id(paper))
    source = paper.sources[0] if paper.sources else None
    text = (
        f"id {paper.id!r} is that of {other_title[:80]!r} too, which is another paper; "
        f"this one, {paper.title[:80]!r}, is kept as {kept.id!r}"
    )
    return kept, IngestNote(source=source.path if source else "", line=source.line if source else 1, text=text)


def apart(papers: Iterable[Paper], stored: Mapping[str, str]) -> tuple[dict[str, Paper], list[IngestNote]]:
    """The papers by the id under which to keep them, given the titles that are stored by id, and the warnings."""
    kept: dict[str, Paper] = {}
    notes = []
    for paper in papers:
        if paper.id in stored and is_other_work(paper.title, stored[paper.id]):
            paper, note = with_own_id(paper, stored[paper.id])
            notes.append(note)
        kept[paper.id] = paper
    return kept, notes
