"""Cite keys such as `wren2021otters`: of the first author, the year and the first telling word of the title."""

import re
import unicodedata
from hashlib import sha256

from rag.corpus.names import INITIALS
from rag.references.people import divide
from rag.text.vocabulary import words as vocabulary
from rag.types import PaperReference

_STOP_WORDS = frozenset(vocabulary("stop")["index"].split())
_LONGEST = 20
_DIGITS = 4
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})


class Keys:
    """Gives each paper a key, none twice; that of a paper is always the same, unless another one has it already.

    Of two papers with the same key the later gets some digits of its id's hash.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, paper: PaperReference) -> str:
        """The key of the next paper."""
        key = plain = f"{_author(paper)}{paper.year or ''}{_word(paper.title)}" or "paper"
        digits, count = sha256(paper.id.encode()).hexdigest(), _DIGITS
        while key in self._taken:
            key, count = f"{plain}-{digits[:count]}{'x' * (count - len(digits))}", count + _DIGITS
        self._taken.add(key)
        return key


def _author(paper: PaperReference) -> str:
    if not paper.authors:
        return ""
    name = divide(paper.authors[0])
    words = name.last.split()
    if not name.given:  # a group, or `Wren A.`
        words = [word for word in words if not INITIALS.fullmatch(word) and word.lower() not in _STOP_WORDS][:1]
    return _ascii("".join(words))


def _word(title: str) -> str:
    words = [word for word in re.findall(r"[^\W_]+", title) if word.lower() not in _STOP_WORDS]
    return next((found for word in words if (found := _ascii(word))), "")


def _ascii(text: str) -> str:
    """Letters and digits without accents; nothing is left of other scripts."""
    folded = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS))
    return re.sub(r"[^a-z0-9]", "", folded)[:_LONGEST]
