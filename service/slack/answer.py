"""One message of Slack's, answered: its question, library and conversation found, the engine asked, the reply shown."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from datetime import datetime
from functools import partial
from uuid import uuid4

from rag import serialize
from rag.engine import CitationEvent, Delta, Done, Engine, Event
from rag.errors import BackendError, BusyError, LockedError, NotFoundError, ScholiastError
from rag.history.claims import MAX_MESSAGES
from rag.history.conversations import Conversation
from rag.types import Answer
from rag.workspace import DEFAULT_LIBRARY, Workspace, list_libraries
from service.slack import events, messages
from service.slack.blocks import Shown
from service.slack.client import SlackDownError, SlackError, Web
from service.slack.ephemeral import PrivateReply, tell
from service.slack.events import Incoming
from service.slack.lease import Lease, LostError
from service.slack.logging import log
from service.slack.recovery import post, posted
from service.slack.render import escape, shortened
from service.slack.reply import Reply
from service.slack.thread_context import overheard

OLD_SECONDS = 900.0
"""After so long an answer is no longer waited for; an apology says so."""

MOST_ATTEMPTS = 8
_HOPELESS_SECONDS = 6 * 3600.0
_PATIENCE_SECONDS = 60.0
_OTHERS_SECONDS = 30.0
_AGAIN_SECONDS = (1.0, 3.0)
_HELP = {"", "help", "?", "hi", "hello", "hey"}
_TITLE = 60

_Ask = Callable[[], AsyncGenerator[Event]]
"""Asks the question, each time anew."""


class Answerer:
    """Answers the messages that a worker has taken."""

    def __init__(self, workspace: Workspace, web: Web, finished: Callable[[Answer], None] = lambda _: None) -> None:
        """`finished` is told of every answer."""
        self._workspace, self._web, self._finished = workspace, web, finished
        self._libraries = workspace.settings.library_of_channel

    async def answer(self, lease: Lease) -> None:
        """Answer, or say honestly why not.

        Raises LostError, LockedError when another worker may have more luck, SlackDownError when nothing can be said.
        """
        incoming = events.from_payload(lease.job.payload)
        reference = uuid4().hex[:8]
        try:
            await self._answer(incoming, lease, reference)
        except (LostError, SlackDownError):
            raise
        except SlackError as error:
            log.error("%s can't be answered in its place (%s): %s", lease.job.key, reference, error)
            await lease.check()
            await tell(self._web, incoming.place, messages.unpostable(incoming.place.channel, error.code))

    async def _answer(self, incoming: Incoming, lease: Lease, reference: str) -> None:
        me = incoming.me or await self._web.me()
        incoming = events.known(incoming, me)
        reply = await self._reply(incoming, lease, me)
        try:
            await self._say_or_ask(incoming, lease, reply, me)
        except (LostError, SlackError):
            raise
        except LockedError as error:
            if time.time() - lease.job.created < _OTHERS_SECONDS:
                raise  # the owner of the library may be a worker too
            await reply.say(messages.failure(error, reference))
        except Exception as error:
            log.error("%s failed (%s): %s", lease.job.key, reference, error, exc_info=not _ours(error))
            await reply.say(messages.failure(error, reference))
        finally:
            await reply.leave()

    async def _say_or_ask(self, incoming: Incoming, lease: Lease, reply: Reply | PrivateReply, me: str) -> None:
        question, library = events.question(incoming)
        name = library or self._libraries.get(incoming.place.channel, "")
        if time.time() - lease.job.created > OLD_SECONDS or lease.job.attempts > MOST_ATTEMPTS:
            await reply.say(messages.TOO_LATE)
        elif question.casefold().rstrip("!. ") in _HELP:
            await reply.say(messages.help_text(name or DEFAULT_LIBRARY, me))
        else:
            await reply.working()
            try:
                engine, conversation = await self._conversation(incoming, lease, library)
            except NotFoundError:
                there = [summary.name for summary in await list_libraries(self._workspace.settings)]
                await reply.say(messages.no_library(name, there))
            else:
                await self._find_or_ask(incoming, lease, engine, conversation, question, reply)

    async def _find_or_ask(
        self,
        incoming: Incoming,
        lease: Lease,
        engine: Engine,
        conversation: Conversation,
        question: str,
        reply: Reply | PrivateReply,
    ) -> None:
        if lease.job.attempts > 1 and (known := await self._known(conversation, question, lease)):
            await reply.finish(known)
        else:
            if incoming.place.direct and not conversation.messages:
                await self._entitle(incoming, question)
            talk = await overheard(self._web, incoming, question)
            ask = partial(
                self._workspace.conversations.ask, engine, conversation.id, question, door="slack", context=talk
            )
            await self._ask(partial(ask, caller=_caller(incoming)), reply)

    async def _conversation(self, incoming: Incoming, lease: Lease, library: str) -> tuple[Engine, Conversation]:
        """A thread stays with the library it began with; asking another one there is a conversation of its own."""
        key = events.conversation_key(events.under(incoming.place, lease.root or incoming.place.thread))
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

    async def _known(self, conversation: Conversation, question: str, lease: Lease) -> Shown | None:
        """The answer that an earlier attempt came to but could not show."""
        await self._workspace.conversations.release(conversation.id)
        said = await self._workspace.conversations.messages(conversation.id)
        for asked, answered in zip(reversed(said[:-1]), reversed(said[1:]), strict=True):
            if asked.role == "user" and asked.content == question and answered.answer and _since(asked.created, lease):
                return answered.answer
        return None

    async def _ask(self, ask: _Ask, reply: Reply | PrivateReply) -> None:
        """Ask until an answer comes; a thread that is busy and a backend that is down for a moment are waited for."""
        patience, pauses = time.monotonic() + _PATIENCE_SECONDS, iter(_AGAIN_SECONDS)
        while True:
            try:
                return await self._stream(ask, reply)
            except BusyError:
                if time.monotonic() > patience:
                    raise
                await asyncio.sleep(1)
            except BackendError as error:
                pause = next(pauses, None) if error.retryable else None
                if pause is None:
                    raise
                await asyncio.sleep(pause)

    async def _stream(self, ask: _Ask, reply: Reply | PrivateReply) -> None:
        """The first words are held back until more comes: alone, they say that there is no answer."""
        pieces: list[str] = []
        async with aclosing(ask()) as answering:
            async for event in answering:
                match event:
                    case Delta(text):
                        pieces.append(text)
                        if len(pieces) > 1:
                            await reply.show("".join(pieces))
                    case CitationEvent() if pieces:
                        await reply.show("".join(pieces))
                    case Done(answer):
                        self._finished(answer)
                        await reply.finish(serialize.answer(answer))

    async def _reply(self, incoming: Incoming, lease: Lease, me: str) -> Reply | PrivateReply:
        """A slash command has no message to answer under, so we post one; where we may not, the answer is private."""
        if incoming.kind != "command":
            return Reply(self._web, incoming.place, lease, me)
        try:
            if not lease.root:
                await lease.begin_thread(await self._root(incoming, lease, me))
        except SlackDownError:
            raise
        except SlackError as error:
            log.info("a command in %s is answered privately: %s", incoming.place.channel, error)
            return PrivateReply(incoming.response_url)
        return Reply(self._web, events.under(incoming.place, lease.root), lease, me)

    async def _root(self, incoming: Incoming, lease: Lease, me: str) -> str:
        key, question = lease.job.key, events.question(incoming)[0]
        if lease.job.attempts > 1 and (found := await posted(self._web, incoming.place, key, me)):
            return found[0]
        text = f"<@{incoming.place.user}> asks: {escape(shortened(question, 2_000))}"
        block = {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
        return await post(self._web, incoming.place, text, [block], key)

    async def _entitle(self, incoming: Incoming, question: str) -> None:
        """In the list of a person's conversations with the bot."""
        where = {"channel_id": incoming.place.channel, "thread_ts": incoming.place.thread}
        with suppress(SlackError):
            title = shortened(question, _TITLE)
            await self._web.call("assistant.threads.setTitle", patient=False, again=False, **where, title=title)


def hopeless(lease: Lease) -> bool:
    """Whether there is no point in trying to reach Slack any longer."""
    return time.time() - lease.job.created > _HOPELESS_SECONDS


def _caller(incoming: Incoming) -> str:
    return f"slack:{incoming.place.team}:{incoming.place.user}"


def _since(created: str, lease: Lease) -> bool:
    """Whether something was said after the message came in."""
    return datetime.fromisoformat(created).timestamp() >= lease.job.created - 0.001


def _ours(error: Exception) -> bool:
    return isinstance(error, ScholiastError)
