"""Which sentences to show in so many words: those worth the most together, and none without what it leans on."""

import re
from collections.abc import Sequence
from math import inf
from typing import NamedTuple

Texts = Sequence[str]
Values = Sequence[float]

_LEAD_IN = re.compile(
    r"^(?:(?:(?:Furthermore|Moreover|In addition|Additionally|However|To this end|Thus|Therefore|Hence|Specifically"
    r"|Besides|In particular|Finally|Lastly|Concretely|Consequently|As a result|In contrast|Nevertheless|Meanwhile"
    r"|Notably|Also|In this (?:paper|work|article|study|report)|Here|In summary|Overall|To that end|Accordingly"
    r"|Then|Next|First(?:ly)?|Second(?:ly)?|Third(?:ly)?|Yet|Remarkably|Indeed|To be specific|More specifically)\s*,"
    r"|(?:To (?:\w+ )?\w+|Motivated by|Based on|Building on|Inspired by|Driven by)"
    r" (?:(?:all )?(?:this|these|those|such)|the above)\b[^,.;:()]{0,40},)\s+)+"
)
_LEANS_BACK = re.compile(
    r"^(?:It\b(?! (?:is|was|has been|remains|turns out)\b.{0,30}\b(?:that|to)\b)"
    r"|(?:They|Its|Their|Such|Another|Others|Those|Both(?! [\w-]+ and)|One of (?:these|them)|Doing so|To do so)\b"
    r"|(?:This|These)\b(?! (?:paper|work|study|article|report|survey|thesis|letter|tutorial|review)s?\b)"
    r"|The (?:former|latter|second|third|other|resulting)\b"
    r"|(?:Via|By|From|With|In|On|For|Of|Under|Through|Using|Given|Despite|After|Leveraging) (?:doing so|this|these|that"
    r"|those|such|it|them)\b(?! (?:paper|work|study|article|report|survey)\b))",
    re.IGNORECASE,
)

_ENDS_ON_IT = re.compile(r"(?:\S+ ){0,7}(?:it|them|this|these|those)[.!?]*")


class Choice(NamedTuple):
    """Sentences by their position, and the sum of their values."""

    worth: float
    taken: tuple[int, ...]


def standing_alone(sentence: str) -> str:
    """Without the words that tie it to a sentence before, which is not shown."""
    text = _LEAD_IN.sub("", sentence) or sentence
    return text[:1].upper() + text[1:]


def leans_back(sentence: str) -> bool:
    """Whether it speaks of "it" or "this", and can't be understood without the sentence before."""
    text = standing_alone(sentence)
    return _LEANS_BACK.match(text) is not None or _ENDS_ON_IT.fullmatch(text) is not None


def by_words(sentences: Texts, values: Values, words: int) -> list[Choice]:
    """The choice of the greatest worth within 0, 1, ... `words` words (0/1 knapsack).

    A sentence that leans back is taken only with the one before it.
    """
    best = [Choice(0.0, ())] * (max(words, 0) + 1)
    with_the_last = [Choice(-inf, ())] * len(best)
    for i, sentence in enumerate(sentences):
        cost = len(sentence.split())
        before = with_the_last if i and leans_back(sentence) else best
        enlarged = [Choice(worth + values[i], (*taken, i)) for worth, taken in before[: max(len(best) - cost, 0)]]
        with_the_last = [Choice(-inf, ())] * (len(best) - len(enlarged)) + enlarged
        best = [max(pair) for pair in zip(best, with_the_last, strict=True)]
    return best


def together(abstracts: Sequence[Texts], values: Sequence[Values], words: int) -> list[tuple[int, ...]]:
    """For each of one or two abstracts the sentences to show, at least one, within `words` words in all."""
    tables = [by_words(sentences, value, words) for sentences, value in zip(abstracts, values, strict=True)]
    last = len(tables[0]) - 1
    shares = [(last,)] if len(tables) == 1 else [(first, last - first) for first in range(last + 1)]

    def worth(share: tuple[int, ...]) -> tuple[int, float]:
        chosen = [table[room] for table, room in zip(tables, share, strict=True)]
        return sum(bool(choice.taken) for choice in chosen), sum(choice.worth for choice in chosen)

    best = max(shares, key=worth)
    return [
        table[room].taken or (max(range(len(value)), key=value.__getitem__),)
        for table, room, value in zip(tables, best, values, strict=True)
    ]
