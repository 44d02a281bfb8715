"""Which words of a quote support a sentence, for doors that mark them; and whether the sentence says it all anyway."""

import re
from collections.abc import Iterator

from rag.text.analysis import content_stems
from rag.types import Span

_WORD = re.compile(r"\w+(?:[-.'’]\w+)*%?")
_GAP = re.compile(r"[\s,]*(?:(?:a|an|the|of|in|on|for|to|and|by|with)\s+){0,2}\Z", re.IGNORECASE)
_SAME = 0.95


def supporting(sentence: str, quote: str) -> list[Span]:
    """Character spans of the quote whose words the sentence has, in order; words side by side are one span."""
    spans: list[Span] = []
    for start, end in _shared(sentence, quote):
        if spans and _GAP.match(quote[spans[-1].end : start]):
            spans[-1] = Span(spans[-1].start, end)
        else:
            spans.append(Span(start, end))
    return spans


def says_it_all(sentence: str, quote: str) -> bool:
    """Whether the sentence holds the quote, but for small changes, so that to show both would print it twice."""
    said, quoted = set(content_stems(sentence)), set(content_stems(quote))
    return len(said & quoted) >= _SAME * len(quoted)


def _shared(sentence: str, quote: str) -> Iterator[tuple[int, int]]:
    said = set(content_stems(sentence))
    for word in _WORD.finditer(quote):
        stems = content_stems(word[0])
        if stems and said.issuperset(stems):
            yield word.span()
