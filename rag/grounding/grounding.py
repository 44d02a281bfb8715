"""Sentences of an answer to citations, verbatim quotes and a verdict, while the answer is being written.

Nothing here trusts what a writer wrote.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.grounding import attribution
from rag.grounding.marks import Marks
from rag.grounding.refusals import OPENING, declines, may_decline
from rag.grounding.sentence_stream import SentenceStream, StreamedSentence
from rag.types import Citation, Passage, Sentence

Policy = Literal["flag", "drop"]

_END = re.compile(r"[.!?…]+[\"'”’)*_]*\Z")
_WORDS = re.compile(r"(?:^|\])[^\[\w]*\w")
_LEADS_IN = re.compile(r"[^\d]{0,90}:\Z")


@dataclass(frozen=True)
class GroundedAnswer:
    """An answer's text, its sentences in order, and what each rests on.

    `declined` says that the writer gave no answer, and then there is nothing else; `partly`, that it left something
    unanswered, or that none of its sentences found support.
    """

    text: str
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    declined: bool = False
    partly: bool = False


class Grounding:
    """Takes an answer piece by piece, and gives back what can be shown of it: text, and citations as it grounds them.

    The opening is held until it is clear that it does not decline to answer. With the policy `drop` every sentence is
    held until it is grounded; with `flag`, only where a mark may have to be added.
    """

    def __init__(self, passages: Sequence[Passage], policy: Policy = "flag", question: str = "") -> None:
        self._passages = passages
        self._question = question
        self.policy = policy
        self._marks = Marks({passage.number for passage in passages})
        self._growing = SentenceStream()
        self._given = 0
        self._held: list[str | Citation] | None = []
        self._opening = ""
        self._shown: list[str] = []
        self._sentences: list[Sentence] = []
        self._citations: list[Citation] = []
        self._declining = 0

    def feed(self, piece: str) -> list[str | Citation]:
        """What can be shown now, in order; the citations of a sentence come after its text."""
        return self._out(self._marks.feed(piece), end=False)

    def end(self) -> list[str | Citation]:
        """The rest."""
        return self._out(self._marks.end(), end=True)

    def anew(self) -> "Grounding":
        """One that has read nothing yet."""
        return Grounding(self._passages, self.policy, self._question)

    @property
    def cites_nothing(self) -> bool:
        """Whether nothing that was said names or clearly has an abstract, nor says that there is none; at the end."""
        return not self._citations and not self._declining

    @property
    def grounded(self) -> GroundedAnswer:
        """The whole, after the end."""
        if self._held is not None:
            return GroundedAnswer("", (), (), declined=True)
        return GroundedAnswer(
            "".join(self._shown),
            tuple(self._sentences),
            tuple(self._citations),
            declined=self._declining == len(self._sentences),
            partly=self._declining > 0 or not self._borne_out,
        )

    def _out(self, clean: str, end: bool) -> list[str | Citation]:
        """The opening is read letter by letter, so that it does not matter in which pieces the text arrives."""
        out: list[str | Citation] = []
        while clean:
            length = len(clean) if self._held is None else 1
            text, clean = clean[:length], clean[length:]
            out += self._past_the_opening(self._found(text), text)
        return _joined(out + (self._past_the_opening(self._found("", end=True), "") if end else []))

    def _found(self, clean: str, end: bool = False) -> list[str | Citation]:
        found = [item for written in self._growing.sentences(clean, end=end) for item in self._ground(written)]
        if not end and self.policy == "flag":
            found += self._ahead()
        return found

    def _ahead(self) -> Iterator[str]:
        """The part of an unfinished sentence that will stay as it is."""
        decided = self._growing.decided(self._given)
        if decided > self._given:
            yield self._growing.rest[self._given : decided]
            self._given = decided

    def _ground(self, written: StreamedSentence) -> Iterator[str | Citation]:
        given, self._given = self._given, max(0, self._given - len(written.text))
        claim = written.claim
        if not claim:
            yield written.text[given:]
            return
        sentence, citations = self._judged(claim, written.numbers)
        if self.policy == "drop" and sentence.support == "unsupported":
            return
        added = sentence.citations if not written.numbers and given <= len(written.text) else ()
        text = _marked(written.text, added, given) if added else written.text
        self._sentences.append(sentence)
        self._citations += citations
        yield text[given:]
        yield from citations

    def _judged(self, claim: str, numbers: tuple[int, ...]) -> tuple[Sentence, list[Citation]]:
        """The sentence with its citations; one without marks gets that of the passage which clearly bears it out."""
        supporting = None if numbers else attribution.clear(claim, self._passages, self._question)
        numbers = (supporting.number,) if supporting else numbers
        quoted = [
            q for p in self._passages if p.number in numbers and p.sentences for q in attribution.quotes(claim, p)
        ]
        verdict = attribution.verdict(claim, quoted, self._question)
        if declines(claim) and verdict != "supported":
            self._declining += 1
            return Sentence(text=claim, citations=(), support="supported"), []
        if not numbers and _LEADS_IN.fullmatch(claim):
            return Sentence(text=claim, citations=(), support="supported"), []
        place = len(self._sentences)
        quoted.sort(key=lambda quote: numbers.index(quote.passage.number))
        return Sentence(text=claim, citations=numbers, support=verdict), [_citation(quote, place) for quote in quoted]

    def _past_the_opening(self, found: list[str | Citation], clean: str) -> list[str | Citation]:
        """Nothing as long as the answer may still decline; then everything that was held."""
        if self._held is None:
            return self._started(found)
        self._held += found
        self._opening = (self._opening + clean)[: 2 * OPENING]
        if self._may_still_decline():
            return []
        held, self._held = self._held, None
        return self._started(held)

    def _may_still_decline(self) -> bool:
        """After an apology only a sentence that is borne out shows that there is an answer after all.

        Marks alone say nothing.
        """
        if self._declining:
            return not self._borne_out
        return not self._sentences and (may_decline(self._opening) or not _WORDS.search(self._opening))

    @property
    def _borne_out(self) -> bool:
        return any(sentence.citations and sentence.support != "unsupported" for sentence in self._sentences)

    def _started(self, found: list[str | Citation]) -> list[str | Citation]:
        """The text begins with no blanks."""
        out: list[str | Citation] = []
        for item in found:
            if isinstance(item, str):
                item = item if self._shown else item.lstrip()
                if item:
                    self._shown.append(item)
            if item:
                out.append(item)
        return out


def read(text: str, passages: Sequence[Passage], policy: Policy = "flag", question: str = "") -> GroundedAnswer:
    """A whole answer at once."""
    grounding = Grounding(passages, policy, question)
    grounding.feed(text)
    grounding.end()
    return grounding.grounded


def uncited(text: str) -> GroundedAnswer:
    """A plain statement of ours, such as that the abstracts do not say: it claims nothing about a paper."""
    return GroundedAnswer(text, (Sentence(text=text, citations=(), support="supported"),), ())


def _joined(items: Sequence[str | Citation]) -> list[str | Citation]:
    """With one text where several follow each other."""
    out: list[str | Citation] = []
    for item in items:
        if isinstance(item, str) and out and isinstance(out[-1], str):
            out[-1] += item
        else:
            out.append(item)
    return out


def _marked(text: str, numbers: Sequence[int], given: int) -> str:
    """With the marks before the full stop, and not within what was given already."""
    end = _END.search(text)
    place = max(end.start() if end else len(text), given)
    return f"{text[:place]} {''.join(f'[{number}]' for number in numbers)}{text[place:]}"


def _citation(quote: attribution.Quoted, sentence: int) -> Citation:
    passage, evidence = quote
    return Citation(
        number=passage.number,
        sentence=sentence,
        paper=passage.paper,
        quote=evidence.text,
        start=evidence.start,
        end=evidence.end,
    )
