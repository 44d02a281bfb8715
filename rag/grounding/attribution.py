"""Which sentences of an abstract a sentence of an answer rests on: its quotes, its citations and its verdict."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.grounding.lexical_verifier import CLEAR_WORDS, OTHER_LANGUAGE, SUPPORTED_SHARE, added_words, stems_of
from rag.grounding.refusals import declines
from rag.grounding.sentence_stream import Fragment, StreamedSentence
from rag.protocols import Verifier
from rag.text.analysis import share
from rag.text.entities import numbers
from rag.types import Citation, Passage, PassageSentence, Quote, Sentence, Support

Policy = Literal["flag", "drop"]

_MOST_QUOTES = 3
_WORTH_A_QUOTE = 0.2
"""How much more of the content words a further quote from the same abstract must hold."""

_END = re.compile(r"[.!?…。！？．]+[\"'”’」』）)*_]*\Z")
_INTRODUCTION = re.compile(r"[^\d]{0,90}:\Z")

log = logging.getLogger("scholiast")


@dataclass(frozen=True)
class AttributedSentence:
    """A sentence with the quotes it rests on. `declines` says that it gives no answer; then it rests on nothing."""

    sentence: Sentence
    citations: tuple[Citation, ...] = ()
    declines: bool = False

    @property
    def is_supported(self) -> bool:
        """Whether an abstract supports it, wholly or in part."""
        return bool(self.sentence.citations) and self.sentence.support in ("supported", "partial")

    @property
    def may_be_supported(self) -> bool:
        """Whether an abstract supports it as far as their words can be compared, which they can't across languages."""
        return self.is_supported or (bool(self.sentence.citations) and self.sentence.reason == OTHER_LANGUAGE)


class Attribution:
    """A stage from sentences to text that can be shown, each sentence followed by what it rests on.

    With the policy `drop` a sentence that nothing supports is left out, so all of it is held until then.
    """

    def __init__(self, passages: Sequence[Passage], question: str, verifier: Verifier, policy: Policy) -> None:
        self._passages = passages
        self._question = question
        self._verifier = verifier
        self._policy = policy
        self._count = 0

    def feed(self, item: Fragment | StreamedSentence) -> Iterator[str | AttributedSentence]:
        """The text that a fragment or a sentence adds, and after a sentence its attribution."""
        if isinstance(item, Fragment):
            yield item.text
        elif not item.claim:
            yield item.text[item.sent :]
        else:
            yield from self._attributed(item)

    def flush(self) -> Iterator[str | AttributedSentence]:
        """Nothing is held here."""
        return iter(())

    def _attributed(self, item: StreamedSentence) -> Iterator[str | AttributedSentence]:
        found = self._attribute(item.claim, item.numbers)
        if self._policy == "drop" and found.sentence.support in ("unsupported", "contradicted"):
            return
        self._count += 1
        added = found.sentence.citations if not item.numbers and item.sent <= len(item.text) else ()
        yield (_with_marks(item.text, added, item.sent) if added else item.text)[item.sent :]
        yield found

    def _attribute(self, claim: str, numbers: tuple[int, ...]) -> AttributedSentence:
        """A sentence without marks gets that of the passage which clearly supports it."""
        if not numbers and (passage := self._clear_source(claim)):
            numbers = (passage.number,)
        quoted = [q for p in self._passages if p.number in numbers and p.sentences for q in quotes(claim, p)]
        support = self._verifier.verify(claim, quoted, self._question)
        log.debug("sentence %d: %s (%s), cites %s", self._count, support.verdict, support.reason, list(numbers))
        if declines(claim) and support.verdict != "supported":
            return AttributedSentence(_unchecked(claim), declines=True)
        if not numbers and _INTRODUCTION.fullmatch(claim):
            return AttributedSentence(_unchecked(claim))
        quoted.sort(key=lambda quote: numbers.index(quote.passage.number))
        citations = tuple(citation(quote, self._count) for quote in quoted)
        return AttributedSentence(_checked(claim, numbers, support), citations)

    def _clear_source(self, claim: str) -> Passage | None:
        """The passage with a sentence that alone holds the claim, or at least what it adds to the question.

        None if there is none, or if the claim says too little to go by.
        """
        words = [stems for stems in (stems_of(claim), added_words(claim, self._question)) if len(stems) >= CLEAR_WORDS]

        def held(passage: Passage) -> float:
            return max((share(stems, stems_of(s.text)) for stems in words for s in passage.sentences), default=0.0)

        for passage in sorted(self._passages, key=held, reverse=True):
            if held(passage) < SUPPORTED_SHARE:
                return None
            support = self._verifier.verify(claim, quotes(claim, passage)[:1], self._question)
            if support.verdict in ("supported", "partial"):
                return passage
        return None


def quotes(claim: str, passage: Passage) -> list[Quote]:
    """The sentence of the passage that holds most of the claim, then those that add much to it; at least one."""
    wanted, missing = set(stems_of(claim)), numbers(claim)
    chosen: list[PassageSentence] = []
    while len(chosen) < min(_MOST_QUOTES, len(passage.sentences)):
        rest = [sentence for sentence in passage.sentences if sentence not in chosen]
        best = max(rest, key=lambda sentence: _fit(claim, wanted, missing, sentence))
        gained = wanted & set(stems_of(best.text))
        new_numbers = missing & numbers(best.text)
        if chosen and not new_numbers and len(gained) < max(2, _WORTH_A_QUOTE * len(stems_of(claim))):
            break
        chosen.append(best)
        wanted, missing = wanted - gained, missing - new_numbers
    return [Quote(passage=passage, sentence=sentence) for sentence in chosen]


def _fit(claim: str, wanted: set[str], missing: set[str], sentence: PassageSentence) -> tuple[float, float]:
    of_claim = len(wanted & set(stems_of(sentence.text))) / max(len(stems_of(claim)), 1)
    return of_claim + len(missing & numbers(sentence.text)), sentence.similarity


def _unchecked(claim: str) -> Sentence:
    """A sentence that claims nothing about a paper."""
    return Sentence(text=claim, citations=(), support="supported")


def _checked(claim: str, numbers: tuple[int, ...], support: Support) -> Sentence:
    return Sentence(text=claim, citations=numbers, support=support.verdict, reason=support.reason)


def _with_marks(text: str, numbers: Sequence[int], sent: int) -> str:
    """With the marks before the full stop, and not within what was sent already."""
    end = _END.search(text)
    place = max(end.start() if end else len(text), sent)
    return f"{text[:place]} {''.join(f'[{number}]' for number in numbers)}{text[place:]}"


def citation(quote: Quote, sentence: int) -> Citation:
    """That the sentence with this index rests on the quote."""
    return Citation(
        number=quote.passage.number,
        sentence=sentence,
        paper=quote.passage.paper,
        quote=quote.sentence.text,
        start=quote.sentence.start,
        end=quote.sentence.end,
    )
