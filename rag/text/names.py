"""Whether names that people say are those that papers have: of authors and of venues."""

import re
from functools import lru_cache
from unicodedata import combining, normalize

_WORD = re.compile(r"[^\W_]+")
_SURNAME_LETTERS = 2


def is_same_person(said: str, name: str) -> bool:
    """Whether a name that is said is that of an author: "Moe", "A. Moe" and "Ann Moe" of "Moe, Ann"."""
    wanted, there = folded(said).split(), folded(name).split()
    if surname(said) not in there:
        return False
    initials = {word[0] for word in there}
    spelled = {word for word in there if len(word) > 1}
    return all(
        word in there or (len(word) == 1 and word in initials) or (word[0] in there and word not in spelled)
        for word in wanted[:-1]
    )


def surname(said: str) -> str:
    """The word, folded, that a person's name must have to be the one that is said; empty if that has none."""
    last = folded(said).rpartition(" ")[2]
    return last if len(last) >= _SURNAME_LETTERS else ""


def is_same_venue(said: str, venue: str) -> bool:
    """Whether the words that are said stand side by side in a venue's name: "neurips" in "Proc. NeurIPS"."""
    wanted = folded(said)
    return bool(wanted) and f" {wanted} " in f" {folded(venue)} "


@lru_cache(maxsize=16_384)  # each question is compared with the same venues
def folded(text: str) -> str:
    """Its words in lower case without accents, a blank between them."""
    bare = "".join(c for c in normalize("NFKD", text.casefold()) if not combining(c))
    return " ".join(_WORD.findall(bare))
