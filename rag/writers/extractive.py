"""Composes an answer from the supporting sentences themselves; needs no model."""

import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rag.evidence import likelihoods
from rag.interfaces import Vocabulary
from rag.terms import telling
from rag.types import Evidence, Passage, Turn
from rag.writers.intent import Intent, intent

MAX_WORDS = 118
MAX_LISTED = 6
LISTED_SHARE = 0.68
"""A paper is listed if it scores at least this share of the best one."""
COMPARED_SHARE = 0.75
"""A second paper is set beside the best one if it scores at least this share of it."""
SAYING_COST = 0.15
"""A sentence less likely than this to hold the answer is not worth its words."""
MAX_NAME_WORDS = 4

_LEAD_IN = re.compile(
    r"^(?:(?:Furthermore|Moreover|In addition|Additionally|However|To this end|Thus|Therefore|Hence|Specifically"
    r"|Besides|In particular|Finally|Concretely|Consequently|As a result|In contrast|Nevertheless|Meanwhile|Notably"
    r"|Also|In this (?:paper|work|article|study|report)|Here|In summary|Overall|To that end|Accordingly)\s*,\s*)+"
)


class ExtractiveWriter:
    """Picks the sentences most likely to answer, from one paper, two, or a list, as the question wants."""

    name = "extractive"

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    async def write(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn] = ()
    ) -> AsyncGenerator[str]:
        """Yield one sentence or list item at a time, in about MAX_WORDS words. `passages` is not empty."""
        known = " ".join([*(turn.content for turn in history), question])
        idf = self._vocabulary.idf(telling(question))
        wanted = intent(question)
        chosen = _CHOICE[wanted](passages, idf)
        values = [likelihoods(question, known, passage, idf) - SAYING_COST for passage in chosen]
        pieces = _list(chosen, values) if wanted == "list" else _prose(chosen, values)
        for position, piece in enumerate(pieces):
            yield piece if position == 0 else (f"\n{piece}" if wanted == "list" else f" {piece}")


def _best(passages: Sequence[Passage], _idf: Mapping[str, float]) -> Sequence[Passage]:
    return passages[:1]


def _listed(passages: Sequence[Passage], _idf: Mapping[str, float]) -> Sequence[Passage]:
    return [p for p in passages if p.score >= LISTED_SHARE * passages[0].score][:MAX_LISTED]


def _compared(passages: Sequence[Passage], idf: Mapping[str, float]) -> Sequence[Passage]:
    """The best paper, and the one that best adds to it: well placed, with words of the question that it lacks."""
    first = passages[0]
    missing = {stem: weight for stem, weight in idf.items() if stem not in _words(first)}
    total = sum(idf.values()) or 1.0

    def adds(passage: Passage) -> float:
        return passage.score + sum(missing.get(stem, 0.0) for stem in _words(passage)) / total

    others = [p for p in passages[1:] if p.score >= COMPARED_SHARE * first.score]
    return [first, *sorted(others, key=adds, reverse=True)[:1]]


_CHOICE: Mapping[Intent, Callable[[Sequence[Passage], Mapping[str, float]], Sequence[Passage]]] = {
    "single": _best,
    "comparison": _compared,
    "list": _listed,
}


def _words(passage: Passage) -> set[str]:
    return set(telling(f"{passage.paper.title} {passage.text}"))


def _prose(passages: Sequence[Passage], values: Sequence[NDArray[np.float64]]) -> list[str]:
    """The papers one after the other, each with an equal part of the words."""
    pieces: list[str] = []
    budget = MAX_WORDS
    for position, (passage, value) in enumerate(zip(passages, values, strict=True)):
        name = short_name(passage)
        share = budget // (len(passages) - position) - len(name.split())
        sentences = [_tidy(passage.evidence[i]) for i in best_within(passage.evidence, value, share)]
        sentences[0] = f"{name}: {sentences[0]}"
        pieces += [cite(sentence, passage.number) for sentence in sentences]
        budget -= sum(len(sentence.split()) for sentence in sentences)
    return pieces


def _list(passages: Sequence[Passage], values: Sequence[NDArray[np.float64]]) -> list[str]:
    """The titles, best first; as far as words are left, each with its most telling sentence."""
    spare = MAX_WORDS - sum(len(passage.paper.title.split()) for passage in passages)
    pieces = []
    for passage, value in zip(passages, values, strict=True):
        sentence = _tidy(passage.evidence[int(np.argmax(value))])
        item = passage.paper.title
        if len(sentence.split()) <= spare:
            spare -= len(sentence.split())
            item = f"{item}: {sentence}"
        pieces.append(f"- {cite(item, passage.number)}")
    return pieces


def short_name(passage: Passage) -> str:
    """What a paper calls its subject, e.g. the words before the colon of its title; else the whole title in quotes."""
    head, colon, _ = passage.paper.title.partition(":")
    return head.strip() if colon and len(head.split()) <= MAX_NAME_WORDS else f"“{passage.paper.title.rstrip('.')}”"


def cite(sentence: str, number: int) -> str:
    """The mark goes before the full stop."""
    body = sentence.rstrip()
    end = body[-1] if body[-1] in ".!?" else "."
    return f"{body.rstrip('.!? ')} [{number}]{end}"


def best_within(evidence: Sequence[Evidence], values: NDArray[np.float64], words: int) -> list[int]:
    """The sentences with the greatest sum of values within the words, in their order (0/1 knapsack); at least one."""
    costs = [len(sentence.text.split()) for sentence in evidence]
    best: list[tuple[float, tuple[int, ...]]] = [(0.0, ())] * (max(words, 0) + 1)
    for i, cost in enumerate(costs):
        for room in range(len(best) - 1, cost - 1, -1):
            value, taken = best[room - cost]
            if value + values[i] > best[room][0]:
                best[room] = (value + float(values[i]), (*taken, i))
    return list(best[-1][1]) or [int(np.argmax(values))]


def _tidy(sentence: Evidence) -> str:
    """Without the words that tie it to a sentence before, which is not shown."""
    words = (_LEAD_IN.sub("", sentence.text) or sentence.text).split()
    text = " ".join(words) if len(words) <= MAX_WORDS else f"{' '.join(words[:MAX_WORDS])} …"
    return text[:1].upper() + text[1:]
