"""Cuts a text that is still being written into sentences, always in the same places, however it arrives in pieces."""

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rag.grounding import marks
from rag.text.sentences import WIDE_STOP, spans

LONGEST_SENTENCE = 2_000
"""Characters after which a sentence ends, wherever it is: at the last blank, if it has one."""

_MOST_TRIES = 16
"""How many places may look like the end of a sentence, and be none, before the next one counts as its end."""

# A sentence may end here; whether it does shows in the next whole word, or in the first letters of a very long one.
_STOPS = re.compile(r"[.!?…。！？．]++")
_ENDING = r"[.!?…]++[\"'”’)\]*_]*+(?:[ \t]*+\[\d+\]){0,16}+"
_MARKS = r"(?:\[\d+\]\s*+){0,16}+"
_WIDE_ENDING = rf"{WIDE_STOP}(?:[ \t]*+\[\d+\]){{0,16}}+"
_MAY_END = re.compile(
    rf"(?P<ending>{_ENDING})[ \t]++{_MARKS}[^\s\[](?:\S{{63}}|\S*+(?=\s))"
    rf"|(?P<wide_ending>{_WIDE_ENDING})[ \t]*+[^\s\[。！？．」』”’）)\]】]"
)
_UNDECIDED = re.compile(
    rf"(?:{_ENDING}\s*+{_MARKS}\S{{0,63}}|[。！？．]++[」』”’）)\]】]*+(?:\s*+\[\d+\]){{0,16}}+\s*+)\Z"
)
_UNDECIDED_AT_THE_END = f"{string.whitespace}\u00a0\u202f\"'”’)*_"
_HALF_MARK = re.compile(r"\s*\[\d*\Z")

_STOP = re.compile(rf"[.!?]+[\"'”’)]*|{WIDE_STOP}")
_ASKS = re.compile(r"[!?][\"'”’)]*\Z")
_WIDE_END = re.compile(rf"{WIDE_STOP}\Z")
_BEGINS_NEXT = re.compile(r"\s+[“\"'(]?[A-Z]")
_OPENS_NEXT = re.compile(r"\s+[“‘\"'(«]+\Z")
_QUOTING = re.compile(r"“[^”]{0,300}\Z|^[^\"]*(?:\"[^\"]*\"[^\"]*)*(?<!\w)\"\w[^\"]{0,300}\Z")
_LEAD = re.compile(r"\s*(?:(?:[-*•+]|#{1,6}|>|\d{1,2}[.)])[ \t]+)*")


LONGEST_SENTENCE = 2_000
"""Characters after which a sentence ends, wherever it is: before the last blank, if there is one in its second half."""

_MOST_TRIES = 16
"""How many places may look like the end of a sentence, and be none, before the next one counts as its end."""

_AT_ONCE = 512


@dataclass(frozen=True)
class Fragment:
    """The next part of an unfinished sentence, which will stay as it is."""

    text: str


@dataclass(frozen=True)
class StreamedSentence:
    """A whole sentence as it was written: `text` is what stands before it, it, and the marks behind it.

    Its first `sent` characters have come as fragments already; that may be more than it has, blanks behind it included.
    """

    text: str
    sent: int = 0

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
    """A stage from text, which has been through `MarkFilter`, to whole sentences and, if wanted, fragments before them.

    What is a sentence does not depend on the pieces in which the text arrives. Each place where a sentence may end is
    looked at once, and no sentence is longer than `LONGEST_SENTENCE`, so that the time grows with the text alone.
    """

    def __init__(self, *, fragments: bool = False) -> None:
        self._fragments = fragments
        self._rest = ""
        self._searched = 0
        self._tries = 0
        self._sent = 0

    def feed(self, item: str) -> Iterator[Fragment | StreamedSentence]:
        """The sentences that the piece completes, then what is certain of the unfinished one."""
        for start in range(0, len(item), _AT_ONCE):
            self._rest += item[start : start + _AT_ONCE]
            yield from self._sentences(end=False)
        decided = self._decided()
        if self._fragments and decided > self._sent:
            yield Fragment(self._rest[self._sent : decided])
            self._sent = decided

    def flush(self) -> Iterator[Fragment | StreamedSentence]:
        """The last sentences."""
        yield from self._sentences(end=True)

    def _sentences(self, *, end: bool) -> Iterator[Fragment | StreamedSentence]:
        while True:
            if length := self._first() or (end and self._first_of_line(len(self._rest))):
                yield self._cut(length)
            elif length := self._too_long():
                yield from self._cut_off(length)
            else:
                return

    def _cut(self, length: int) -> StreamedSentence:
        sentence = StreamedSentence(self._rest[:length], self._sent)
        self._rest, self._sent = self._rest[length:], max(0, self._sent - length)
        self._searched = self._tries = 0
        return sentence

    def _cut_off(self, length: int) -> Iterator[Fragment | StreamedSentence]:
        """A sentence that has become too long; all of it and more counts as sent, as it is where letters come."""
        if self._fragments:
            yield Fragment(self._rest[self._sent : length])
            self._sent = max(self._sent, length)
        sentence = self._cut(length)
        yield replace(sentence, sent=length + 1) if self._fragments else sentence

    def _decided(self) -> int:
        """How many characters of the rest can't be the end of a sentence any more, nor the blanks behind it."""
        while stops := _STOPS.search(self._rest, self._searched):
            if _UNDECIDED.match(self._rest, stops.start()):
                self._searched = stops.start()
                return self._searched
            self._searched = stops.end()
        self._searched = len(self._rest)
        return len(self._rest.rstrip(_UNDECIDED_AT_THE_END))

    def _first(self) -> int:
        """Length of the first whole sentence; 0 if there is none yet, or if it is too long."""
        start = _blank(self._rest)
        latest = start + LONGEST_SENTENCE
        line = self._rest.find("\n", start, latest)
        self._searched = max(start, self._searched)
        while (place := _MAY_END.search(self._rest, self._searched)) and place.end() <= latest:
            if 0 <= line < place.end():
                break
            lengths = _lengths(self._rest[: place.end()])
            if len(lengths) > 1:
                return lengths[0]
            self._tries += 1
            end = max(place.end("ending"), place.end("wide_ending"))
            if self._tries > _MOST_TRIES:
                return end
            self._searched = end
        return self._first_of_line(line) if line >= 0 else 0

    def _too_long(self) -> int:
        """Where to cut a sentence that has become too long; 0 if it has not."""
        start = _blank(self._rest)
        latest = start + LONGEST_SENTENCE
        if len(self._rest) <= latest:
            return 0
        blank = self._rest.rfind(" ", start + LONGEST_SENTENCE // 2, latest)
        half = _HALF_MARK.search(self._rest, latest - 16, latest)
        return blank if blank > 0 else half.start() if half else latest

    def _first_of_line(self, end: int) -> int:
        lengths = _lengths(self._rest[:end])
        return lengths[0] if lengths else 0


def sentences(text: str) -> list[StreamedSentence]:
    """The sentences of a whole text."""
    stream = SentenceStream()
    items = [*stream.feed(text), *stream.flush()]
    return [item for item in items if isinstance(item, StreamedSentence)]


def _lengths(text: str) -> list[int]:
    """Where each sentence of one line ends, with the marks behind it; what stands before the first counts with it."""
    lead = _LEAD.match(text)
    begins = lead.end() if lead else 0
    bare, places = _without_marks(text[begins:])
    cited = [end for place, _ in places if (end := _end_at_mark(bare, place))]
    ends = [end for end in _ends(bare) if not (lead and lead[0].strip() and _in_title(bare, end))]
    found = [begins + _in_marked(end, places) for end in sorted({*ends, *cited})]
    return found if found or not text.strip() else [len(text.rstrip())]


def _in_title(item: str, end: int) -> bool:
    """Whether a list item goes on after a question or an exclamation, as a title does before its subtitle."""
    return end < len(item) and _ASKS.search(item, max(0, end - 10), end) is not None


def _ends(text: str) -> list[int]:
    """Where sentences end: before a blank, and not within quotation marks, as a title that is a question does."""
    ends = [len(_OPENS_NEXT.sub("", text[: span.end])) for span in spans(text)]
    return [end for end in ends if not text[end:] or (_parts(text, end) and not _QUOTING.search(text, 0, end))]


def _parts(text: str, end: int) -> bool:
    return text[end].isspace() or _WIDE_END.search(text, max(0, end - 10), end) is not None


def _end_at_mark(text: str, place: int) -> int:
    """Where a sentence ends with a mark, however short it is; 0 if none does."""
    if text[:place].endswith((".", "!", "?")) and not text[:place].endswith(" al."):
        return place if _BEGINS_NEXT.match(text, place) else 0
    stop = _STOP.match(text, place)
    return stop.end() if stop and (_BEGINS_NEXT.match(text, stop.end()) or _WIDE_END.fullmatch(stop[0])) else 0


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
