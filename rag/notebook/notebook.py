"""The notebook: asks an engine and keeps what was asked and answered, so that it can be gone back to at every door."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar

import anyio

from rag.engine import TOP_K, Done, Engine, Event
from rag.errors import ConfigError, LibraryError, RequestError
from rag.library.database import Database
from rag.notebook.conversations import Conversation, Conversations
from rag.notebook.history import recent
from rag.notebook.messages import LEASE_SECONDS, Claim, Message, Messages
from rag.notebook.receipts import Asked, Feedback, Receipts, Verdict
from rag.types import EVERYTHING, Answer, Filters, Turn

MAX_COMMENT = 4_000

_LEFT = "whoever asked left before the answer was done"

log = logging.getLogger("scholiast")

P = ParamSpec("P")
T = TypeVar("T")


class Notebook:
    """What was asked, of one database. Several processes may share it."""

    def __init__(self, database: Database) -> None:
        """The database is opened when it is first needed."""
        self._database = database
        self._conversations = Conversations(database)
        self._messages = Messages(database)
        self._receipts = Receipts(database)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    async def ask(self, engine: Engine, asked: Asked) -> AsyncGenerator[Event]:
        """What the engine yields. The receipt is kept before Done comes, so that feedback finds its answer.

        Only the last turns of the history are given to the engine. Raises as the engine does.
        """
        asked = replace(asked, history=recent(asked.history))
        async with aclosing(_events(engine, asked)) as events:
            async for event in events:
                if isinstance(event, Done):
                    await self._save(asked, event.answer)
                yield event

    async def reply(
        self,
        engine: Engine,
        conversation: str,
        question: str,
        *,
        door: str,
        caller: str,
        filters: Filters = EVERYTHING,
        top_k: int = TOP_K,
        overheard: Sequence[Turn] = (),
    ) -> AsyncGenerator[Event]:
        """Ask within a conversation: what was said in it is the history, and the answer is added to it before Done.

        `overheard` was said since, by others or elsewhere; it is history for this question and not kept as messages.
        If it comes to nothing, or nobody waits for it any longer, the question stands as failed; one that can't be used
        leaves no trace. Raises as the engine does, NotFoundError, BusyError while another question is being answered,
        and LibraryError.
        """
        claim = await self._claim(conversation, question)
        alive = asyncio.create_task(self._stay_alive(claim))
        reason = _LEFT
        try:
            history = recent([*claim.history, *overheard])
            asked = Asked(question=question, history=history, filters=filters, top_k=top_k, door=door, caller=caller)
            async with aclosing(_events(engine, asked)) as events:
                async for event in events:
                    if isinstance(event, Done):
                        await _to_the_end(self._messages.finish, claim, asked, event.answer)
                        reason = ""
                    yield event
        except RequestError:
            await _to_the_end(self._messages.withdraw, claim)
            raise
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise
        finally:
            alive.cancel()
            if reason:
                await _to_the_end(self._messages.fail, claim, reason)

    async def begin(self, owner: str, library: str, title: str = "", key: str | None = None) -> Conversation:
        """An empty conversation. With a `key`, such as `slack:T1:C1:169.1`, the one that has it if there is one.

        Raises RequestError for a title that is too long.
        """
        return await asyncio.to_thread(self._conversations.begin, owner, library, title, key)

    async def find(self, key: str) -> Conversation | None:
        """The conversation that was begun with this key, or None."""
        return await asyncio.to_thread(self._conversations.find, key)

    def has(self, key: str) -> bool:
        """Whether a conversation was begun with this key. Blocks."""
        return self._conversations.find(key) is not None

    async def conversation(self, id: str) -> Conversation:
        """One of them. Raises NotFoundError."""
        return await asyncio.to_thread(self._conversations.conversation, id)

    async def messages(self, id: str) -> list[Message]:
        """What was said in a conversation, oldest first."""
        return await asyncio.to_thread(self._messages.of, id)

    async def abandon(self, id: str) -> None:
        """Let the next question be asked at once, when whoever was answering the last one is known to have died."""
        await asyncio.to_thread(self._messages.abandon, id)

    async def conversations(self, owner: str, offset: int = 0, limit: int = 100) -> tuple[list[Conversation], int]:
        """Some of an owner's conversations, the one that was used last first; and how many there are in all."""
        return await asyncio.to_thread(self._conversations.page, owner, offset, limit)

    async def forget(self, id: str) -> None:
        """Remove a conversation with its messages, its answers and what was said of them. Raises NotFoundError."""
        await asyncio.to_thread(self._conversations.remove, id)

    async def answer(self, id: str) -> Mapping[str, Any]:
        """The Answer as it was shown. Raises NotFoundError."""
        return await asyncio.to_thread(self._receipts.answer, id)

    async def judge(self, answer: str, caller: str, verdict: Verdict, comment: str = "") -> Feedback:
        """Keep what a caller says of an answer, in the place of what it said before.

        Raises NotFoundError, and RequestError for a comment that is too long.
        """
        if len(comment) > MAX_COMMENT:
            raise RequestError(f"the comment has {len(comment):,} characters; {MAX_COMMENT:,} is the most")
        return await asyncio.to_thread(self._receipts.judge, answer, caller, verdict, comment.strip())

    async def feedback(self) -> list[dict[str, Any]]:
        """Everything that was said of answers, oldest first, each with what it takes to ask again."""
        return await asyncio.to_thread(self._receipts.feedback)

    async def _claim(self, conversation: str, question: str) -> Claim:
        """A claim that nobody is left to use must not keep the conversation busy."""
        claiming = asyncio.create_task(asyncio.to_thread(self._messages.claim, conversation, question.strip()))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            with anyio.CancelScope(shield=True):
                await asyncio.wait([claiming])
                if not claiming.exception():
                    await asyncio.to_thread(self._messages.withdraw, claiming.result())
            raise

    async def _save(self, asked: Asked, answer: Answer) -> None:
        """An answer that can't be kept is still an answer."""
        try:
            await _to_the_end(self._receipts.save, asked, answer)
        except (LibraryError, ConfigError) as error:
            log.error("answer %s could not be kept: %s", answer.id, error)

    async def _stay_alive(self, claim: Claim) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            with suppress(LibraryError):  # the next sign of life may get through in time
                await asyncio.to_thread(self._messages.renew, claim)


async def finished(events: AsyncGenerator[Event]) -> Answer:
    """The answer that the events end with."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Done):
                return event.answer
    raise AssertionError("a stream ends with Done or an error")


def _events(engine: Engine, asked: Asked) -> AsyncGenerator[Event]:
    return engine.stream(asked.question, asked.history, asked.filters, asked.top_k)


async def _to_the_end(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Block in a thread; whoever is cancelled meanwhile waits all the same, as the thread can't be stopped."""
    task = asyncio.create_task(asyncio.to_thread(work, *arguments, **named))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with anyio.CancelScope(shield=True):
            await asyncio.wait([task])
        raise
