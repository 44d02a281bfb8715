"""Answers one message: finds its question, library and conversation, asks the engine, and shows the reply in Slack."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext, suppress
from datetime import datetime
from functools import partial
from uuid import uuid4

from rag import condense, serialize
from rag.engine import CitationEvent, Delta, Done, Engine, Event
from rag.errors import BackendError, BusyError, LockedError, NotFoundError, ScholiastError
from rag.history.claims import MAX_MESSAGES
from rag.history.conversations import Conversation
from rag.types import Answer, Turn
from rag.workspace import DEFAULT_LIBRARY, Workspace, list_libraries
from service.lease import Lease, LeaseLostError
from service.limits import CallerLimits
from service.slack import events, messages, references, render
from service.slack.client import SlackClient, SlackDownError, SlackError, log
from service.slack.events import IncomingMessage
from service.slack.posts import find_posted, post_message
from service.slack.render import AnswerJson, shorten
from service.slack.reply import EphemeralReply, Reply, ThreadReply, notify_asker

STALE_SECONDS = 900.0
"""After so long nobody waits for an answer any more; an apology is posted instead."""

MAX_ATTEMPTS = 8
_GIVE_UP_SECONDS = 6 * 3600.0
_BUSY_WAIT_SECONDS = 60.0
_LOCKED_WAIT_SECONDS = 30.0
_BACKEND_RETRY_SECONDS = (1.0, 3.0)
_HELP_REQUESTS = {"", "help", "?", "hi", "hello", "hey"}
_TITLE_CHARACTERS = 60

_CONTEXT_SECONDS = 3.0
_CONTEXT_PAGE = 999  # the most that Slack allows: nearly every thread is one call
_CONTEXT_MESSAGES = 4
_CONTEXT_CHARACTERS = 1_000

Place = Callable[[], AbstractAsyncContextManager[None]]
"""Waits for a place to work in, and holds it."""

_Ask = Callable[[], AsyncGenerator[Event]]
"""Asks the question, each time from the start."""


class Answerer:
    """Answers the messages that a worker has taken."""

    def __init__(
        self,
        workspace: Workspace,
        client: SlackClient,
        limits: CallerLimits,
        on_answer: Callable[[Answer], None] = lambda _: None,
        turn: Place = nullcontext,
    ) -> None:
        """`limits` are those of each person; `on_answer` is called with every finished answer.

        An answer is written within a `turn`.
        """
        self._turn = turn
        self._workspace, self._client, self._limits, self._on_answer = workspace, client, limits, on_answer
        self._libraries = workspace.settings.library_of_channel

    async def answer(self, lease: Lease) -> None:
        """Answer, or say why not.

        Raises LeaseLostError, LockedError when another worker may own the library, SlackDownError when nothing can be
        posted.
        """
        incoming = events.from_payload(lease.job.payload)
        reference = uuid4().hex[:8]
        try:
            await self._answer(incoming, lease, reference)
        except (LeaseLostError, SlackDownError):
            raise
        except SlackError as error:
            log.error("%s can't be answered in its place (%s): %s", lease.job.key, reference, error)
            await lease.check()
            text = messages.cannot_post(incoming.place.channel, error.code)
            await notify_asker(self._client, incoming.place, text)

    async def _answer(self, incoming: IncomingMessage, lease: Lease, reference: str) -> None:
        bot_id = incoming.me or await self._client.bot_id()
        incoming = events.with_bot_id(incoming, bot_id)
        reply = await self._open_reply(incoming, lease)
        try:
            await self._respond(incoming, lease, reply)
        except (LeaseLostError, SlackError):
            raise
        except LockedError as error:
            if time.time() - lease.job.created < _LOCKED_WAIT_SECONDS:
                raise  # the owner of the library may be a worker too
            await reply.say(messages.failure(error, reference))
        except Exception as error:
            expected = isinstance(error, ScholiastError)
            log.error("%s failed (%s): %s", lease.job.key, reference, error, exc_info=not expected)
            await reply.say(messages.failure(error, reference))
        finally:
            await reply.close()

    async def _respond(self, incoming: IncomingMessage, lease: Lease, reply: Reply) -> None:
        question, library = events.question(incoming)
        name = library or self._libraries.get(incoming.place.channel, "")
        if time.time() - lease.job.created > STALE_SECONDS or lease.job.attempts > MAX_ATTEMPTS:
            await reply.say(messages.TOO_LATE)
        elif incoming.kind == "references":
            answer, papers = await self._workspace.bibliography.answer(incoming.text)
            listed = references.markdown(answer, papers)
            await (reply.show(listed) if listed else reply.say(messages.NO_REFERENCES))
        elif question.casefold().rstrip("!. ") in _HELP_REQUESTS:
            await reply.say(messages.help_text(name or DEFAULT_LIBRARY, incoming.me))
        else:
            await reply.start()
            try:
                engine, conversation = await self._conversation(incoming, lease, library)
            except NotFoundError:
                existing = [summary.name for summary in await list_libraries(self._workspace.settings)]
                await reply.say(messages.no_library(name, existing))
            else:
                await self._answer_question(incoming, lease, engine, conversation, question, reply)

    async def _answer_question(
        self,
        incoming: IncomingMessage,
        lease: Lease,
        engine: Engine,
        conversation: Conversation,
        question: str,
        reply: Reply,
    ) -> None:
        if lease.job.attempts > 1 and (stored := await self._stored_answer(conversation, question, lease)):
            await reply.finish(stored)
        elif lease.job.attempts == 1 and (excess := await self._limits.excess(_caller(incoming))):
            await reply.say(messages.too_much(excess.seconds))
        else:
            if incoming.place.direct and not conversation.messages:
                await self._set_title(incoming, question)
            context = await thread_context(self._client, incoming, question)
            ask = partial(
                self._workspace.conversations.ask, engine, conversation.id, question, door="slack", context=context
            )
            await self._ask(partial(ask, caller=_caller(incoming), effort=events.effort(incoming)), reply)

    async def _conversation(self, incoming: IncomingMessage, lease: Lease, library: str) -> tuple[Engine, Conversation]:
        """A thread stays with the library it began with; asking another one there is a conversation of its own."""
        key = events.conversation_key(events.in_thread(incoming.place, lease.root or incoming.place.thread))
        begun = await self._workspace.conversations.find(key)
        name = library or (begun.library if begun else self._libraries.get(incoming.place.channel, ""))
        engine = await self._workspace.engine(name)
        if begun and begun.library != engine.library:
            key = f"{key}:{engine.library}"
        conversation = await self._workspace.conversations.begin(_caller(incoming), engine.library, key=key)
        while conversation.messages + 2 > MAX_MESSAGES:  # a very long thread goes on in another conversation
            key = f"{key}+"
            conversation = await self._workspace.conversations.begin(_caller(incoming), engine.library, key=key)
        return engine, conversation

    async def _stored_answer(self, conversation: Conversation, question: str, lease: Lease) -> AnswerJson | None:
        """The answer that an earlier attempt stored but could not show."""
        await self._workspace.conversations.release(conversation.id)
        turns = await self._workspace.conversations.messages(conversation.id)
        for asked, answered in zip(reversed(turns[:-1]), reversed(turns[1:]), strict=True):
            matches = asked.role == "user" and asked.content == question
            if matches and answered.answer and _is_since(asked.created, lease):
                return answered.answer
        return None

    async def _ask(self, ask: _Ask, reply: Reply) -> None:
        """Ask until an answer comes; a busy thread and a failing backend are retried for a while."""
        deadline, pauses = time.monotonic() + _BUSY_WAIT_SECONDS, iter(_BACKEND_RETRY_SECONDS)
        while True:
            try:
                async with self._turn():
                    return await self._stream(ask, reply)
            except BusyError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(1)
            except BackendError as error:
                pause = next(pauses, None) if error.retryable else None
                if pause is None:
                    raise
                await asyncio.sleep(pause)

    async def _stream(self, ask: _Ask, reply: Reply) -> None:
        """The first piece is held back until more comes: alone, it is a refusal."""
        pieces: list[str] = []
        async with aclosing(ask()) as answering:
            async for event in answering:
                match event:
                    case Delta(text):
                        pieces.append(text)
                        if len(pieces) > 1:
                            await reply.update("".join(pieces))
                    case CitationEvent() if pieces:
                        await reply.update("".join(pieces))
                    case Done(answer):
                        self._on_answer(answer)
                        await reply.finish(serialize.answer(answer))

    async def _open_reply(self, incoming: IncomingMessage, lease: Lease) -> Reply:
        """A slash command has no message to reply to, so the bot posts one, or if it may not, replies ephemerally."""
        if incoming.kind == "references" and not incoming.place.thread:  # under an ephemeral answer
            return EphemeralReply(incoming.response_url)
        if incoming.kind != "command":
            return ThreadReply(self._client, incoming.place, lease, incoming.me)
        try:
            if not lease.root:
                await lease.begin_thread(await self._post_root(incoming, lease))
        except SlackDownError:
            raise
        except SlackError as error:
            log.info("a command in %s gets an ephemeral reply: %s", incoming.place.channel, error)
            return EphemeralReply(incoming.response_url)
        return ThreadReply(self._client, events.in_thread(incoming.place, lease.root), lease, incoming.me)

    async def _post_root(self, incoming: IncomingMessage, lease: Lease) -> str:
        """Post the message that begins the thread of a slash command, unless an earlier attempt did; its timestamp."""
        key, question = lease.job.key, events.question(incoming)[0]
        if lease.job.attempts > 1 and (found := await find_posted(self._client, incoming.place, key, incoming.me)):
            return found[0]
        text = f"<@{incoming.place.user}> asks: {render.escape(shorten(question, 2_000))}"
        return await post_message(self._client, incoming.place, text, [render.section(text, verbatim=True)], key)

    async def _set_title(self, incoming: IncomingMessage, question: str) -> None:
        """The title of the thread in the person's list of conversations with the bot."""
        where = {"channel_id": incoming.place.channel, "thread_ts": incoming.place.thread}
        title = shorten(question, _TITLE_CHARACTERS)
        with suppress(SlackError):
            await self._client.call(
                "assistant.threads.setTitle", wait_on_limit=False, retry=False, **where, title=title
            )


async def thread_context(client: SlackClient, incoming: IncomingMessage, question: str) -> tuple[Turn, ...]:
    """What people last said in the thread since the bot's last message, oldest first, if the question refers to it.

    Any other question retrieves better without it. Empty, too, when Slack fails or takes too long: an answer without
    context is better than none.
    """
    place = incoming.place
    if place.direct or place.thread in ("", incoming.ts) or not condense.is_anaphoric(question):
        return ()
    thread = {"channel": place.channel, "ts": place.thread, "latest": incoming.ts, "limit": _CONTEXT_PAGE}
    try:
        async with asyncio.timeout(_CONTEXT_SECONDS):
            found = [message async for message in client.pages("conversations.replies", **thread)]
    except (SlackError, TimeoutError) as error:
        log.info("the thread before %s can't be read: %s", incoming.key, error or "it takes too long")
        return ()
    texts = events.earlier_texts(found, incoming)[-_CONTEXT_MESSAGES:]
    return tuple(Turn(role="user", content=text[:_CONTEXT_CHARACTERS]) for text in texts)


def should_give_up(lease: Lease) -> bool:
    """Whether Slack has been unreachable for so long that the message is not retried again."""
    return time.time() - lease.job.created > _GIVE_UP_SECONDS


def _caller(incoming: IncomingMessage) -> str:
    return f"slack:{incoming.place.team}:{incoming.place.user}"


def _is_since(created: str, lease: Lease) -> bool:
    """Whether a turn is no older than the job."""
    return datetime.fromisoformat(created).timestamp() >= lease.job.created - 0.001
