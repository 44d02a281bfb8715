"""Which papers do without something: met only by a sentence that says so, never by words that they share."""

import re
from collections.abc import Iterator

from rag.catalog_questions.composition import (
    SHOWN,
    CatalogAnswer,
    Statement,
    compose,
    decline,
    item,
    papers,
    passages_of,
)
from rag.catalog_questions.evidence import TopicPapers
from rag.library.library import Library
from rag.text.analysis import content_stems
from rag.text.vocabulary import pattern
from rag.types import Passage, PassageSentence

CHECKED = 100
"""How many papers on the topic are read, the nearest first."""

_WORDS_TO_THE_CONDITION = 6
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_CLAUSE = re.compile(r"[,;:.()]")


async def answer(condition: str, found: TopicPapers, library: Library) -> CatalogAnswer | None:
    """The papers on the topic that say so, each with the sentence, unless its title says it; or how many were read.

    None where no paper is on the topic.
    """
    wanted = frozenset(content_stems(condition))
    if not wanted or not found.found:
        return None
    read = await _read(found, library)
    met: dict[str, PassageSentence | None] = {}
    for passage in read:
        sentence = next((sentence for sentence in passage.sentences if denies(sentence.text, wanted)), None)
        if sentence or denies(passage.paper.title, wanted):
            met[passage.paper.id] = sentence
    about = f"on {found.quoted}" if found.topic else "nearest to this"
    if not met:
        reason = f"None of the {papers(len(read))} {about} says that it works without “{condition}”."
        return decline("not_in_abstracts", reason, read[:SHOWN])
    shown = await passages_of(library, list(met)[:SHOWN], found.vector)
    say = "says" if len(met) == 1 else "say"
    more = f", {len(shown)} of them here" if len(met) > len(shown) else ""
    head = f"{len(met):,} of the {papers(len(read))} {about} {say} so{more}:"
    items = [item(passage, met[passage.paper.id]) for passage in shown]
    return compose("answered", [Statement(text=head), *items], shown, notice=found.rule)


async def _read(found: TopicPapers, library: Library) -> list[Passage]:
    """The papers on the topic, and those around it that have one of its words at least."""
    near = {*found.mentioned, *found.near}
    stems = set(content_stems(found.topic))
    ids = [*found.mentioned, *found.near, *found.around][:CHECKED]
    return [
        passage
        for passage in await passages_of(library, ids, found.vector)
        if passage.paper.id in near or stems & set(content_stems(f"{passage.paper.title} {passage.paper.abstract}"))
    ]


def denies(text: str, wanted: frozenset[str]) -> bool:
    """Whether the text says that something is not needed or not there; `wanted` are the stems of its name."""
    return any(wanted <= set(content_stems(words)) for words in _denied(text))


def _denied(text: str) -> Iterator[str]:
    """The words that each negation of the text is about, within its clause."""
    for found in pattern("catalog.denied").finditer(text):
        clause = _CLAUSE.split(text[found.end() :], maxsplit=1)[0]
        yield " ".join(_WORD.findall(clause)[:_WORDS_TO_THE_CONDITION])
    for found in pattern("catalog.free_of").finditer(text):
        yield found[1]
