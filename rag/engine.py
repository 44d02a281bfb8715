"""One question, start to finish: make it stand alone, retrieve, decide, write, ground. Start reading here."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from time import perf_counter
from uuid import uuid4

from rag import answerability
from rag.answerability import Decision
from rag.condense import RuleBasedRewriter
from rag.errors import BackendError, RequestError
from rag.grounding.attribution import Policy
from rag.grounding.grounding import GroundedText, Grounding, uncited
from rag.grounding.lexical_verifier import LexicalVerifier
from rag.grounding.marks import with_escaped_marks
from rag.protocols import AnswerReviewer, QueryRewriter, Retriever, Verifier, Vocabulary, Writer
from rag.types import EVERYTHING, Answer, Citation, Filters, GenerationInfo, Passage, StandaloneQuery, Turn

MAX_QUESTION_CHARACTERS = 4_000
TOP_K = 8
MAX_TOP_K = 50

log = logging.getLogger("scholiast")


@dataclass(frozen=True)
class Sources:
    """The passages that the answer may cite, before a word of it is written."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Delta:
    """The next piece of the answer's text; all of them joined are the text."""

    text: str


@dataclass(frozen=True)
class CitationEvent:
    """A sentence of the answer has been traced to the words that it rests on."""

    citation: Citation


@dataclass(frozen=True)
class Done:
    """The whole answer; the last event."""

    answer: Answer


Event = Sources | Delta | CitationEvent | Done


@dataclass(frozen=True)
class Engine:
    """Answers questions from one library."""

    library: str
    retriever: Retriever
    vocabulary: Vocabulary
    writer: Writer
    backup: Writer | None = None
    """Goes on where the writer fails, or has said nothing that cites an abstract. The answer says so."""
    rewriter: QueryRewriter = RuleBasedRewriter()  # noqa: RUF009  # without state
    verifier: Verifier = LexicalVerifier()  # noqa: RUF009  # without state
    reviewer: AnswerReviewer | None = None
    """Gives the verdicts of the whole answer; where it fails the verifier's stay, and the answer says so."""
    unsupported: Policy = "flag"
    answer_from: float | None = None

    async def ask(
        self, question: str, history: Sequence[Turn] = (), filters: Filters = EVERYTHING, top_k: int = TOP_K
    ) -> Answer:
        """The whole answer. Raises RequestError, LibraryError or BackendError."""
        return await collect_answer(self.stream(question, history, filters, top_k))

    async def stream(
        self, question: str, history: Sequence[Turn] = (), filters: Filters = EVERYTHING, top_k: int = TOP_K
    ) -> AsyncGenerator[Event]:
        """Yield Sources, then Delta and CitationEvent as the answer is written, then Done. Raises as `ask` does."""
        question = _checked(question, top_k)
        clock = _Clock()
        alone = await self.rewriter.rewrite(question, history)
        passages = tuple(await self.retriever.retrieve(alone.search, top_k, filters)) if alone.search else ()
        clock.lap("retrieve")
        yield Sources(passages)
        usable = answerability.usable(alone.question, passages)
        decision = await self._decide(alone, passages, usable, filters)
        grounding = Grounding(usable, self.unsupported, alone.question, self.verifier)
        draft = _Draft(grounding, GenerationInfo(model=self.writer.name))
        if decision.answers:
            async with aclosing(self._write(alone.question, usable, history, draft)) as events:
                async for event in events:
                    yield event
        if self.reviewer:
            await draft.review(self.reviewer)
        decision, grounded = draft.outcome(decision)
        if not grounded.text:
            grounded = uncited(answerability.decline_text(decision, passages))
            yield Delta(grounded.text)
        clock.lap("write")
        yield Done(
            Answer(
                id=f"ans_{uuid4().hex}",
                question=question,
                standalone_question=alone.search or question,
                library=self.library,
                outcome=decision.outcome,
                text=grounded.text,
                sentences=grounded.sentences,
                citations=grounded.citations,
                passages=passages,
                confidence=decision.confidence,
                model=draft.generation.model,
                usage=alone.usage + draft.generation.usage,
                timings_ms=clock.total(),
                prompt=draft.generation.prompt,
                notice=f"{alone.notice} {draft.generation.notice}".strip(),
            )
        )

    async def _decide(
        self, alone: StandaloneQuery, passages: Sequence[Passage], usable: Sequence[Passage], filters: Filters
    ) -> Decision:
        if not alone.search:
            return answerability.small_talk(alone.question)
        if usable:
            return answerability.decide(alone.question, usable, self.vocabulary, self.answer_from)
        if passages:
            return answerability.RETRACTED_ONLY
        filtered = filters != EVERYTHING and bool(await self.retriever.retrieve(alone.search, 1))
        return answerability.NO_PAPER_PASSES_FILTERS if filtered else answerability.EMPTY_LIBRARY

    async def _write(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn], draft: "_Draft"
    ) -> AsyncGenerator[Event]:
        """What the writer writes, and where that can't be relied on, what the backup writes."""
        escaped = [with_escaped_marks(passage) for passage in passages]
        reason = ""
        try:
            async with aclosing(self.writer.write(question, escaped, history)) as written:
                async for piece in written:
                    for event in draft.take(piece):
                        yield event
        except BackendError as error:
            if self.backup is None:
                raise
            log.warning("%s failed, %s answers instead: %s", self.writer.name, self.backup.name, error)
            reason = error.reason
            for event in draft.take("…"):
                yield event
        for event in draft.flush():
            yield event
        if self.backup and (reason or draft.grounding.cites_nothing):
            for event in draft.hand_over(self.backup.name, reason):
                yield event
            async with aclosing(self.backup.write(question, escaped, history)) as written:
                async for piece in written:
                    for event in draft.take(piece) if isinstance(piece, str) else ():
                        yield event
            for event in draft.flush():
                yield event


async def collect_answer(events: AsyncGenerator[Event]) -> Answer:
    """The answer that a stream of events ends with. Raises what the stream raises."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Done):
                return event.answer
    raise AssertionError("a stream ends with Done or an error")


@dataclass
class _Draft:
    """An answer that is being written, and what is known of its writing."""

    grounding: Grounding
    generation: GenerationInfo

    def take(self, piece: str | GenerationInfo) -> list[Event]:
        if isinstance(piece, str):
            return _events(self.grounding.feed(piece))
        self.generation = piece
        return []

    def flush(self) -> list[Event]:
        return _events(self.grounding.flush())

    async def review(self, reviewer: AnswerReviewer) -> None:
        """Take a reviewer's verdicts. Call it after `flush`."""
        grounded = self.grounding.result
        try:
            sentences, usage = await reviewer.review(grounded.sentences, grounded.citations)
        except BackendError as error:
            log.warning("%s could not verify the answer: %s", reviewer.name, error)
            own = f"{reviewer.name} could not verify the answer ({error.reason}); the verdicts are by comparing words."
            self.generation = replace(self.generation, notice=f"{self.generation.notice} {own}".lstrip())
            return
        self.grounding.set_sentences(sentences)
        self.generation = replace(self.generation, usage=self.generation.usage + usage)

    def hand_over(self, backup: str, reason: str) -> list[Event]:
        """Let the backup go on in a paragraph of its own, or begin if nothing has been shown. Call it after `flush`."""
        writer, shown = self.generation.model, self.grounding.result.text
        if not shown:
            self.grounding = self.grounding.restarted()
        why = "cited no abstract" if not reason else f"broke off ({reason})" if shown else f"failed ({reason})"
        own = f"{writer} {why}; {'the rest' if shown else 'this'} is in the abstracts' own sentences."
        self.generation = replace(
            self.generation,
            model=f"{writer}+{backup}" if shown else backup,
            notice=f"{self.generation.notice} {own}".lstrip(),
            complete=True,
        )
        return self.take("\n\n") if shown else []

    def outcome(self, decision: Decision) -> tuple[Decision, GroundedText]:
        """What kind of answer it became in the end."""
        grounded = self.grounding.result
        if not decision.answers:
            return decision, grounded
        if grounded.declined:
            return replace(decision, outcome="not_in_abstracts", reason=answerability.NOT_IN_ABSTRACTS), grounded
        incomplete = grounded.incomplete or not self.generation.complete
        return (replace(decision, outcome="partial") if incomplete else decision), grounded


def _events(found: Sequence[str | Citation]) -> list[Event]:
    return [Delta(item) if isinstance(item, str) else CitationEvent(item) for item in found]


def _checked(question: str, top_k: int) -> str:
    question = question.strip()
    if not question:
        raise RequestError("the question is empty; ask something about the papers")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise RequestError(
            f"the question has {len(question):,} characters; {MAX_QUESTION_CHARACTERS:,} is the most, so shorten it"
        )
    if not 1 <= top_k <= MAX_TOP_K:
        raise RequestError(f"top_k is {top_k}; it must be from 1 to {MAX_TOP_K}")
    return question


class _Clock:
    """Milliseconds of each step, and of all."""

    def __init__(self) -> None:
        self._start = self._last = perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = perf_counter()
        self._laps[name] = round((now - self._last) * 1000, 2)
        self._last = now

    def total(self) -> dict[str, float]:
        return {**self._laps, "total": round((perf_counter() - self._start) * 1000, 2)}
