"""What a question restricts itself to (a group, a place, a drug, a dose), and whether a paper meets it.

Where half a library is about one subject, the restriction is the question: what holds in children says nothing of
adults. The values that exclude each other are in `rag/data/slots.toml`.
"""

from collections.abc import Mapping
from functools import lru_cache
from math import log
from typing import Literal

from rag.protocols import NO_WORD, Vocabulary
from rag.text import slots
from rag.text.analysis import content_stems
from rag.text.entities import NAME, Quantity, has_name, normalised_name, quantities, words_and_numbers
from rag.text.vocabulary import pattern

Fit = Literal["met", "missing", "conflict"]
"""The paper says all that the question restricts; it lacks a value; it has another of the slot, or other numbers."""

_COUNT = 12
"""A bare number up to this counts what is asked for ("3 reasons") rather than restricts it."""

_NO_ELLIPSIS = ("open", "auxiliary_first", "pronoun")
"""A question with one of these has a verb of its own, or names nothing."""

_RARE = log(50)
_RARE_SHARE = 0.75
"""The idf of a word that one paper in 50 has; in a small library, the share of the idf of a word that no paper has."""

_COMMON_START = 5
_COMMON_SHARE = 0.75
"""Letters at the beginning, and their share of the shorter stem, that make two stems forms of one word."""


@lru_cache(maxsize=256)
def fit(question: str, text: str) -> Fit:
    """How a paper meets the restrictions of a question; `text` is its title and abstract."""
    if _missing_quantities(question, text):
        return "conflict"
    asked = slots.said(question)
    unmet = [value for value in asked if not value.is_met_by(text)]
    if not unmet:
        return "met"
    others = {value.slot for value in slots.said(text) - asked}
    return "conflict" if any(value.slot in others for value in unmet) else "missing"


def rarest_missing_in_phrase(question: str, text: str, idf: Mapping[str, float], highest: float) -> float:
    """How rare the rarest word after a preposition is that the text has in no form, 0 to 1; `highest` is the most idf.

    A word that no paper of the library has is as rare as can be.
    """
    held = frozenset(content_stems(text))
    values = slots.said(question)
    words = [word for phrase in pattern("question.phrase").findall(question) for word in phrase.split()]
    listed = frozenset[str]().union(*(value.spellings for value in values))
    missing = [word for word in words if word.lower() not in listed and not _has_form(text, held, word)]
    return max((idf.get(s, highest) / highest for w in missing for s in content_stems(w) if s not in held), default=0.0)


def lacks_other_case(question: str, text: str, vocabulary: Vocabulary) -> bool:
    """Whether it asks the same of something else ("and in asthma?") of which the text has no form of the rarest word.

    For a word that is not rare, such as "speed", the text may well have another.
    """
    found = pattern("question.ellipsis").match(question)
    if found is None or any(pattern(f"question.{kind}").search(found[1]) for kind in _NO_ELLIPSIS):
        return False
    named = content_stems(found[1])
    idf = vocabulary.idf([*named, NO_WORD])
    rarest = max(named, key=lambda stem: idf[stem], default=NO_WORD)
    is_rare = idf[rarest] >= min(_RARE, _RARE_SHARE * idf[NO_WORD])
    return bool(named) and is_rare and not any(_alike(rarest, stem) for stem in content_stems(text))


def _missing_quantities(question: str, text: str) -> list[Quantity]:
    asked = _restricting(question)
    if not asked:
        return []
    found = quantities(text, spelled=True)
    bare = {word.strip(".%") for word, is_number in words_and_numbers(text) if is_number}
    return [
        quantity
        for quantity in asked
        if f"{quantity.value:g}" not in bare and not any(quantity.matches(other) for other in found)
    ]


@lru_cache(maxsize=256)
def _restricting(question: str) -> tuple[Quantity, ...]:
    """The numbers in digits that are a dose, an age, a year or a type, not a count of what is asked for."""
    labelled = {found.start(1) for found in pattern("question.labelled_number").finditer(question)}
    return tuple(q for q in quantities(question) if q.value > _COUNT or q.unit or q.start in labelled)


def _has_form(text: str, held: frozenset[str], word: str) -> bool:
    """Whether the text has each stem of the word, one that begins alike, or a name in another spelling."""
    if all(any(_alike(stem, other) for other in held) for stem in content_stems(word)):
        return True
    return NAME.fullmatch(word) is not None and has_name(text, normalised_name(word))


def _alike(one: str, other: str) -> bool:
    shorter = min(len(one), len(other))
    length = max(_COMMON_START, round(_COMMON_SHARE * shorter))
    return one == other or (shorter >= length and one[:length] == other[:length])
