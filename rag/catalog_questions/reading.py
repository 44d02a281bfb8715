"""What to read first on a topic: surveys and introductions, then what lies nearest."""

from collections.abc import Sequence

from rag.catalog_questions.composition import (
    CatalogAnswer,
    Statement,
    best_sentence,
    compose,
    item,
    passages_of,
)
from rag.catalog_questions.evidence import TopicPapers
from rag.library.library import Library
from rag.text.analysis import content_stems
from rag.text.vocabulary import pattern
from rag.types import Passage

_CANDIDATES = 50
_RECOMMENDED = 5
_OPENING_SENTENCES = 3


async def answer(found: TopicPapers, library: Library) -> CatalogAnswer | None:
    """A few papers with the sentence that says why; None where nothing is on the topic."""
    passages = await passages_of(library, found.found[:_CANDIDATES], found.vector)
    kept = [passage for passage in passages if not passage.paper.retracted and passage.sentences]
    if not kept:
        return None
    surveys = [passage for passage in kept if is_survey(passage)]
    others = [passage for passage in kept if passage not in surveys]
    chosen = await passages_of(library, [p.paper.id for p in (*surveys, *others)][:_RECOMMENDED], found.vector)
    head = f"On {found.quoted}, {_why(min(len(surveys), _RECOMMENDED), len(chosen))}:"
    stems = content_stems(found.topic)
    items = [item(passage, best_sentence(passage, stems) or passage.sentences[0]) for passage in chosen]
    return compose("answered", [Statement(text=head), *items], chosen, notice=_more(kept, chosen))


def is_survey(passage: Passage) -> bool:
    """Whether its title, or the beginning of its abstract, says that it is a survey, a review or an introduction."""
    survey = pattern("catalog.survey")
    opening = passage.sentences[:_OPENING_SENTENCES]
    own = (pattern("catalog.own_survey").search(sentence.text) for sentence in opening)
    return survey.search(passage.paper.title) is not None or any(own)


def _why(surveys: int, shown: int) -> str:
    if not surveys:
        return "nothing here calls itself a survey or review; nearest come"
    if surveys == shown:
        return (
            f"{'this calls itself a survey, a review or the like' if shown == 1 else 'these are surveys and reviews'}"
        )
    return f"first {'a survey or review' if surveys == 1 else f'{surveys} surveys or reviews'}, then the nearest papers"


def _more(kept: Sequence[Passage], chosen: Sequence[Passage]) -> str:
    more = len(kept) - len(chosen)
    return f"{more:,} more papers here are on this." if more > 0 else ""
