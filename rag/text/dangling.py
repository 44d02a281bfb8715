"""Whether a sentence speaks of something that only the sentences before it name."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import takewhile

from rag.text.analysis import stems
from rag.text.readable import without_opening
from rag.text.vocabulary import pattern, words

_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*|[.,;:()]")
_REFERS = frozenset({"this", "these", "such", "both", "former", "latter", "above"})
_IS_VERB = re.compile(r"\w{3,}[^suiSUI]s\Z")
_MOST_ADJECTIVES = 3
_FIRST_CLAUSE = 6
"""Within so many words a "this" has nothing before it in the sentence to stand for."""


def is_dangling(sentence: str) -> bool:
    """Whether it can't be understood alone: "this assumption", "the latter", "both methods", "it" at the start.

    A demonstrative whose noun stands earlier in the sentence, or that means the paper itself, does not count.
    """
    text = pattern("sentence.speaks_of_itself").sub("The paper", without_opening(sentence))
    if any(pattern(f"sentence.{name}").search(text) for name in ("anaphoric", "anaphoric_ending", "anaphoric_clause")):
        return True
    found = [match[0] for match in _WORD.finditer(text)]
    return any(_dangles(found, i) for i, word in enumerate(found) if word.lower() in _REFERS)


def _dangles(found: Sequence[str], place: int) -> bool:
    word, after = found[place].lower(), found[place + 1 : place + 2 + _MOST_ADJECTIVES]
    is_early = place < _FIRST_CLAUSE
    nouns = _noun_phrase(after)
    if word in ("former", "latter") or not nouns:
        return is_early and word in ("former", "latter", "this", "these")
    if word == "above":
        return place > 0 and found[place - 1].lower() == "the"
    if word == "such" and nouns[0].lower() in ("a", "an"):
        return False
    if word == "both" and (not _IS_VERB.match(nouns[0]) or {"and", "of"} & set(found[place + 1 : place + 8])):
        return False
    if word == "this" and _IS_VERB.match(nouns[0]):
        return is_early
    named, said = set(stems(" ".join(found[:place]))), set(stems(" ".join(nouns)))
    return bool(said) and not said & named and not _own() & {noun.lower() for noun in nouns}


def _noun_phrase(after: Sequence[str]) -> list[str]:
    """The words that may belong to the demonstrative: up to the first that can't."""
    ends = words("self_reference")["ends"].split()
    return list(takewhile(lambda word: word[0].isalnum() and word.lower() not in ends, after))


@cache
def _own() -> frozenset[str]:
    return frozenset(f"{words('self_reference')['nouns']} {words('self_reference')['pairs']}".split())
