"""The messages of one reply in a Slack thread: posted, streamed, updated, deleted, and found again after a crash.

Each message is recorded as soon as it is posted, so that another worker that takes the job over continues with the same
messages. It also carries the key of its job, so that one posted just before a crash, and not recorded, is found.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from service.lease import Lease, LeaseLostError
from service.slack import render
from service.slack.client import SlackClient, SlackDownError, SlackError, log
from service.slack.events import Place
from service.slack.render import Block

STREAM_SECONDS = 240.0
"""Slack ends a stream after five minutes, in the middle of a word."""

_NO_STREAMS = {"unknown_method", "not_allowed", "feature_not_enabled", "missing_scope", "not_allowed_token_type"}
_RETRY_SECONDS = (1.0, 3.0)
_EVENT_TYPE = "scholiast_answer"
_PAGE = 200


@dataclass
class Post:
    """One message of the reply. `sent` is what its stream has received, `complete` says that it won't change again."""

    ts: str
    streaming: bool = False
    sent: str = ""
    began: float = field(default_factory=time.monotonic)
    complete: bool = False

    @property
    def stream_expires(self) -> bool:
        """Whether Slack will soon end its stream."""
        return self.streaming and time.monotonic() - self.began > STREAM_SECONDS

    def remainder(self, part: str) -> str | None:
        """What its stream still needs to show a part of the answer; None when it has shown something else."""
        text = render.stream_markdown(part)
        return text[len(self.sent) :] if text.startswith(self.sent) else None


class Posts:
    """The messages in the order of the thread, in `all`.

    Every method raises LeaseLostError when another worker has taken over, and SlackError.
    """

    def __init__(self, client: SlackClient, place: Place, lease: Lease, bot_id: str) -> None:
        """Without a `bot_id`, what an earlier attempt posted can't be told from what others said."""
        self._client, self._place, self._lease, self._bot_id = client, place, lease, bot_id
        self.all = [Post(ts, streaming=True) for ts in lease.posted]

    async def resume(self) -> None:
        """End every stream, of this attempt or an earlier one: from now on the messages are updated."""
        if self._lease.job.attempts > 1 and not self.all:
            await self._recover()
        for post in self.all:
            await self.stop(post)

    async def post(self, text: str, blocks: list[Block]) -> None:
        """Post a new message. When Slack fails, the message is looked for before it is posted again."""
        for pause in (*_RETRY_SECONDS, None):
            await self._lease.check()
            try:
                ts = await post_message(self._client, self._place, text, blocks, self._lease.job.key)
                return await self._add(Post(ts))
            except SlackDownError:
                if pause is None:
                    raise
            await asyncio.sleep(pause)
            if await self._recover():
                return await self.update(self.all[-1], text, blocks)
        return None

    async def update(self, post: Post, text: str, blocks: list[Block], *, wait_on_limit: bool = True) -> None:
        """Replace what a message says."""
        await self._call("chat.update", post, wait_on_limit=wait_on_limit, text=text, blocks=blocks)

    async def start_stream(self, part: str) -> bool:
        """Begin a message as a stream; False when the workspace has none.

        When Slack fails, the message may be there all the same, so it is looked for.
        """
        if not self._client.streams:
            return False
        place, text = self._place, render.stream_markdown(part)
        recipient = {"recipient_user_id": place.user, "recipient_team_id": place.user_team}
        thread = {"channel": place.channel, "thread_ts": place.thread}
        await self._lease.check()
        try:
            started = await self._client.call(
                "chat.startStream", wait_on_limit=False, retry=False, **thread, **recipient, markdown_text=text
            )
        except SlackDownError:
            return await self._recover()
        except SlackError as error:
            if error.code in _NO_STREAMS:
                self._client.disable_streams()
            log.info("no stream in %s (%s); the answer is posted", place.channel, error)
            return False
        await self._add(Post(started["ts"], streaming=True, sent=text))
        return True

    async def append(self, post: Post, text: str) -> None:
        """Send more text to a stream."""
        await self._call("chat.appendStream", post, wait_on_limit=False, retry=False, markdown_text=text)
        post.sent += text

    async def end_stream(self, post: Post, part: str, footer: list[Block]) -> bool:
        """End a stream with the rest of the part and the footer; False when the message has to be updated instead."""
        remainder = post.remainder(part)
        if remainder is None:
            return False
        extras: dict[str, Any] = {"metadata": _metadata(self._lease.job.key)}
        extras |= {"markdown_text": remainder} if remainder else {}
        extras |= {"blocks": footer} if footer else {}
        try:
            await self._call("chat.stopStream", post, retry=False, **extras)
        except SlackError as error:
            log.info("stream %s did not end well (%s); its message is updated", post.ts, error)
            return False
        post.streaming = False
        return True

    async def stop(self, post: Post) -> None:
        """End a stream as it is, so that its message can be updated; Slack may have ended it already."""
        if post.streaming:
            post.streaming = False
            with suppress(SlackError):
                await self._call("chat.stopStream", post, retry=False)

    async def truncate(self, count: int) -> None:
        """Keep the first `count` messages and delete the others."""
        for post in self.all[count:]:
            with suppress(SlackError):
                await self._call("chat.delete", post)
        del self.all[count:]

    async def _add(self, post: Post) -> None:
        self.all.append(post)
        try:
            await self._lease.record([known.ts for known in self.all])
        except LeaseLostError:
            with suppress(SlackError):  # it was posted a moment too late
                await self._client.call("chat.delete", channel=self._place.channel, ts=post.ts)
            raise

    async def _recover(self) -> bool:
        """Find a message that was posted but not recorded; whether there was one."""
        known = {post.ts for post in self.all} | await self._lease.posted_by_others()
        for ts in await find_posted(self._client, self._place, self._lease.job.key, self._bot_id):
            if ts not in known:
                post = Post(ts, streaming=True)
                await self._add(post)
                await self.stop(post)
                return True
        return False

    async def _call(self, method: str, post: Post, **arguments: Any) -> None:
        await self._lease.check()
        await self._client.call(method, channel=self._place.channel, ts=post.ts, **arguments)


async def post_message(client: SlackClient, place: Place, text: str, blocks: list[Block], key: str) -> str:
    """Post a message that carries the key of its job; returns its timestamp. Raises SlackError."""
    content: dict[str, Any] = {"channel": place.channel, "text": text, "blocks": blocks, "metadata": _metadata(key)}
    if place.thread:
        content["thread_ts"] = place.thread
    posted = await client.call("chat.postMessage", retry=False, **content, unfurl_links=False, unfurl_media=False)
    return str(posted["ts"])


async def find_posted(client: SlackClient, place: Place, key: str, bot_id: str) -> list[str]:
    """Timestamps of the bot's messages in a thread that carry the key of a job, or no key at all; oldest first.

    Without a thread, as for a slash command, the channel is searched, and for the key alone.
    """
    if not bot_id:
        return []
    found: list[str] = []
    asked = _asked_ts(place, key)
    method = "conversations.replies" if place.thread else "conversations.history"
    where = {"channel": place.channel, "oldest": asked, "limit": _PAGE, "include_all_metadata": "true"}
    where |= {"ts": place.thread} if place.thread else {}
    try:
        async for message in client.pages(method, **where):
            owner = (message.get("metadata") or {}).get("event_payload", {}).get("job", key if place.thread else "")
            if message.get("user") == bot_id and owner == key and str(message["ts"]) > asked:
                found.append(str(message["ts"]))
    except SlackError as error:
        log.warning("what was posted for %s can't be looked for: %s", key, error)
    return sorted(found)


def _metadata(key: str) -> dict[str, Any]:
    return {"event_type": _EVENT_TYPE, "event_payload": {"job": key}}


def _asked_ts(place: Place, key: str) -> str:
    """When the question was asked; for a slash command and for references, when the thread began, or empty."""
    ts = key.rpartition(":")[2]
    return place.thread if ts.startswith(("command-", "references-")) else ts
