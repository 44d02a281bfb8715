"""Cuts a text that is still being written into sentences, always in the same places, however it arrives in pieces."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.grounding import marks
from rag.text.sentences import spans

# A sentence may end here; whether it does shows in the next whole word.
_MAY_END = re.compile(r"[.!?…]+[\"'”’)\]*_]*(?:[ \t]*\[\d+\])*[ \t]+(?:\[\d+\][ \t]*)*[^\s\[]\S*(?=\s)")
_UNDECIDED = re.compile(r"(?:[.!?…]+[\"'”’)\]*_]*(?:[ \t]*\[\d+\])*\s*(?:\[\d+\]\s*)*\S*|\s*[\"'”’)*_]*\s*)\Z")
_STOP = re.compile(r"[.!?]+[\"'”’)]*")
_BEGINS_NEXT = re.compile(r"\s+[“\"'(]?[A-Z]")
_OPENS_NEXT = re.compile(r"\s+[“‘\"'(«]+\Z")
_QUOTING = re.compile(r"“[^”]{0,300}\Z|^[^\"]*(?:\"[^\"]*\"[^\"]*)*(?<!\w)\"\w[^\"]{0,300}\Z")
_LEAD = re.compile(r"\s*(?:(?:[-*•+]|#{1,6}|>|\d{1,2}[.)])[ \t]+)*")


@dataclass(frozen=True)
class StreamedSentence:
    """A whole sentence as it was written: `text` is what stands before it, it, and the marks behind it."""

    text: str

    @property
    def claim(self) -> str:
        """What it says, without bullet and marks; empty for a rule or a blank line."""
        claim = _without_marks(_LEAD.sub("", self.text, count=1))[0].strip()
        return claim if re.search(r"\w", claim) else ""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The passages that it cites, in order."""
        return tuple(dict.fromkeys(number for _, _, number in marks.places(self.text)))


class SentenceStream:
    """Give it text that has been through `Marks`, and take whole sentences out as they are known to be whole."""

    def __init__(self) -> None:
        self.rest = ""
        """What has not been taken out yet."""
        self._looked_at = 0

    def sentences(self, piece: str = "", *, end: bool = False) -> Iterator[StreamedSentence]:
        """The sentences that the piece completes. At the end, also the last one."""
        self.rest += piece
        while length := self._first() or (end and self._first_of_line(len(self.rest))):
            text, self.rest, self._looked_at = self.rest[:length], self.rest[length:], 0
            yield StreamedSentence(text)

    def decided(self, known: int = 0) -> int:
        """How many characters of the rest can't be the end of a sentence any more, nor the blanks behind it.

        So many are known to be so already.
        """
        undecided = _UNDECIDED.search(self.rest, known)
        return undecided.start() if undecided else len(self.rest)

    def _first(self) -> int:
        """Length of the first whole sentence; 0 if there is none yet."""
        start = _blank(self.rest)
        line = self.rest.find("\n", start)
        self._looked_at = max(start, self._looked_at)
        while place := _MAY_END.search(self.rest, self._looked_at):
            if 0 <= line < place.end():
                break
            lengths = _lengths(self.rest[: place.end()])
            if len(lengths) > 1:
                return lengths[0]
            self._looked_at = place.start() + 1
        return self._first_of_line(line) if line >= 0 else 0

    def _first_of_line(self, end: int) -> int:
        lengths = _lengths(self.rest[:end])
        return lengths[0] if lengths else 0


def _lengths(text: str) -> list[int]:
    """Where each sentence of one line ends, with the marks behind it; what stands before the first counts with it."""
    lead = _LEAD.match(text)
    begins = lead.end() if lead else 0
    bare, places = _without_marks(text[begins:])
    cited = [end for place, _ in places if (end := _end_at_mark(bare, place))]
    found = [begins + _in_marked(end, places) for end in sorted({*_ends(bare), *cited})]
    return found if found or not text.strip() else [len(text.rstrip())]


def _ends(text: str) -> list[int]:
    """Where sentences end: before a blank, and not within quotation marks, as a title that is a question does."""
    ends = [len(_OPENS_NEXT.sub("", text[: span.end])) for span in spans(text)]
    return [end for end in ends if not text[end:] or (text[end].isspace() and not _QUOTING.search(text, 0, end))]


def _end_at_mark(text: str, place: int) -> int:
    """Where a sentence ends with a mark, however short it is; 0 if none does."""
    if text[:place].endswith((".", "!", "?")) and not text[:place].endswith(" al."):
        return place if _BEGINS_NEXT.match(text, place) else 0
    stop = _STOP.match(text, place)
    return stop.end() if stop and _BEGINS_NEXT.match(text, stop.end()) else 0


def _without_marks(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without marks, and for each mark where it stood in that text and how long it was."""
    bare, places, done = "", [], 0
    for start, end, _ in marks.places(text):
        bare += text[done:start]
        places.append((len(bare), end - start))
        done = end
    return bare + text[done:], places


def _in_marked(offset: int, places: list[tuple[int, int]]) -> int:
    """The offset in the text with its marks; those at the offset itself count as before it."""
    return offset + sum(length for place, length in places if place <= offset)


def _blank(text: str) -> int:
    return len(text) - len(text.lstrip())
