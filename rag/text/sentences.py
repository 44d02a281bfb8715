"""Where the sentences of a text begin and end: sentencex, with its errors on abstracts corrected."""

import re
from collections.abc import Iterator

import sentencex

from rag.types import Span

_FRAGMENT_WORDS = 4
_CONTINUES = re.compile(r"[a-z0-9(\[,;:%]")
_ITEM = re.compile(r"\s*(?:\(?(?:\d{1,2}|[ivx]{1,4}|[A-Ha-h])\)|•)\s+")
_ENDS = re.compile(r"[.!?][)\]”\"']*$")
WIDE_STOP = r"(?:[。！？]|．(?!\d))+[」』”’）)\]】]*"
"""The end of a sentence in Chinese or Japanese, as a pattern; no blank follows it."""
_ENDS_WIDE = re.compile(rf"{WIDE_STOP}$")
_ABBREVIATED = re.compile(
    r"\b(?:acad|al|am|ann|appl|approx|astron|astrophys|biochem|biol|br|ca|cf|chem|clin|commun|comput|conf|dr|e\.g|engl"
    r"|environ|eqs?|eur|exp|figs?|i\.e|int|lett|math|mech|microbiol|mol|natl|nos?(?=\.\s+\d)|nov|phys|physiol|proc|prof"
    r"|refs?|rev|sci|soc|spp?|ssp|subsp|trans|univ|viz|vol|vs)\.\s+(?=[\[\dA-Z])|(?-i:[A-Z\d]\.(?=[A-Z\d]))",
    re.IGNORECASE,
)
"""What is no end of a sentence, up to where the next word begins."""


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
        for start, end in _of_item(text, sentence["start_index"], sentence["end_index"]):
            raw = text[start:end]
            if raw.strip():
                yield Span(start + len(raw) - len(raw.lstrip()), start + len(raw.rstrip()))


def _of_item(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """sentencex leaves what it takes for an item of a list whole, as in "(2) Then this. Then that."; we do not."""
    item = _ITEM.match(text, start, end)
    if item is None or item.end() == end:
        yield start, end
        return
    for sentence in sentencex.get_sentence_boundaries("en", text[item.end() : end]):
        stop = item.end() + sentence["end_index"]
        yield start, stop
        start = stop


def _belongs_to_the_one_before(text: str, before: Span, span: Span) -> bool:
    """A split after "i.e." leaves a sentence that starts in lower case; one after a heading leaves a tiny one.

    An item such as "(2) Then this." stands alone only after the end of a sentence.
    """
    if _ENDS_WIDE.search(text, before.start, before.end):
        return False
    if any(found.end() == span.start for found in _ABBREVIATED.finditer(text, before.end - 12, span.start + 1)):
        return True
    if len(text[before.start : before.end].split()) < _FRAGMENT_WORDS:
        return True
    item = _ITEM.match(text, span.start, span.end)
    if item and _ENDS.search(text, before.start, before.end):
        return text[item.end()].islower()
    return _CONTINUES.match(text[span.start]) is not None
