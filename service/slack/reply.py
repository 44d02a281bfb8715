"""An answer as it appears in a Slack thread: a status, a message that grows, and in the end the whole of it.

Grows by Slack's own streaming where the workspace has that, else by `chat.update`, no faster than Slack allows. What
was posted is noted at once, so that whoever takes the job over goes on with the same messages.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from service.slack import blocks, lost_and_found, mrkdwn, wording
from service.slack.blocks import Block, Shown
from service.slack.events import Place
from service.slack.lease import Lease, LostError
from service.slack.lost_and_found import metadata, post
from service.slack.quiet import log
from service.slack.web import SlackDownError, SlackError, Web

STREAM_SECONDS = 240.0
"""Slack ends a stream after five minutes, in the middle of a word."""

APPEND_SECONDS = 0.8
UPDATE_SECONDS = 1.5
PLACEHOLDER_AFTER_SECONDS = 1.5

_STATUS_SECONDS = 3.0
_NEVER_STREAMS = {"unknown_method", "not_allowed", "feature_not_enabled", "missing_scope", "not_allowed_token_type"}
_RETRY_SECONDS = (1.0, 3.0)


@dataclass
class _Message:
    """One message of the reply. `sent` is what a stream has been given."""

    ts: str
    streaming: bool = False
    sent: str = ""
    began: float = field(default_factory=time.monotonic)
    closed: bool = False


class Reply:
    """The answer to one message. Every method raises LostError when another worker has taken over, and SlackError."""

    def __init__(self, web: Web, place: Place, lease: Lease, me: str) -> None:
        """`me` is the bot; while it is empty, what an earlier attempt posted can't be told from what others said."""
        self._web, self._place, self._lease, self._me = web, place, lease, me
        self._messages = [_Message(ts, streaming=True) for ts in lease.posted]
        self._native = lease.job.attempts == 1
        self._not_before = 0.0
        self._busy = asyncio.Lock()
        self._waiting: asyncio.Task[None] | None = None

    async def working(self) -> None:
        """Show that the question has arrived; where there is no status, by a message after a moment."""
        async with self._busy:
            await self._take_up()
            if not self._messages and not await self._status(wording.WORKING):
                self._waiting = asyncio.create_task(self._placeholder())

    async def show(self, text: str) -> None:
        """The text so far, if it is time for that. While Slack is down nothing is shown before the whole."""
        async with self._busy:
            if time.monotonic() >= self._not_before:
                self._not_before = time.monotonic() + (APPEND_SECONDS if self._native else UPDATE_SECONDS)
                try:
                    await self._sync(text)
                except SlackDownError as error:
                    log.info("%s can't be shown yet: %s", self._lease.job.key, error)
                    self._not_before = math.inf

    async def finish(self, answer: Shown) -> None:
        """The whole answer. One that says that there is none is posted at once, not streamed."""
        async with self._busy:
            if not self._messages and answer["outcome"] not in ("answered", "partial"):
                self._native = False
            feet = [blocks.foot(answer), blocks.foot(answer, plain=True), []]
            await self._sync(answer["text"], feet)

    async def say(self, text: str) -> None:
        """Something that is no answer, in the place of whatever was shown. `text` is in Slack's markup already."""
        async with self._busy:
            self._cancel_placeholder()
            await self._take_up()
            section = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
            if self._messages:
                await self._update(self._messages[0], text, section)
            else:
                await self._post(text, section)
            await self._drop(1)

    async def leave(self) -> None:
        """Nothing more will come of this worker."""
        self._cancel_placeholder()

    async def _sync(self, text: str, feet: Sequence[list[Block]] = ()) -> None:
        """Bring the messages up to the text. With `feet` it is whole; the first of them that Slack takes ends it."""
        self._cancel_placeholder()
        parts = mrkdwn.parts(text)
        for number, part in enumerate(parts):
            ends = feet if number == len(parts) - 1 else [[]]
            if number == len(self._messages):
                await self._begin(part, ends)
            if ends:
                await self._end(self._messages[number], part, ends)
            else:
                await self._grow(self._messages[number], part)
        if feet:
            await self._drop(len(parts))

    async def _begin(self, part: str, feet: Sequence[list[Block]]) -> None:
        if self._native and self._web.streams and await self._start_stream(part):
            return
        self._native = False
        await self._shown(part, feet, lambda shown: self._post(mrkdwn.mrkdwn(part), shown))
        self._messages[-1].closed = bool(feet)

    async def _start_stream(self, part: str) -> bool:
        """Whether the workspace let us. When it is not known, what may have come of it is looked for."""
        place, words = self._place, mrkdwn.streamed(part)
        whom = {"recipient_user_id": place.user, "recipient_team_id": place.user_team}
        where = {"channel": place.channel, "thread_ts": place.thread}
        await self._lease.check()
        try:
            started = await self._web.call(
                "chat.startStream", patient=False, again=False, **where, **whom, markdown_text=words
            )
        except SlackDownError:
            return await self._recover()
        except SlackError as error:
            if error.code in _NEVER_STREAMS:
                self._web.without_streams()
            log.info("no stream in %s (%s); the answer is posted", place.channel, error)
            return False
        await self._add(_Message(started["ts"], streaming=True, sent=words))
        return True

    async def _grow(self, message: _Message, part: str) -> None:
        """Show more of a message, or leave it for the next time when Slack is busy."""
        try:
            if message.streaming and time.monotonic() - message.began > STREAM_SECONDS:
                await self._stop(message)
            if not message.streaming:
                await self._update(message, mrkdwn.mrkdwn(part), blocks.text(part), patient=False)
            elif more := _more(message, part):
                await self._call("chat.appendStream", message, patient=False, again=False, markdown_text=more)
                message.sent += more
        except SlackError as error:
            self._not_before = time.monotonic() + max(UPDATE_SECONDS, error.retry_after)
            if error.code != "ratelimited":
                log.info("message %s can't be streamed any further (%s); it is updated", message.ts, error)
                self._native = False
                await self._stop(message)

    async def _end(self, message: _Message, part: str, feet: Sequence[list[Block]]) -> None:
        """Complete a message for good."""
        if message.closed:
            return
        message.closed = True
        if message.streaming and await self._end_stream(message, part, feet[0]):
            return
        await self._stop(message)
        await self._shown(part, feet, lambda shown: self._update(message, mrkdwn.mrkdwn(part), shown))

    async def _shown(
        self, part: str, feet: Sequence[list[Block]], show: Callable[[list[Block]], Awaitable[None]]
    ) -> None:
        """Plainer blocks, and in the end none, are for workspaces that don't know the newer ones or refuse a link."""
        for number, foot in enumerate(feet or [[]]):
            try:
                return await show([*blocks.text(part), *foot])
            except SlackError as error:
                if error.code != "invalid_blocks":
                    raise
                log.warning("Slack refuses the blocks of %s (%d); trying plainer ones", self._lease.job.key, number)
        return await show([])

    async def _end_stream(self, message: _Message, part: str, foot: list[Block]) -> bool:
        """Whether the stream has become exactly the part."""
        more = _more(message, part)
        if more is None:
            return False
        extras: dict[str, Any] = {"metadata": metadata(self._lease.job.key)}
        extras |= {"markdown_text": more} if more else {}
        extras |= {"blocks": foot} if foot else {}
        try:
            await self._call("chat.stopStream", message, again=False, **extras)
        except SlackError as error:
            log.info("stream %s did not end well (%s); its message is updated", message.ts, error)
            return False
        message.streaming = False
        return True

    async def _stop(self, message: _Message) -> None:
        """End a stream as it is, so that its message can be updated; it may have ended by itself."""
        if message.streaming:
            message.streaming = False
            with suppress(SlackError):
                await self._call("chat.stopStream", message, again=False)

    async def _take_up(self) -> None:
        """What is there already, from this attempt or an earlier one, is from now on updated."""
        if self._lease.job.attempts > 1 and not self._messages:
            await self._recover()
        for message in self._messages:
            await self._stop(message)

    async def _update(self, message: _Message, text: str, shown: list[Block], *, patient: bool = True) -> None:
        await self._call("chat.update", message, patient=patient, text=text, blocks=shown)

    async def _post(self, text: str, shown: list[Block]) -> None:
        """A new message. When Slack breaks, it is looked for before it is posted again."""
        for pause in (*_RETRY_SECONDS, None):
            await self._lease.check()
            try:
                ts = await post(self._web, self._place, text, shown, self._lease.job.key)
                return await self._add(_Message(ts))
            except SlackDownError:
                if pause is None:
                    raise
            await asyncio.sleep(pause)
            if await self._recover():
                return await self._update(self._messages[-1], text, shown)
        return None

    async def _add(self, message: _Message) -> None:
        self._messages.append(message)
        try:
            await self._lease.record([known.ts for known in self._messages])
        except LostError:
            with suppress(SlackError):  # it was posted a moment too late
                await self._web.call("chat.delete", channel=self._place.channel, ts=message.ts)
            raise

    async def _drop(self, keep: int) -> None:
        """Messages that are no longer needed."""
        for message in self._messages[keep:]:
            with suppress(SlackError):
                await self._call("chat.delete", message)
        del self._messages[keep:]

    async def _recover(self) -> bool:
        """Find a message that was posted but could not be noted any more; whether there was one."""
        known = {message.ts for message in self._messages} | await self._lease.others()
        for ts in await lost_and_found.posted(self._web, self._place, self._lease.job.key, self._me):
            if ts not in known:
                message = _Message(ts, streaming=True)
                await self._add(message)
                await self._stop(message)
                return True
        return False

    async def _placeholder(self) -> None:
        await asyncio.sleep(PLACEHOLDER_AFTER_SECONDS)
        async with self._busy:
            if not self._messages:
                self._native = False
                with suppress(SlackError, LostError):
                    await self._post(wording.WAITING, blocks.text(wording.WAITING))

    async def _status(self, status: str) -> bool:
        """Whether it is shown. Slack takes it away with the first message."""
        where = {"channel_id": self._place.channel, "thread_ts": self._place.thread}
        try:
            async with asyncio.timeout(_STATUS_SECONDS):
                await self._web.call("assistant.threads.setStatus", patient=False, again=False, **where, status=status)
        except (SlackError, TimeoutError) as error:
            log.debug("no status in %s: %s", self._place.channel, error)
            return False
        return True

    def _cancel_placeholder(self) -> None:
        if self._waiting and self._waiting is not asyncio.current_task():
            self._waiting.cancel()

    async def _call(self, method: str, message: _Message, **arguments: Any) -> None:
        await self._lease.check()
        await self._web.call(method, channel=self._place.channel, ts=message.ts, **arguments)


def _more(message: _Message, part: str) -> str | None:
    """What a stream still lacks; None when it has said something else."""
    words = mrkdwn.streamed(part)
    return words[len(message.sent) :] if words.startswith(message.sent) else None
