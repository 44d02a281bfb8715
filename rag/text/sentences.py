"""Where the sentences of a text begin and end: sentencex, with its errors on abstracts corrected."""

import re
from collections.abc import Iterator

import sentencex

from rag.types import Span

_FRAGMENT_WORDS, _FRAGMENT_CHARACTERS = 4, 200
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
_LONGEST_END = 16
_LONGEST_BLOCK = 8_000  # longer than nearly every abstract; sentencex takes quadratic time where quotes are not closed


def spans(text: str) -> list[Span]:
    """The sentences of `text` in order; they cover every character that is not a blank. The time grows linearly."""
    found: list[Span] = []
    is_fragment = False
    for span in _boundaries(text):
        joined = bool(found) and not _ends_wide(text, found[-1]) and (is_fragment or _goes_on(text, found[-1], span))
        if joined:
            found[-1] = Span(found[-1].start, span.end)
        else:
            found.append(span)
        if is_fragment or not joined:  # a sentence that has enough words keeps them
            is_fragment = _is_fragment(text, found[-1])
    return found


def _boundaries(text: str) -> Iterator[Span]:
    for begin, block in _blocks(text):
        for sentence in sentencex.get_sentence_boundaries("en", block):
            for start, end in _of_item(block, sentence["start_index"], sentence["end_index"]):
                raw = block[start:end]
                if raw.strip():
                    yield Span(begin + start + len(raw) - len(raw.lstrip()), begin + start + len(raw.rstrip()))


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """A very long text in parts, each with its offset, cut at a blank if there is one in the second half."""
    start = 0
    while start < len(text):
        end = start + _LONGEST_BLOCK
        if end < len(text):
            blank = max(text.rfind(" ", start, end), text.rfind("\n", start, end))
            end = blank if blank > start + _LONGEST_BLOCK // 2 else end
        yield start, text[start:end]
        start = end


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


def _ends_wide(text: str, span: Span) -> bool:
    return _ENDS_WIDE.search(text, max(span.start, span.end - _LONGEST_END), span.end) is not None


def _is_fragment(text: str, span: Span) -> bool:
    return span.end - span.start < _FRAGMENT_CHARACTERS and len(text[span.start : span.end].split()) < _FRAGMENT_WORDS


def _goes_on(text: str, before: Span, span: Span) -> bool:
    """A split after "i.e." leaves a sentence that starts in lower case; one after a heading leaves a tiny one before.

    An item such as "(2) Then this." stands alone only after the end of a sentence.
    """
    if any(found.end() == span.start for found in _ABBREVIATED.finditer(text, before.end - 12, span.start + 1)):
        return True
    item = _ITEM.match(text, span.start, span.end)
    if item and _ENDS.search(text, max(before.start, before.end - _LONGEST_END), before.end):
        return text[item.end()].islower()
    return _CONTINUES.match(text[span.start]) is not None
