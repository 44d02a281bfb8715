"""Whether a question goes on with the exchange before it or changes the subject, by what each reading of it finds."""

from collections.abc import Sequence
from math import exp

from rag import restrictions
from rag.protocols import NO_WORD, Vocabulary
from rag.text.analysis import content_stems
from rag.text.vocabulary import pattern
from rag.types import Passage

_BIAS = 5.0
_WEIGHTS = {
    "content": -2.2,
    "more_held": -2.0,
    "title_held": -5.0,
    "more_similar": -2.0,
    "continues": 2.4,
    "pronoun_first": 2.0,
}
"""A logistic regression on 717 machine-learning questions after an exchange, rounded and with a lower bias, because
to take up an old subject wrongly is worse; 407 about medicine were the check.
"""

_MOST_CONTENT = 4.0
_MOST_HELD = 1.5
"""In words that no paper has; beyond so many, a question is no more independent."""

_STEMS_BEFORE_A_PRONOUN = 2


def leans_by_words(question: str) -> bool:
    """Whether its words alone say that it goes on: "and ...", or a pronoun before anything that it could stand for."""
    return bool(_continues(question) or _pronoun_first(question))


def goes_on(question: str, alone: Sequence[Passage], together: Sequence[Passage], vocabulary: Vocabulary) -> bool:
    """Whether the question needs the exchange: what the question alone found does not hold its words better.

    `alone` are the passages found for the question, `together` those for question and exchange, both best first.
    """
    if not alone or not together:
        return leans_by_words(question)
    if restrictions.lacks_other_case(question, together[0].paper.title_and_abstract, vocabulary):
        return False
    found = signals(question, alone, together, vocabulary)
    return 1 / (1 + exp(-_BIAS - sum(weight * found[name] for name, weight in _WEIGHTS.items()))) > 1 / 2


def signals(
    question: str, alone: Sequence[Passage], together: Sequence[Passage], vocabulary: Vocabulary
) -> dict[str, float]:
    """What the decision rests on; the idf of words is counted in words that no paper has."""
    stems = content_stems(question)
    idf = vocabulary.idf([*stems, NO_WORD])
    total = sum(idf[stem] for stem in stems) or 1.0
    own, other = _held(stems, alone[0]), _held(stems, together[0])
    title = set(content_stems(alone[0].paper.title))
    held, others_held = (sum(idf[stem] for stem in found) / idf[NO_WORD] for found in (own, other))
    ranked = {passage.paper.id: passage.similarity for passage in reversed(alone)}
    return {
        "content": min(total / idf[NO_WORD], _MOST_CONTENT),
        "more_held": min(held - others_held, _MOST_HELD),
        "title_held": sum(idf[stem] for stem in (own - other) & title) / total,
        "more_similar": alone[0].similarity - ranked.get(together[0].paper.id, alone[-1].similarity),
        "continues": _continues(question),
        "pronoun_first": _pronoun_first(question),
    }


def _held(stems: Sequence[str], passage: Passage) -> set[str]:
    return set(stems) & set(content_stems(passage.paper.title_and_abstract))


def _continues(question: str) -> float:
    return float(pattern("question.continuation").search(question) is not None)


def _pronoun_first(question: str) -> float:
    """Whether a pronoun comes before three words that it could stand for."""
    found = pattern("question.pronoun").search(question)
    return float(found is not None and len(content_stems(question[: found.start()])) <= _STEMS_BEFORE_A_PRONOUN)
