"""An answer as it appears in a Slack thread: a status, a message that grows, and in the end the whole of it.

Grows by Slack's own streaming where the workspace has that, else by `chat.update`, no faster than Slack allows.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from service.slack import blocks, messages, render
from service.slack.blocks import Block, Shown
from service.slack.client import SlackDownError, SlackError, Web
from service.slack.events import Place
from service.slack.lease import Lease, LostError
from service.slack.logging import log
from service.slack.posts import Post, Posts

APPEND_SECONDS = 0.8
UPDATE_SECONDS = 1.5
PLACEHOLDER_AFTER_SECONDS = 1.5

_STATUS_SECONDS = 3.0


class Reply:
    """The answer to one message. Every method raises LostError when another worker has taken over, and SlackError."""

    def __init__(self, web: Web, place: Place, lease: Lease, me: str) -> None:
        """`me` is the bot; while it is empty, what an earlier attempt posted can't be told from what others said."""
        self._web, self._place, self._job = web, place, lease.job.key
        self._posts = Posts(web, place, lease, me)
        self._native = lease.job.attempts == 1
        self._not_before = 0.0
        self._busy = asyncio.Lock()
        self._waiting: asyncio.Task[None] | None = None

    async def working(self) -> None:
        """Show that the question has arrived; where there is no status, by a message after a moment."""
        async with self._busy:
            await self._posts.take_up()
            if not self._posts.all and not await self._status(messages.WORKING):
                self._waiting = asyncio.create_task(self._placeholder())

    async def show(self, text: str) -> None:
        """The text so far, if it is time for that. While Slack is down nothing is shown before the whole."""
        async with self._busy:
            if time.monotonic() >= self._not_before:
                self._not_before = time.monotonic() + (APPEND_SECONDS if self._native else UPDATE_SECONDS)
                try:
                    await self._sync(text)
                except SlackDownError as error:
                    log.info("%s can't be shown yet: %s", self._job, error)
                    self._not_before = math.inf

    async def finish(self, answer: Shown) -> None:
        """The whole answer. One that says that there is none is posted at once, not streamed."""
        async with self._busy:
            if not self._posts.all and answer["outcome"] not in ("answered", "partial"):
                self._native = False
            feet = [blocks.foot(answer), blocks.foot(answer, plain=True), []]
            await self._sync(answer["text"], feet)

    async def say(self, text: str) -> None:
        """Something that is no answer, in the place of whatever was shown. `text` is in Slack's markup already."""
        async with self._busy:
            self._cancel_placeholder()
            await self._posts.take_up()
            section = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
            if self._posts.all:
                await self._posts.update(self._posts.all[0], text, section)
            else:
                await self._posts.post(text, section)
            await self._posts.keep(1)

    async def leave(self) -> None:
        """Nothing more will come of this worker."""
        self._cancel_placeholder()

    async def _sync(self, text: str, feet: Sequence[list[Block]] = ()) -> None:
        """Bring the messages up to the text. With `feet` it is whole; the first of them that Slack takes ends it."""
        self._cancel_placeholder()
        parts = render.parts(text)
        for number, part in enumerate(parts):
            ends = feet if number == len(parts) - 1 else [[]]
            if number == len(self._posts.all):
                await self._begin(part, ends)
            if ends:
                await self._end(self._posts.all[number], part, ends)
            else:
                await self._grow(self._posts.all[number], part)
        if feet:
            await self._posts.keep(len(parts))

    async def _begin(self, part: str, feet: Sequence[list[Block]]) -> None:
        if self._native and await self._posts.start_stream(part):
            return
        self._native = False
        await self._shown(part, feet, lambda shown: self._posts.post(render.mrkdwn(part), shown))
        self._posts.all[-1].closed = bool(feet)

    async def _grow(self, post: Post, part: str) -> None:
        """Show more of a message, or leave it for the next time when Slack is busy."""
        try:
            if post.too_long_open:
                await self._posts.stop(post)
            if not post.streaming:
                await self._posts.update(post, render.mrkdwn(part), blocks.text(part), patient=False)
            elif more := post.lacks(part):
                await self._posts.append(post, more)
        except SlackError as error:
            self._not_before = time.monotonic() + max(UPDATE_SECONDS, error.retry_after)
            if error.code != "ratelimited":
                log.info("message %s can't be streamed any further (%s); it is updated", post.ts, error)
                self._native = False
                await self._posts.stop(post)

    async def _end(self, post: Post, part: str, feet: Sequence[list[Block]]) -> None:
        """Complete a message for good."""
        if post.closed:
            return
        post.closed = True
        if post.streaming and await self._posts.end_stream(post, part, feet[0]):
            return
        await self._posts.stop(post)
        await self._shown(part, feet, lambda shown: self._posts.update(post, render.mrkdwn(part), shown))

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
                log.warning("Slack refuses the blocks of %s (%d); trying plainer ones", self._job, number)
        return await show([])

    async def _placeholder(self) -> None:
        await asyncio.sleep(PLACEHOLDER_AFTER_SECONDS)
        async with self._busy:
            if not self._posts.all:
                self._native = False
                with suppress(SlackError, LostError):
                    await self._posts.post(messages.WAITING, blocks.text(messages.WAITING))

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
