"""Whether a model's words decline to answer, in any of the ways that models have; the words are in the vocabulary."""

import re
from functools import cache

from rag.text.vocabulary import pattern, words

OPENING_CHARACTERS = 60
"""Characters within which a refusal shows itself."""

_FIRST_WORD = re.compile(r"[^\s,.:;!。，]*")


def declines(sentence: str) -> bool:
    """Whether a sentence says that there is no answer, or that none will be given."""
    return pattern("refusal.declines").search(sentence) is not None


def may_decline(opening: str) -> bool:
    """Whether a text that begins so may still turn out to decline."""
    start = opening.lstrip(' \t\n*_"“#>-').lower()
    found = _FIRST_WORD.match(start)
    first = found[0] if found else ""
    known = first in _first_words() or pattern("refusal.after_the").search(start) is not None
    begun = first == start and any(word.startswith(start) for word in ("the", *_first_words()))
    undecided = len(start) < OPENING_CHARACTERS or pattern("refusal.negative").search(start) is not None
    return (known or begun) and undecided


@cache
def _first_words() -> frozenset[str]:
    return frozenset(words("refusal")["first"].split())
