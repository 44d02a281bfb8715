"""Who wrote a paper, when and where it appeared, its identifier, its link and its code."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rag import answerability
from rag.catalog_questions.composition import (
    CatalogAnswer,
    Statement,
    compose,
    decline,
    in_print,
    item,
    joined,
    title,
)
from rag.catalog_questions.recognition import CatalogQuestion, Field
from rag.protocols import Retriever, Vocabulary
from rag.text.analysis import content_stems, share, stems
from rag.text.vocabulary import pattern
from rag.types import Filters, Outcome, Paper, Passage

CANDIDATES = 8
_MOST_AUTHORS = 12
_NAMED_PAPERS = 3
_IN_TITLE = 0.8
_WORDS_OF_A_TITLE = 2
"""A description names a paper if so much of it, and at least so many words, stand in the title."""

_QUOTED = re.compile(r"[\"“„«]([^\"”“»]{3,})[\"”“»]")
_DOI = re.compile(r"10\.\d{4,9}/\S+\Z")
_MISSING: Mapping[Field, str] = {
    "authors": "the authors",
    "year": "the year",
    "venue": "the venue",
    "identifier": "the DOI",
    "link": "the web address",
}


@dataclass(frozen=True, kw_only=True)
class MeantPapers:
    """The papers that a description names, each a passage numbered from 1, and how sure that is, 0 to 1."""

    passages: tuple[Passage, ...]
    confidence: float


async def answer(
    asked: CatalogQuestion, search: str, filters: Filters, retriever: Retriever, vocabulary: Vocabulary
) -> CatalogAnswer | None:
    """The fields of the paper that is clearly meant; a decline where a paper is meant and it is not clear which.

    None for a question that is not about a paper of the library. `search` is what to look for instead of the
    description, where that needs the conversation.
    """
    described = _without_paper_words(asked.topic)
    found = await retriever.retrieve(search or described, CANDIDATES, filters)
    meant = _meant(asked.topic, described, search, found, vocabulary)
    if not meant.passages:
        is_paper = pattern("catalog.one_paper").search(asked.topic) or _QUOTED.search(asked.topic)
        return _unclear(found) if is_paper and asked.kind == "fields" and found else None
    if asked.kind == "code":
        return _code(meant)
    statements = [statement for passage in meant.passages for statement in _told(passage, asked.fields)]
    known = [statement for statement in statements if statement.numbers]
    if not known:
        reason = " ".join(statement.text for statement in statements)
        return decline("not_in_abstracts", reason, meant.passages)
    outcome: Outcome = "answered" if len(known) == len(statements) else "partial"
    return compose(outcome, statements, meant.passages, confidence=meant.confidence)


def _meant(topic: str, described: str, search: str, found: Sequence[Passage], vocabulary: Vocabulary) -> MeantPapers:
    """By its title, or, where the words say that a paper is meant, by the decision that any question goes through."""
    quoted = _QUOTED.search(topic)
    name = quoted[1] if quoted else described
    is_paper = quoted or pattern("catalog.one_paper").search(topic)
    of_a_paper = not is_paper and pattern("catalog.names_paper").search(topic)
    titled = [] if search else _titled(name, found, whole=of_a_paper is not None)
    if titled:
        return MeantPapers(passages=_numbered(titled[:_NAMED_PAPERS]), confidence=1.0)
    if not found or quoted or not (search or pattern("catalog.one_paper").search(topic)):
        return MeantPapers(passages=(), confidence=0.0)
    decision = answerability.decide(search or described, found, vocabulary)
    return MeantPapers(passages=_numbered(found[:1]) if decision.answers else (), confidence=decision.confidence)


def _titled(name: str, found: Sequence[Passage], *, whole: bool) -> list[Passage]:
    """The papers whose title it is, or its part before the colon; else, but for `whole`, whose title has most of it.

    "The nurses of the coffee study" are in a title too, and are no paper.
    """
    wanted, described = stems(name), content_stems(name)
    exact = [passage for passage in found if wanted and wanted in _names(passage.paper)]
    if exact or whole or len(described) < _WORDS_OF_A_TITLE:
        return exact
    return [p for p in found if share(described, content_stems(p.paper.title)) >= _IN_TITLE]


def _names(paper: Paper) -> list[list[str]]:
    """The stems of its title, and of the part before the colon."""
    head, colon, _ = paper.title.partition(":")
    return [stems(paper.title), *([stems(head)] if colon else [])]


def _numbered(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    return tuple(replace(passage, number=number) for number, passage in enumerate(passages, start=1))


def _without_paper_words(topic: str) -> str:
    shorter = " ".join(pattern("catalog.paper_words").sub(" ", topic).split()).strip(" ,;:")
    return shorter if content_stems(shorter) else topic


def _told(passage: Passage, fields: Sequence[Field]) -> list[Statement]:
    """A statement for each field that the library holds, and one for all that it does not."""
    paper = passage.paper
    named = f"{title(paper)}{' (retracted)' if paper.retracted else ''}"
    told = {field: text for field in fields if (text := _SAY[field](paper))}
    missing = [_MISSING[field] for field in fields if field not in told]
    statements = [Statement(text=f"{named} {text}.", numbers=(passage.number,)) for text in told.values()]
    if missing:
        statements.append(Statement(text=f"The library does not hold {joined(missing, 'or')} of {named}."))
    return statements


def _authors(paper: Paper) -> str:
    names = [in_print(name) for name in paper.authors]
    if len(names) > _MOST_AUTHORS:
        names = [*names[:_MOST_AUTHORS], f"{len(names) - _MOST_AUTHORS} others"]
    return f"is by {joined(names)}" if names else ""


def _year(paper: Paper) -> str:
    return f"is from {paper.year}" if paper.year else ""


def _venue(paper: Paper) -> str:
    return f"appeared in {in_print(paper.venue)}" if paper.venue else ""


def _identifier(paper: Paper) -> str:
    pairs = [("DOI", _doi(paper)), ("PMID", _extra(paper, "pmid")), ("arXiv id", _extra(paper, "arxiv_id"))]
    told = [f"the {name} {in_print(value)}" for name, value in pairs if value]
    return f"has {joined(told)}" if told else ""


def _link(paper: Paper) -> str:
    doi = _doi(paper)
    address = paper.url or (f"https://doi.org/{doi}" if doi else "")
    return f"is at {in_print(address)}" if address else ""


_SAY: Mapping[Field, Callable[[Paper], str]] = {
    "authors": _authors, "year": _year, "venue": _venue, "identifier": _identifier, "link": _link,
}  # fmt: skip


def _doi(paper: Paper) -> str:
    return _extra(paper, "doi") or (paper.id if _DOI.match(paper.id) else "")


def _extra(paper: Paper, name: str) -> str:
    """A field that not every library holds."""
    return str(getattr(paper, name, None) or "")


def _code(meant: MeantPapers) -> CatalogAnswer | None:
    """The sentence of the abstract that says where the code is."""
    for passage in meant.passages:
        released = [s for s in passage.sentences if pattern("catalog.release").search(s.text)]
        if released:
            [only] = _numbered([passage])
            return compose("answered", [item(only, released[-1])], [only], confidence=meant.confidence)
    names = joined([title(passage.paper) for passage in meant.passages], "or")
    return decline("not_in_abstracts", f"The abstract of {names} does not say where its code is.", meant.passages)


def _unclear(found: Sequence[Passage]) -> CatalogAnswer:
    nearest = joined([title(passage.paper) for passage in found[:_NAMED_PAPERS]])
    be = "papers are" if len(found) > 1 else "paper is"
    reason = f"It is not clear which paper of the library is meant. The nearest {be} {nearest}."
    return decline("not_in_abstracts", reason, found)
