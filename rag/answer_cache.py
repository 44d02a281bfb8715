"""Answers given again, word by word, while nothing has changed that they depend on."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, fields, replace
from datetime import date
from time import perf_counter
from uuid import uuid4

from rag.engine import TOP_K, Done, Engine, Event
from rag.recent import Recent
from rag.types import EVERYTHING, Effort, Filters, Step, Turn, Usage

AnswerCache = Recent[Hashable, Sequence[Event]]
"""The last answers, each as the events that it came in, the last of them Done; about 0.1 MB each."""


@dataclass(frozen=True, kw_only=True)
class CachedEngine(Engine):
    """An engine that gives the answer to a question once more if it is asked again, as a new answer that cost nothing.

    The same question is one with the same history, filters, number of papers and effort, on the same day, to a library
    in the same state. An answer with a notice, which may tell of a failure, is not kept.
    """

    cache: AnswerCache
    version: Callable[[], Awaitable[Hashable | None]]
    """Names the state of the library; None while that is about to change."""

    async def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filters: Filters = EVERYTHING,
        top_k: int = TOP_K,
        effort: Effort = "quick",
    ) -> AsyncGenerator[Event]:
        """As an engine's, without the steps of a deep answer where it is given again."""
        start, version = perf_counter(), await self.version()
        asked = (question, tuple(history), filters, top_k, effort, date.today())
        key = (self.library, version, self.writer.name, self.answer_from, asked)
        if given := self.cache.get(key):
            for event in given:
                yield _anew(event, start) if isinstance(event, Done) else event
            return
        came: list[Event] = []
        async with aclosing(super().stream(question, history, filters, top_k, effort)) as events:
            async for event in events:
                if not isinstance(event, Step):
                    came.append(event)
                if version is not None and isinstance(event, Done) and not event.answer.notice:
                    self.cache.put(key, came)
                yield event


def cached(engine: Engine, cache: AnswerCache, version: Callable[[], Awaitable[Hashable | None]]) -> Engine:
    """The engine with a cache, which others may share."""
    parts = {field.name: getattr(engine, field.name) for field in fields(engine)}
    return CachedEngine(**parts, cache=cache, version=version)


def _anew(done: Done, start: float) -> Done:
    timings = {"total": round((perf_counter() - start) * 1000, 2)}
    return Done(replace(done.answer, id=f"ans_{uuid4().hex}", usage=Usage(), timings_ms=timings))
