"""From an answer that is being written to text, citations and verdicts that can be shown; trusts no writer.

Stages in a row, each fed by the one before: `MarkFilter` (citation marks), `InertMarkup` (no images, tags and scripts),
then behind a `RefusalGate` the `SentenceStream` (whole sentences) and `Attribution` (quotes, citations, verdict).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeVar

from rag.grounding.attribution import AttributedSentence, Attribution, Policy
from rag.grounding.inert import InertMarkup, inert
from rag.grounding.lexical_verifier import LexicalVerifier
from rag.grounding.marks import MarkFilter
from rag.grounding.refusals import OPENING_CHARACTERS, may_decline
from rag.grounding.sentence_stream import SentenceStream
from rag.protocols import Verifier
from rag.types import Citation, Passage, Sentence

_OPENING = 2 * OPENING_CHARACTERS
_WORDS = re.compile(r"(?:^|\])[^\[\w]*\w")

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)


class Stage(Protocol[In, Out]):
    """Takes items as they come, and gives what is certain; what it gives in all does not depend on the cutting."""

    def feed(self, item: In) -> Iterable[Out]:
        """What the item makes certain, in order."""
        ...

    def flush(self) -> Iterable[Out]:
        """The rest; no more items will come."""
        ...


class Chain:
    """Two stages as one."""

    def __init__(self, first: Stage[Any, Any], second: Stage[Any, Any]) -> None:
        self._first, self._second = first, second

    def feed(self, item: Any) -> Iterator[Any]:
        """What the first makes of the item, through the second."""
        for between in self._first.feed(item):
            yield from self._second.feed(between)

    def flush(self) -> Iterator[Any]:
        """The rest of the first, through the second, then the rest of that."""
        for between in self._first.flush():
            yield from self._second.feed(between)
        yield from self._second.flush()


class RefusalGate:
    """Holds what a stage makes of a text until its opening can no longer turn out to decline.

    After an apology only a sentence that is supported shows that there is an answer after all; marks alone say nothing.
    So it is from the beginning where it is `doubtful` whether there is an answer.
    """

    def __init__(self, inner: Stage[str, str | AttributedSentence], *, doubtful: bool = False) -> None:
        self._inner = inner
        self._opening = ""
        self._held: list[str | AttributedSentence] = []
        self._state: Literal["opening", "declining", "open"] = "declining" if doubtful else "opening"

    def feed(self, item: str) -> Iterator[str | AttributedSentence]:
        """The opening is read letter by letter, so that it does not matter in which pieces the text arrives."""
        while item:
            length = 1 if self._state == "opening" else len(item)
            text, item = item[:length], item[length:]
            for found in self._inner.feed(text):
                yield from self._through(found)
            if self._state == "opening" and len(self._opening) < _OPENING:
                self._opening += text
                if not may_decline(self._opening) and _WORDS.search(self._opening):
                    yield from self._release()

    def flush(self) -> Iterator[str | AttributedSentence]:
        """Nothing at all if the text declined, or said nothing."""
        for found in self._inner.flush():
            yield from self._through(found)

    @property
    def declined(self) -> bool:
        """Whether what it still holds says that there is no answer."""
        return self._state == "declining"

    def _through(self, found: str | AttributedSentence) -> Iterator[str | AttributedSentence]:
        if self._state == "open":
            yield found
            return
        self._held.append(found)
        if isinstance(found, AttributedSentence):
            if found.may_be_supported or (self._state == "opening" and not found.declines):
                yield from self._release()
            else:
                self._state = "declining"

    def _release(self) -> list[str | AttributedSentence]:
        self._state = "open"
        return self._held


@dataclass(frozen=True)
class GroundedText:
    """An answer's text, its sentences in order, and what each rests on.

    `declined` says that the writer gave no answer, and then there is nothing else; `incomplete`, that it left something
    unanswered, that none of its sentences found support, or that the first one is contradicted.
    """

    text: str
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    declined: bool = False
    incomplete: bool = False


class Grounding:
    """Takes an answer piece by piece, and gives back what can be shown of it: text, and citations as it finds them."""

    def __init__(
        self,
        passages: Sequence[Passage],
        policy: Policy = "flag",
        question: str = "",
        verifier: Verifier | None = None,
        *,
        doubtful: bool = False,
    ) -> None:
        self._arguments = passages, policy, question, verifier
        attribution = Attribution(passages, question, verifier or LexicalVerifier(), policy)
        sentences = Chain(SentenceStream(fragments=policy == "flag"), attribution)
        self._gate = RefusalGate(sentences, doubtful=doubtful)
        marks = MarkFilter({passage.number for passage in passages})
        self._stages = Chain(Chain(marks, InertMarkup()), self._gate)
        self._text = ""
        self._found: list[AttributedSentence] = []

    def feed(self, piece: str) -> list[str | Citation]:
        """What can be shown now, in order; the citations of a sentence come after its text."""
        return self._shown(self._stages.feed(piece))

    def flush(self) -> list[str | Citation]:
        """The rest."""
        return self._shown(self._stages.flush())

    def restarted(self) -> "Grounding":
        """One that has read nothing yet."""
        return Grounding(*self._arguments)

    @property
    def cites_nothing(self) -> bool:
        """Whether nothing that was said cites or clearly has an abstract, nor says that there is none; at the end."""
        return not self._gate.declined and not any(found.citations or found.declines for found in self._found)

    def set_sentences(self, sentences: Sequence[Sentence]) -> None:
        """Put other verdicts on the sentences, which stay in their order."""
        self._found = [replace(found, sentence=new) for found, new in zip(self._found, sentences, strict=True)]

    @property
    def result(self) -> GroundedText:
        """The whole, at the end."""
        found = self._found
        answered = any(item.is_supported for item in found) and found[0].sentence.support != "contradicted"
        return GroundedText(
            self._text,
            tuple(item.sentence for item in found),
            tuple(citation for item in found for citation in item.citations),
            declined=all(item.declines for item in found),
            incomplete=any(item.declines for item in found) or not answered,
        )

    def _shown(self, items: Iterable[str | AttributedSentence]) -> list[str | Citation]:
        """One text where several follow each other; the whole begins with no blanks."""
        shown: list[str | Citation] = []
        for item in items:
            if isinstance(item, AttributedSentence):
                self._found.append(item)
                shown += item.citations
                continue
            text = item if self._text else item.lstrip()
            self._text += text
            if shown and isinstance(shown[-1], str):
                shown[-1] += text
            elif text:
                shown.append(text)
        return shown


def ground(text: str, passages: Sequence[Passage], policy: Policy = "flag", question: str = "") -> GroundedText:
    """A whole answer at once."""
    grounding = Grounding(passages, policy, question)
    grounding.feed(text)
    grounding.flush()
    return grounding.result


def uncited(text: str) -> GroundedText:
    """A plain statement of ours, such as that the abstracts do not say: it claims nothing about a paper.

    It may name papers, so it is made inert too.
    """
    text = inert(text)
    return GroundedText(text, (Sentence(text=text, citations=(), support="supported"),), ())
