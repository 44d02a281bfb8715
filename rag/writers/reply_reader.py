"""Reads a model's reply, JSON or text with marks, into text with marks `[n]` of the passages that it was shown."""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from rag.grounding.grounding import Stage
from rag.grounding.marks import MarkFilter, places
from rag.text.sentences import spans
from rag.writers.copied_titles import WithoutCopiedTitles
from rag.writers.keys import CitationKeys, KeyFilter
from rag.writers.source_lists import WithoutSourceList
from rag.writers.structured import JsonReader, WrittenSentence

NOT_SAID = "The abstracts do not say."
"""What the reply becomes that says so in its outcome alone."""

_FENCE = re.compile(r"```[a-z]*\s*\n?", re.IGNORECASE)
_LONGEST_FENCE = 14
_SAYS_FIRST = r"(?:sure|certainly|of course|here(?:'s|’s| is)|below is|json)\b[^{}`]{0,120}"
_PREFACE = re.compile(rf"\A{_SAYS_FIRST}(?=```|\{{\s*\")", re.IGNORECASE)
_PREFACE_BEGUN = re.compile(rf"{_SAYS_FIRST}(?:`{{1,2}}|```[a-z]*\s*|\{{\s*)?", re.IGNORECASE)
_END = re.compile(r"[.!?…。！？．]+[\"'”’」』）)*_]*\Z")
_ITEM = re.compile(r"(?:[-*•–]|\d{1,2}[.)])\s")
_LONGEST_MISSING = 200


class ReplyReader:
    """A stage from a reply to an answer with marks.

    With `keys`, only they cite: a number that the model writes names nothing. A reply in JSON that says that there is
    no answer becomes a sentence that says so; where it had given sentences before that, the answer is partial.
    """

    def __init__(
        self,
        numbers: Sequence[int],
        keys: CitationKeys | None = None,
        titles: Mapping[int, str] = MappingProxyType({}),
        *,
        in_list: bool = False,
    ) -> None:
        """`titles` are those of the passages, which a model may copy in front of a sentence; `in_list` keeps them."""
        self._keys = keys
        self._numbers = numbers
        self._titles, self._in_list = titles, in_list
        self._text_stages = (WithoutSourceList(), *self._mark_stages())
        self._begin: str | None = ""
        self._json: JsonReader | None = None
        self._fenced = False
        self._ticks = ""
        self._said: set[str] = set()

    @property
    def partial(self) -> bool:
        """Whether the reply says that it leaves something unanswered."""
        return self._json is not None and self._json.outcome in ("partial", "not_in_abstracts")

    def feed(self, item: str) -> list[str]:
        """What can be shown now."""
        return list(self._read(item))

    def flush(self) -> list[str]:
        """The rest."""
        shown = list(self._start(self._begin)) if self._begin is not None else []
        if self._json:
            shown += self._end_of_json(self._json)
        return [*shown, *_through(self._text_stages, "", final=True)]

    def _read(self, text: str) -> Iterator[str]:
        if self._begin is not None:
            self._begin = (self._begin + text).lstrip()
            undecided = len(self._begin) < _LONGEST_FENCE and not self._begin.startswith("{")
            if undecided or _PREFACE_BEGUN.fullmatch(self._begin):
                return
            yield from self._start(self._begin)
        else:
            yield from self._more(text)

    def _start(self, begin: str) -> Iterator[str]:
        """Decide by the first letters, without the fence of a block of code, whether it is JSON."""
        self._begin = None
        begin = _PREFACE.sub("", begin, count=1)
        if fence := _FENCE.match(begin):
            self._fenced, begin = True, begin[fence.end() :]
        if re.match(r"\{|\[\s*\{", begin):
            self._json = JsonReader()
        yield from self._more(begin)

    def _more(self, text: str) -> Iterator[str]:
        if self._json is None:
            yield from _through(self._text_stages, self._unfenced(text) if self._fenced else text)
            return
        for sentence in self._json.feed(text):
            if self._json.outcome != "not_in_abstracts":
                yield from self._written(sentence)

    def _unfenced(self, text: str) -> str:
        """Without the end of the block of code, whose backticks may come one by one."""
        text = self._ticks + text
        bare = text.rstrip("`")
        self._ticks = text[len(bare) :]
        return bare.replace("```", "")

    def _end_of_json(self, read: JsonReader) -> list[str]:
        """What the model says is missing; and where it called a tool instead of answering, what it wrote after that."""
        if read.outcome == "not_in_abstracts" and not self._said:
            return [NOT_SAID]
        missing = " ".join(self._marked(read.missing, "").split())[:_LONGEST_MISSING].strip(" .")
        if self._said and missing and read.outcome != "answered":
            bare = re.sub(r"\s*\[\d+\]", "", missing)
            return [f"\n\nThe abstracts do not say: “{bare}”"]
        return [] if self._said else list(_through(self._text_stages, read.rest.replace("```", "")))

    def _mark_stages(self) -> tuple[Stage[str, str], ...]:
        named = (MarkFilter(()), KeyFilter(self._keys)) if self._keys else (MarkFilter(self._numbers),)
        return (*named, WithoutCopiedTitles(self._titles, in_list=self._in_list))

    def _written(self, sentence: WrittenSentence) -> Iterator[str]:
        """A sentence once, with its marks, on a line of its own if it is an item of a list."""
        text = self._marked(sentence.text, sentence.rests_on)
        bare = re.sub(r"\s*\[\d+\]", "", text).strip()
        if not re.search(r"\w", bare) or bare.casefold() in self._said:
            return
        if self._said and WithoutSourceList.drops(sentence.text.strip()):
            return
        self._said.add(bare.casefold())
        if not _END.search(text) and not _ITEM.match(text):
            text += "."
        first = len(self._said) == 1
        yield text if first else f"\n{text}" if _ITEM.match(text) else f" {text}"

    def _marked(self, text: str, rests_on: str) -> str:
        """The text as it cites, and the marks of what it rests on at the end of each of its sentences without any."""
        stages = self._mark_stages()
        text = "".join([*_through(stages, text), *_through(stages, "", final=True)]).strip()
        numbers = self._keys.numbers(rests_on) if self._keys else _plain_numbers(rests_on, self._numbers)
        marks = "".join(f"[{number}]" for number in numbers)
        parts = [text[span.start : span.end] for span in spans(text)] if marks else [text]
        return " ".join(part if list(places(part)) else _cited(part, marks) for part in parts)


def _cited(sentence: str, marks: str) -> str:
    end = _END.search(sentence)
    place = end.start() if end else len(sentence)
    return f"{sentence[:place].rstrip()} {marks}{sentence[place:]}" if marks else sentence


def _plain_numbers(text: str, shown: Sequence[int]) -> list[int]:
    found = (int(number) for number in re.findall(r"(?<![\d-])\d{1,4}(?!\d)", text))
    return [number for number in dict.fromkeys(found) if number in shown]


def _through(stages: Sequence[Stage[str, str]], text: str, *, final: bool = False) -> list[str]:
    """A piece through stages in a row, and at the end what each of them has held."""
    pieces = [text] if text else []
    for stage in stages:
        pieces = [shown for piece in pieces for shown in stage.feed(piece)]
        pieces += stage.flush() if final else []
    return pieces
