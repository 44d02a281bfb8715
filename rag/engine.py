"""One question, start to finish: stand it alone, find passages, decide, write, ground. Start reading here."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from time import perf_counter
from uuid import uuid4

from rag import condense, decide, ground
from rag.decide import Decision
from rag.errors import RequestError
from rag.interfaces import Retriever, Vocabulary, Writer
from rag.types import EVERYTHING, Answer, Citation, Colophon, Filters, Passage, Turn

MAX_QUESTION_CHARACTERS = 4_000
TOP_K = 8
MAX_TOP_K = 50


@dataclass(frozen=True)
class Sources:
    """The passages that the answer may cite, before a word of it is written."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Delta:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True)
class Cited:
    """A sentence of the answer has been traced to the words that it rests on."""

    citation: Citation


@dataclass(frozen=True)
class Done:
    """The whole answer; the last event."""

    answer: Answer


Event = Sources | Delta | Cited | Done


@dataclass(frozen=True)
class Engine:
    """Answers questions from one library."""

    library: str
    retriever: Retriever
    vocabulary: Vocabulary
    writer: Writer

    async def ask(
        self, question: str, history: Sequence[Turn] = (), filters: Filters = EVERYTHING, top_k: int = TOP_K
    ) -> Answer:
        """The whole answer. Raises RequestError, LibraryError or BackendError."""
        async with aclosing(self.stream(question, history, filters, top_k)) as events:
            async for event in events:
                if isinstance(event, Done):
                    return event.answer
        raise AssertionError("a stream ends with Done or an error")

    async def stream(
        self, question: str, history: Sequence[Turn] = (), filters: Filters = EVERYTHING, top_k: int = TOP_K
    ) -> AsyncGenerator[Event]:
        """Yield Sources, then Delta and Cited as the answer is written, then Done. Raises as `ask` does."""
        question = _checked(question, top_k)
        clock = _Clock()
        standalone = condense.standalone(question, history)
        passages = tuple(await self.retriever.retrieve(standalone, top_k, filters))
        clock.lap("retrieve")
        yield Sources(passages)
        decision = await self._decide(question, standalone, passages, filters)
        pieces: list[str] = []
        if decision.answers:
            async with aclosing(self.writer.write(question, passages, history)) as written:
                async for piece in written:
                    if isinstance(piece, Colophon):
                        continue
                    pieces.append(piece)
                    yield Delta(piece)
        else:
            pieces.append(decide.plain_words(decision, passages))
            yield Delta(pieces[0])
        clock.lap("write")
        text = "".join(pieces)
        grounded = ground.read(text, passages) if decision.answers else ground.uncited(text)
        for citation in grounded.citations:
            yield Cited(citation)
        yield Done(
            Answer(
                id=f"ans_{uuid4().hex}",
                question=question,
                standalone_question=standalone,
                library=self.library,
                outcome=decision.outcome,
                text=text,
                sentences=grounded.sentences,
                citations=grounded.citations,
                passages=passages,
                confidence=decision.confidence,
                model=self.writer.name,
                timings_ms=clock.total(),
            )
        )

    async def _decide(self, question: str, standalone: str, passages: Sequence[Passage], filters: Filters) -> Decision:
        if passages:
            return decide.evidence(question, passages, self.vocabulary)
        filtered = filters != EVERYTHING and bool(await self.retriever.retrieve(standalone, 1))
        return decide.NOTHING_PASSES_THE_FILTERS if filtered else decide.EMPTY_LIBRARY


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
