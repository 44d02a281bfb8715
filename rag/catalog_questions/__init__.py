"""Questions that the catalog answers: fields of a paper, counts, dates, what is in the library, what to read first.

Such an answer needs no writer: it is read off the papers' fields, or off an exhaustive pass over the library.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from rag.catalog_questions import counts, extremes, fields, negations, overview, reading
from rag.catalog_questions.composition import SHOWN as SHOWN
from rag.catalog_questions.composition import CatalogAnswer, Statement, compose, decline, list_of, papers, passages_of
from rag.catalog_questions.evidence import topic_papers
from rag.catalog_questions.recognition import ABOUT_LIBRARY, CatalogQuestion, asks_for_any, recognise
from rag.catalog_questions.restrictions import Restriction, restricted
from rag.condense import with_exchange
from rag.library.library import Library
from rag.protocols import Retriever
from rag.text.analysis import content_stems
from rag.text.vocabulary import pattern
from rag.types import Filters, StandaloneQuery, Turn

__all__ = ["CatalogAnswer", "CatalogQuestions", "Narrowed", "Restriction", "recognise", "restricted"]

_EXCHANGE = 2
"""Turns that say which paper "it" is: the last question and its answer."""


@dataclass(frozen=True, kw_only=True)
class Narrowed:
    """A question without the years, authors and venues that it names, and the filters that they became.

    `missing` says why no paper passes them; `restricted` is whether it named any.
    """

    query: StandaloneQuery
    filters: Filters
    restricted: bool
    missing: str


class CatalogQuestions:
    """Answers those questions over one library."""

    def __init__(self, library: Library, retriever: Retriever) -> None:
        """`retriever` finds the paper that a question describes."""
        self._library = library
        self._retriever = retriever

    async def narrow(self, query: StandaloneQuery, filters: Filters) -> Narrowed:
        """The filters that a question for several papers names itself; its notice tells of them."""
        found = await restricted(query.question, self._library, filters)
        if not found.notice and not found.missing:
            return Narrowed(query=query, filters=filters, restricted=False, missing="")
        search = query.search if query.goes_on else found.question
        notice = f"{query.notice} {found.notice}".strip()
        narrower = replace(query, question=found.question, search=search, notice=notice)
        return Narrowed(query=narrower, filters=found.filters, restricted=True, missing=found.missing)

    async def answer(self, narrowed: Narrowed, history: Sequence[Turn] = ()) -> CatalogAnswer | None:
        """The answer; None for a question that goes through retrieval and a writer, and for an empty library."""
        query = narrowed.query
        asked = recognise(query.question)
        if not (asked or narrowed.restricted) or not (await self._library.counts()).papers:
            return None
        if narrowed.missing:
            return decline("not_in_abstracts", narrowed.missing)
        allowed = await self._library.allowed(narrowed.filters)
        whole_library = asked is not None and asked.kind in ("library", "library_size")
        if narrowed.restricted and (whole_library or asks_for_any(query.question)):
            return await self._listing(allowed)
        if asked is None:
            return None
        if asked.kind in ABOUT_LIBRARY:
            return await overview.answer(asked.kind, self._library, allowed)
        if asked.kind in ("fields", "code"):
            return await self._fields(asked, history, narrowed.filters)
        if query.goes_on and pattern("question.anaphoric").search(asked.topic):
            return None
        return await self._about_many(asked, allowed)

    async def _about_many(self, asked: CatalogQuestion, allowed: Collection[str] | None) -> CatalogAnswer | None:
        if asked.kind == "extreme":
            return await extremes.answer(asked, self._library, allowed)
        topic = asked.topic if asked.kind != "negation" or content_stems(asked.topic) else asked.condition
        found = await topic_papers(self._library, topic, allowed)
        if asked.kind == "negation":
            return await negations.answer(asked.condition, found, self._library)
        if asked.kind == "reading":
            return await reading.answer(found, self._library)
        return await counts.answer(asked, found, self._library)

    async def _fields(self, asked: CatalogQuestion, history: Sequence[Turn], filters: Filters) -> CatalogAnswer | None:
        """Where the paper is named by "it" or "the paper", it is the one that the conversation is about."""
        named = content_stems(pattern("catalog.paper_words").sub(" ", asked.topic))
        search = "" if named else with_exchange("", history[-_EXCHANGE:])
        if not named and not (search and pattern("catalog.unnamed").match(asked.topic)):
            return None
        return await fields.answer(asked, search, filters, self._retriever, self._library)

    async def _listing(self, allowed: Collection[str] | None) -> CatalogAnswer:
        """The papers that pass, where nothing else is asked of them."""
        found = await topic_papers(self._library, "", allowed)
        passages = await passages_of(self._library, found.found[:SHOWN], found.vector)
        more = found.searched - len(passages)
        head = f"{papers(found.searched).capitalize()}{f', {len(passages)} of them here' if more else ''}:"
        return compose("answered", [Statement(text=head), *list_of(passages, "")], passages)
