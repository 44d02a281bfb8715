"""Questions with one restriction replaced by another of its kind that their paper does not have: none is answered."""

import random
import re
from collections.abc import Sequence

from rag.library.library import Library
from rag.text import slots
from rag.text.analysis import content_stems
from rag.text.entities import NAME, quantities
from rag.text.slots import Value
from rag.text.vocabulary import pattern
from rag.types import Paper

_WORD = re.compile(r"[A-Za-z][\w@+-]*\w")
_SAME_RARITY = 1.5
_TRIES = 200
_SHIFTS = (-3, -2, 2, 3, 5, 10, 20)
_ADDED = ("age", "people", "place", "species")


class Swaps:
    """Alters questions on the papers of a library; the same on every machine."""

    def __init__(self, papers: Sequence[Paper], library: Library, questions: Sequence[str]) -> None:
        """Names and words to put in come from `papers`, phrases from `questions`."""
        texts = [f"{paper.title}. {paper.abstract}" for paper in papers]
        self._names = sorted({name for text in texts for name in NAME.findall(text) if name[0].isalpha()})
        self._lowered = {name.lower() for name in self._names}
        self._words = sorted({word for text in texts for word in re.findall(r"\b[a-z]{5,}\b", text)})
        self._phrases = sorted({phrase for question in questions for phrase in _phrases(question)})
        self._values = sorted(slots.values(), key=lambda value: (value.slot, min(value.spellings)))
        self._library = library
        self._random = random.Random(0)

    def of(self, question: str, paper: Paper) -> dict[str, str]:
        """The altered questions, by what was altered; what can't be altered is left out.

        `word` (the rarest, or a name), `phrase` (what stands after a preposition), `number`, `added` (a group or place
        at the end), or the slot of a value in `rag/data/slots.toml`.
        """
        text = f"{paper.title}. {paper.abstract}"
        slot, value = self._value(question, text)
        found = {
            "word": self._word(question, text),
            "phrase": self._phrase(question, text),
            "number": self._number(question, text),
            "added": self._addition(question, text),
            slot: value,
        }
        return {kind: altered for kind, altered in found.items() if altered not in ("", question)}

    def _word(self, question: str, text: str) -> str:
        held = set(content_stems(text))
        candidates = [word for word in _WORD.findall(question) if set(content_stems(word)) & held]
        named = [word for word in candidates if word.lower() in self._lowered]
        if not candidates:
            return ""
        old = max(named or candidates, key=self._rarity)
        for _ in range(_TRIES):
            new = self._random.choice(self._names if named else self._words)
            stems = set(content_stems(new))
            alike = bool(named) or abs(self._rarity(new) - self._rarity(old)) < _SAME_RARITY
            if stems and alike and not stems & held:
                return _replaced(question, old, new)
        return ""

    def _phrase(self, question: str, text: str) -> str:
        held = set(content_stems(text))
        own = [phrase for phrase in _phrases(question) if set(content_stems(phrase)) <= held]
        others = [phrase for phrase in self._phrases if not set(content_stems(phrase)) & held]
        return _replaced(question, self._random.choice(own), self._random.choice(others)) if own and others else ""

    def _number(self, question: str, text: str) -> str:
        held = {quantity.value for quantity in quantities(text, spelled=True)}
        own = [q for q in quantities(question) if q.value in held and q.value.is_integer() and q.value < 10_000]
        if not own:
            return ""
        old = self._random.choice(own)
        others = [old.value + shift for shift in _SHIFTS if old.value + shift > 0 and old.value + shift not in held]
        written = f"{old.value:g}"
        if not others or question[old.start : old.start + len(written)] != written:
            return ""
        return f"{question[: old.start]}{self._random.choice(others):g}{question[old.start + len(written) :]}"

    def _addition(self, question: str, text: str) -> str:
        others = [value for value in self._values if value.slot in _ADDED and not value.is_met_by(text)]
        return f"{question.rstrip('?. ')} in {_spelt(self._random.choice(others))}?"

    def _value(self, question: str, text: str) -> tuple[str, str]:
        """The slot, and the question with another value in it."""
        listed = sorted(slots.terms(question) & slots.terms(text))
        own = [(term, value) for term in listed for value in self._values if term in value.spellings]
        if not own:
            return "", ""
        term, old = self._random.choice(own)
        others = [value for value in self._values if _excludes(old, value) and not value.is_met_by(text)]
        new = _spelt(self._random.choice(others)) if others else ""
        return old.slot, _replaced(question, term.replace("_", " "), new) if new else ""

    def _rarity(self, word: str) -> float:
        return max(self._library.idf(content_stems(word)).values(), default=0.0)


def _phrases(question: str) -> list[str]:
    """What stands after prepositions and has some content, without numbers."""
    found = pattern("question.phrase").findall(question)
    return [phrase for phrase in found if content_stems(phrase) and not re.search(r"\d", phrase)]


def _excludes(one: Value, other: Value) -> bool:
    """Whether two values of one slot share no spelling."""
    return one.slot == other.slot and not (one.spellings | one.narrower) & (other.spellings | other.narrower)


def _spelt(value: Value) -> str:
    return max(sorted(value.spellings), key=lambda spelling: spelling.endswith("s")).replace("_", " ")


def _replaced(question: str, old: str, new: str) -> str:
    return re.sub(rf"\b{re.escape(old)}\b", lambda _: new, question, flags=re.IGNORECASE)
