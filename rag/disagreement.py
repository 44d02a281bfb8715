"""Two abstracts that say opposite things on what is asked: both are told.

It compares what an answer rests on with the likeliest statement of the other papers, by their words: one negates what
both speak of, or has a word where the other has its opposite. A disagreement in other words it does not see.
"""

from collections.abc import Mapping, Sequence

from rag.grounding.contradictions import unfounded_direction
from rag.text.analysis import content_stems
from rag.text.opposites import opposites_of
from rag.text.vocabulary import pattern
from rag.types import Passage, Quote

NEAR = 0.75
"""Only a paper that scores at least this share of the best one is on the same question."""
HELD = 0.6
"""How much of the question's words, weighed by rarity, each of the two statements must have."""
SHARED = 0.5
"""How much of the words of the shorter statement the other must have, so that they speak of the same."""
LEAST_SHARED = 4


def is_near(other: Passage, stated: Passage) -> bool:
    """Whether a paper is near enough to the question to be compared with what another one states."""
    return other.score >= NEAR * stated.score


def find(stated: Quote, others: Sequence[Quote], idf: Mapping[str, float]) -> Quote | None:
    """The statement of another paper that says the opposite of what is stated; None if there is none.

    `idf` has the weight of the question's stems.
    """
    if not _speaks(stated, idf):
        return None
    said = set(content_stems(stated.sentence.text))
    for other in others:
        content = set(content_stems(other.sentence.text))
        shared = said & content
        alike = len(shared) >= max(LEAST_SHARED, SHARED * min(len(said), len(content)))
        is_comparable = is_near(other.passage, stated.passage) and alike and _speaks(other, idf)
        if is_comparable and _are_opposed(stated.sentence.text, other.sentence.text):
            return other
    return None


def _are_opposed(one: str, other: str) -> bool:
    if any(map(_contrasts, (one, other))):
        return False
    return bool(unfounded_direction(one, [other]) or unfounded_direction(other, [one]))


def _contrasts(text: str) -> bool:
    """Whether it sets two opposites against each other itself, such as a small model and a large one."""
    stems = set(content_stems(text))
    return any(not stems.isdisjoint(opposites_of(stem)) for stem in stems)


def _speaks(quote: Quote, idf: Mapping[str, float]) -> bool:
    """Whether the sentence states something on the question, rather than what is to be found out or was known."""
    text = quote.sentence.text
    stems = set(content_stems(f"{quote.passage.paper.title} {text}"))
    held = sum(weight for stem, weight in idf.items() if stem in stems)
    if held < HELD * sum(idf.values()) or not stems.intersection(idf):
        return False
    return not any(pattern(f"sentence.{kind}").search(text) for kind in ("aim", "background")) and "?" not in text
