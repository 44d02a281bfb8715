"""Where the sentences of a text begin and end: sentencex, with the slips that abstracts provoke mended."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import sentencex

_FRAGMENT_WORDS = 4
_CONTINUES = re.compile(r"[a-z0-9(\[,;:%]")


class Span(NamedTuple):
    """Character offsets of a sentence, without the blanks around it."""

    start: int
    end: int


def spans(text: str) -> list[Span]:
    """The sentences of `text` in order; they cover every character that is not a blank."""
    found: list[Span] = []
    for span in _boundaries(text):
        if found and _belongs_to_the_one_before(text, found[-1], span):
            found[-1] = Span(found[-1].start, span.end)
        else:
            found.append(span)
    return found


def _boundaries(text: str) -> Iterator[Span]:
    for sentence in sentencex.get_sentence_boundaries("en", text):
        raw = text[sentence["start_index"] : sentence["end_index"]]
        start = sentence["start_index"] + len(raw) - len(raw.lstrip())
        if raw.strip():
            yield Span(start, start + len(raw.strip()))


def _belongs_to_the_one_before(text: str, before: Span, span: Span) -> bool:
    """A split after "approx." leaves a sentence that starts in lower case; one after "Dr." leaves a tiny one."""
    is_fragment = len(text[before.start : before.end].split()) < _FRAGMENT_WORDS
    return is_fragment or _CONTINUES.match(text[span.start]) is not None
