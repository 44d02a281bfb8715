"""The content words of a text: stems as the keyword index makes them, without the words that any question has."""

import re
from collections.abc import Sequence

from rag.library.keyword_index import stems

_ASKING = stems(
    "a about an and any anyone anything are as at be been but by can could did do does each else everything exact "
    "exactly explain for from give had has have how i if in into is it its kind kinds list me mean means much my need "
    "no not number of on one ones or our out paper papers please pls publication says so some somebody someone sort "
    "sorts study such tell than that the their them then there they thing this those to two up us use used uses using "
    "was we were what whats when where which who whom whose why will with without work works would you your"
)
_FUNCTION_STEMS = frozenset(_ASKING)
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)*|\d+(?:\.\d+)*")


def content_stems(text: str) -> list[str]:
    """The distinct stems that say what a question is about, in order of appearance."""
    return list(dict.fromkeys(stem for stem in stems(text) if stem not in _FUNCTION_STEMS and len(stem) > 1))


def numbers(text: str) -> set[str]:
    """The numbers in a text, written without separators of thousands."""
    return {match.replace(",", "") for match in _NUMBER.findall(text)}


def share(part: Sequence[str], whole: Sequence[str]) -> float:
    """How much of `part` stands in `whole`, 0 to 1; nothing is wholly contained in anything."""
    distinct = set(part)
    return len(distinct & set(whole)) / len(distinct) if distinct else 1.0
