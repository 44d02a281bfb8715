"""The messages of one reply in a Slack thread: posted, streamed, updated and deleted.

What was posted is noted at once, so that whoever takes the job over goes on with the same messages.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from service.slack import recovery, render
from service.slack.blocks import Block
from service.slack.client import SlackDownError, SlackError, Web
from service.slack.events import Place
from service.slack.lease import Lease, LostError
from service.slack.logging import log

STREAM_SECONDS = 240.0
"""Slack ends a stream after five minutes, in the middle of a word."""

_NEVER_STREAMS = {"unknown_method", "not_allowed", "feature_not_enabled", "missing_scope", "not_allowed_token_type"}
_RETRY_SECONDS = (1.0, 3.0)


@dataclass
class Post:
    """One message of the reply. `sent` is what a stream has been given, `closed` says that it is whole."""

    ts: str
    streaming: bool = False
    sent: str = ""
    began: float = field(default_factory=time.monotonic)
    closed: bool = False

    @property
    def too_long_open(self) -> bool:
        """Whether Slack will soon end its stream."""
        return self.streaming and time.monotonic() - self.began > STREAM_SECONDS

    def lacks(self, part: str) -> str | None:
        """What a stream still needs to say a part; None when it has said something else."""
        words = render.streamed(part)
        return words[len(self.sent) :] if words.startswith(self.sent) else None


class Posts:
    """In the order of the thread, in `all`. Every method raises LostError when another worker has taken over, and
    SlackError."""

    def __init__(self, web: Web, place: Place, lease: Lease, me: str) -> None:
        """`me` is the bot; while it is empty, what an earlier attempt posted can't be told from what others said."""
        self._web, self._place, self._lease, self._me = web, place, lease, me
        self.all = [Post(ts, streaming=True) for ts in lease.posted]

    async def take_up(self) -> None:
        """What is there already, from this attempt or an earlier one, is from now on updated."""
        if self._lease.job.attempts > 1 and not self.all:
            await self._recover()
        for post in self.all:
            await self.stop(post)

    async def post(self, text: str, shown: list[Block]) -> None:
        """A new message. When Slack breaks, it is looked for before it is posted again."""
        for pause in (*_RETRY_SECONDS, None):
            await self._lease.check()
            try:
                ts = await recovery.post(self._web, self._place, text, shown, self._lease.job.key)
                return await self._add(Post(ts))
            except SlackDownError:
                if pause is None:
                    raise
            await asyncio.sleep(pause)
            if await self._recover():
                return await self.update(self.all[-1], text, shown)
        return None

    async def update(self, post: Post, text: str, shown: list[Block], *, patient: bool = True) -> None:
        """Other words in the place of those that are there."""
        await self._call("chat.update", post, patient=patient, text=text, blocks=shown)

    async def start_stream(self, part: str) -> bool:
        """Whether the workspace let us. When it is not known, what may have come of it is looked for."""
        if not self._web.streams:
            return False
        place, words = self._place, render.streamed(part)
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
        await self._add(Post(started["ts"], streaming=True, sent=words))
        return True

    async def append(self, post: Post, words: str) -> None:
        """More words for a stream."""
        await self._call("chat.appendStream", post, patient=False, again=False, markdown_text=words)
        post.sent += words

    async def end_stream(self, post: Post, part: str, foot: list[Block]) -> bool:
        """Whether the stream has become exactly the part."""
        more = post.lacks(part)
        if more is None:
            return False
        extras: dict[str, Any] = {"metadata": recovery.metadata(self._lease.job.key)}
        extras |= {"markdown_text": more} if more else {}
        extras |= {"blocks": foot} if foot else {}
        try:
            await self._call("chat.stopStream", post, again=False, **extras)
        except SlackError as error:
            log.info("stream %s did not end well (%s); its message is updated", post.ts, error)
            return False
        post.streaming = False
        return True

    async def stop(self, post: Post) -> None:
        """End a stream as it is, so that its message can be updated; it may have ended by itself."""
        if post.streaming:
            post.streaming = False
            with suppress(SlackError):
                await self._call("chat.stopStream", post, again=False)

    async def keep(self, number: int) -> None:
        """Delete those that are no longer needed after the first ones."""
        for post in self.all[number:]:
            with suppress(SlackError):
                await self._call("chat.delete", post)
        del self.all[number:]

    async def _add(self, post: Post) -> None:
        self.all.append(post)
        try:
            await self._lease.record([known.ts for known in self.all])
        except LostError:
            with suppress(SlackError):  # it was posted a moment too late
                await self._web.call("chat.delete", channel=self._place.channel, ts=post.ts)
            raise

    async def _recover(self) -> bool:
        """Find a message that was posted but could not be noted any more; whether there was one."""
        known = {post.ts for post in self.all} | await self._lease.others()
        for ts in await recovery.posted(self._web, self._place, self._lease.job.key, self._me):
            if ts not in known:
                post = Post(ts, streaming=True)
                await self._add(post)
                await self.stop(post)
                return True
        return False

    async def _call(self, method: str, post: Post, **arguments: Any) -> None:
        await self._lease.check()
        await self._web.call(method, channel=self._place.channel, ts=post.ts, **arguments)
