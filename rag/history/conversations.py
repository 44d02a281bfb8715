"""Stored conversations, in which each question is asked with the earlier messages as its history."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

import anyio
from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from rag import threads
from rag.database import Database
from rag.engine import TOP_K, Done, Engine, Event
from rag.errors import LibraryError, RequestError, ScholiastError, UnavailableError
from rag.history import edits
from rag.history.answers import NOT_STORED, AskRequest, metered, recent_turns, run_to_end, stored_soon, with_notice
from rag.history.claims import INTERRUPTED, LEASE_SECONDS, Claim, Claims, no_conversation
from rag.history.schema import answers, conversations, messages, timestamp
from rag.types import EVERYTHING, Effort, Filters, Turn

LOCAL = "local"
"""The owner where nobody has to authenticate: the user of this machine."""

_NOT_STORED = "the answer could not be stored"
_DISCONNECTED = "the client left before the answer was done"


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """What a list shows of a conversation. `key` is a door's own id for it; `messages` counts them."""

    id: str
    key: str | None
    library: str
    title: str
    created: str
    updated: str
    messages: int


@dataclass(frozen=True, kw_only=True)
class Message:
    """A question or an answer. A question that failed has no answer, and `error` says why.

    `answer` is the whole Answer as it was shown, for a message of the assistant.
    """

    id: str
    role: Literal["user", "assistant"]
    content: str
    created: str
    status: Literal["pending", "answered", "failed"]
    error: str
    answer: Mapping[str, Any] | None


class Conversations:
    """The conversations of a database, which several processes may share and which is opened at first use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._claims = Claims(database)

    async def begin(self, owner: str, library: str, title: str = "", key: str | None = None) -> Conversation:
        """Create an empty conversation; with a `key`, such as `slack:T1:C1:169.1`, return the one that has it, if any.

        Without a title its first question becomes the title. Raises RequestError for a title that is too long.
        """
        return await threads.save(self._begin, owner, library, title, key)

    async def find(self, key: str) -> Conversation | None:
        """The conversation that was begun with this key, or None."""
        return await threads.read(self._find, key)

    def has(self, key: str) -> bool:
        """Whether a conversation was begun with this key. Blocks."""
        return self._find(key) is not None

    async def get(self, id: str) -> Conversation:
        """The conversation. Raises NotFoundError."""
        return await threads.read(self._get, id)

    async def messages(self, id: str) -> list[Message]:
        """The messages of a conversation, oldest first; none if there is no such conversation."""
        return await threads.read(self._messages, id)

    async def page(
        self, owner: str, offset: int = 0, limit: int = 100, words: str = ""
    ) -> tuple[list[Conversation], int]:
        """A page of an owner's conversations, the last used first, and how many there are in all.

        Only those with the words, in that order, in the title or in a message.
        """
        return await threads.read(self._page, owner, offset, limit, words.strip())

    async def rename(self, id: str, owner: str, title: str) -> None:
        """Give an owner's conversation a title. Raises NotFoundError, RequestError."""
        await threads.save(edits.rename, self._database, id, owner, title)

    async def rewind(self, id: str, owner: str, message: str) -> int:
        """Delete a message and all after it, with their answers; returns how many messages.

        Raises NotFoundError, and BusyError while a question is being answered.
        """
        return await threads.save(edits.rewind, self._database, id, owner, message, time.time())

    async def remove(self, id: str, owner: str) -> None:
        """Delete an owner's conversation with its messages, its answers and their feedback. Raises NotFoundError."""
        await threads.save(self._remove, id, owner)

    async def release(self, id: str) -> None:
        """Let the next question be asked at once, when the process that answered the last one is known to have died."""
        await threads.save(self._claims.release, id)

    async def ask(
        self,
        engine: Engine,
        conversation: str,
        question: str,
        *,
        door: str,
        caller: str,
        filters: Filters = EVERYTHING,
        top_k: int = TOP_K,
        effort: Effort = "quick",
        context: Sequence[Turn] = (),
    ) -> AsyncGenerator[Event]:
        """Ask within a conversation: its messages are the history, and the answer is added to it before Done.

        `context` holds turns since then that are not messages of the conversation; they are history for this question
        only. An answer that can't be stored has a notice. If no answer comes, or the client disconnects, the question
        is stored as failed; an invalid question is not stored. Raises as the engine does, NotFoundError, BusyError
        while another question is being answered, and LibraryError.
        """
        claim = await self._claim(conversation, question)
        renewing = asyncio.create_task(self._keep_renewing(claim))
        reason = _DISCONNECTED
        try:
            history = recent_turns([*claim.history, *context])
            request = AskRequest(
                question=question,
                history=history,
                filters=filters,
                top_k=top_k,
                effort=effort,
                door=door,
                caller=caller,
            )
            async with aclosing(metered(self._database, engine, request)) as events:
                async for event in events:
                    if isinstance(event, Done):
                        notice = await stored_soon(event.answer.id, self._claims.finish, claim, request, event.answer)
                        reason = _NOT_STORED if notice == NOT_STORED else ""
                        event = Done(with_notice(event.answer, notice))
                    yield event
        except RequestError:
            await run_to_end(self._claims.withdraw, claim)
            raise
        except Exception as error:
            reason = error.public if isinstance(error, ScholiastError) else type(error).__name__
            raise
        finally:
            renewing.cancel()
            if reason:
                with suppress(UnavailableError):  # then the lease expires, and the question counts as interrupted
                    await run_to_end(self._claims.fail, claim, reason)

    async def _claim(self, conversation: str, question: str) -> Claim:
        """If the caller is cancelled meanwhile, withdraw the claim, which would keep the conversation busy."""
        claiming = asyncio.create_task(threads.save(self._claims.claim, conversation, question.strip()))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            with anyio.CancelScope(shield=True):
                await asyncio.wait([claiming])
                if not claiming.exception():
                    await threads.save(self._claims.withdraw, claiming.result())
            raise

    async def _keep_renewing(self, claim: Claim) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            with suppress(LibraryError):  # the next renewal may succeed in time
                await threads.save(self._claims.renew, claim)

    def _begin(self, owner: str, library: str, title: str, key: str | None) -> Conversation:
        edits.check_title(title)
        if key and (known := self._find(key)):
            return known
        now, id = timestamp(), f"conv_{uuid4().hex}"
        row = {"id": id, "key": key, "owner": owner, "library": library, "title": title.strip()}
        try:
            with self._database.writing() as connection:
                connection.execute(insert(conversations).values({**row, "created": now, "updated": now}))
        except LibraryError as error:
            # Another process may have begun it since we looked.
            known = self._find(key) if key and isinstance(error.__cause__, IntegrityError) else None
            if known is None:
                raise
            return known
        return self._get(id)

    def _find(self, key: str) -> Conversation | None:
        with self._database.reading() as connection:
            row = connection.execute(_DESCRIPTION.where(conversations.c.key == key)).one_or_none()
        return None if row is None else Conversation(**row._asdict())

    def _get(self, id: str) -> Conversation:
        with self._database.reading() as connection:
            row = connection.execute(_DESCRIPTION.where(conversations.c.id == id)).one_or_none()
        if row is None:
            raise no_conversation(id)
        return Conversation(**row._asdict())

    def _messages(self, id: str) -> list[Message]:
        query = (
            select(messages, answers.c.answer.label("shown"), conversations.c.busy_until)
            .join(conversations, conversations.c.id == messages.c.conversation)
            .outerjoin(answers, answers.c.id == messages.c.answer)
            .where(messages.c.conversation == id)
            .order_by(messages.c.position)
        )
        with self._database.reading() as connection:
            return [_message(row) for row in connection.execute(query)]

    def _page(self, owner: str, offset: int, limit: int, words: str) -> tuple[list[Conversation], int]:
        theirs = conversations.c.owner == owner
        if words:
            said = select(messages.c.conversation).where(messages.c.content.icontains(words, autoescape=True))
            theirs &= conversations.c.title.icontains(words, autoescape=True) | conversations.c.id.in_(said)
        page = _DESCRIPTION.where(theirs).order_by(conversations.c.updated.desc(), conversations.c.id)
        with self._database.reading() as connection:
            rows = connection.execute(page.offset(offset).limit(limit)).all()
            total = connection.execute(select(func.count()).select_from(conversations).where(theirs)).scalar_one()
        return [Conversation(**row._asdict()) for row in rows], total

    def _remove(self, id: str, owner: str) -> None:
        theirs = delete(conversations).where(conversations.c.id == id, conversations.c.owner == owner)
        with self._database.writing() as connection:
            if not connection.execute(theirs).rowcount:
                raise no_conversation(id)


_DESCRIPTION = select(
    conversations.c.id,
    conversations.c.key,
    conversations.c.library,
    conversations.c.title,
    conversations.c.created,
    conversations.c.updated,
    select(func.count()).where(messages.c.conversation == conversations.c.id).scalar_subquery().label("messages"),
)


def _message(row: Row[Any]) -> Message:
    interrupted = row.status == "pending" and row.busy_until < time.time()
    return Message(
        id=row.id,
        role=row.role,
        content=row.content,
        created=row.created,
        status="failed" if interrupted else row.status,
        error=INTERRUPTED if interrupted else row.error,
        answer=row.shown,
    )
