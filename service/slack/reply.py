"""A reply in Slack: in a thread, where it grows from a status to the whole answer, or ephemeral, for one person.

In a thread the text grows by Slack's own streaming where the workspace has it, otherwise by `chat.update`, no faster
than Slack allows.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from slack_sdk.webhook.async_client import AsyncWebhookClient

from service.lease import Lease, LeaseLostError
from service.slack import messages, render
from service.slack.client import SlackClient, SlackDownError, SlackError, log
from service.slack.events import Place
from service.slack.posts import Post, Posts
from service.slack.render import AnswerJson, Block

APPEND_SECONDS = 0.8
UPDATE_SECONDS = 1.5
PLACEHOLDER_AFTER_SECONDS = 1.5

_STATUS_SECONDS = 3.0


class ThreadReply:
    """The reply to one message, in its thread.

    Every method raises LeaseLostError when another worker has taken over, and SlackError.
    """

    def __init__(self, client: SlackClient, place: Place, lease: Lease, bot_id: str) -> None:
        """Without a `bot_id`, what an earlier attempt posted can't be told from what others said."""
        self._client, self._place, self._job = client, place, lease.job.key
        self._posts = Posts(client, place, lease, bot_id)
        self._may_stream = lease.job.attempts == 1
        self._next_update = 0.0
        self._lock = asyncio.Lock()
        self._placeholder: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Show that the question has arrived: by a status or, where there is none, by a message after a moment."""
        async with self._lock:
            await self._posts.resume()
            if not self._posts.all and not await self._set_status(messages.STATUS):
                self._placeholder = asyncio.create_task(self._post_placeholder())

    async def update(self, text: str) -> None:
        """Show the text so far, if enough time has passed. Once Slack is down, nothing is shown before the end."""
        async with self._lock:
            if time.monotonic() >= self._next_update:
                self._next_update = time.monotonic() + (APPEND_SECONDS if self._may_stream else UPDATE_SECONDS)
                try:
                    await self._sync(text)
                except SlackDownError as error:
                    log.info("%s can't be shown yet: %s", self._job, error)
                    self._next_update = math.inf

    async def finish(self, answer: AnswerJson) -> None:
        """Show the whole answer. A refusal of which nothing is shown yet is posted, not streamed."""
        async with self._lock:
            if not self._posts.all and answer["outcome"] not in ("answered", "partial"):
                self._may_stream = False
            footers = [render.footer(answer), render.footer(answer, plain=True), []]
            await self._sync(answer["text"], footers)

    async def say(self, text: str) -> None:
        """Replace everything shown so far by a text that is no answer, in mrkdwn already."""
        async with self._lock:
            self._cancel_placeholder()
            await self._posts.resume()
            blocks = [render.section(text)]
            if self._posts.all:
                await self._posts.update(self._posts.all[0], text, blocks)
            else:
                await self._posts.post(text, blocks)
            await self._posts.truncate(1)

    async def show(self, markdown: str) -> None:
        """Post a text that is no answer, in as many messages as it needs."""
        async with self._lock:
            self._may_stream = False
            await self._posts.resume()
            await self._sync(markdown, [[]])

    async def close(self) -> None:
        """Stop what still runs in the background."""
        self._cancel_placeholder()

    async def _sync(self, text: str, footers: Sequence[list[Block]] = ()) -> None:
        """Bring the messages up to the text. With `footers` it is whole and ends in the first that Slack accepts."""
        self._cancel_placeholder()
        parts = render.split(text)
        for number, part in enumerate(parts):
            endings = footers if number == len(parts) - 1 else [[]]
            if number == len(self._posts.all):
                await self._begin(part, endings)
            if endings:
                await self._complete(self._posts.all[number], part, endings)
            else:
                await self._grow(self._posts.all[number], part)
        if footers:
            await self._posts.truncate(len(parts))

    async def _begin(self, part: str, footers: Sequence[list[Block]]) -> None:
        if self._may_stream and await self._posts.start_stream(part):
            return
        self._may_stream = False
        await self._show(part, footers, lambda blocks: self._posts.post(render.mrkdwn(part), blocks))
        self._posts.all[-1].complete = bool(footers)

    async def _grow(self, post: Post, part: str) -> None:
        """Show more of a message; when Slack is busy, that waits for the next update."""
        try:
            if post.stream_expires:
                await self._posts.stop(post)
            if not post.streaming:
                await self._posts.update(post, render.mrkdwn(part), render.text_blocks(part), wait_on_limit=False)
            elif remainder := post.remainder(part):
                await self._posts.append(post, remainder)
        except SlackError as error:
            self._next_update = time.monotonic() + max(UPDATE_SECONDS, error.retry_after)
            if error.code != "ratelimited":
                log.info("message %s can't be streamed any further (%s); it is updated", post.ts, error)
                self._may_stream = False
                await self._posts.stop(post)

    async def _complete(self, post: Post, part: str, footers: Sequence[list[Block]]) -> None:
        if post.complete:
            return
        post.complete = True
        if post.streaming and await self._posts.end_stream(post, part, footers[0]):
            return
        await self._posts.stop(post)
        await self._show(part, footers, lambda blocks: self._posts.update(post, render.mrkdwn(part), blocks))

    async def _show(
        self, part: str, footers: Sequence[list[Block]], send: Callable[[list[Block]], Awaitable[None]]
    ) -> None:
        """Try plainer blocks, and in the end none, where a workspace refuses a link or does not know the newer ones."""
        for number, footer in enumerate(footers or [[]]):
            try:
                return await send([*render.text_blocks(part), *footer])
            except SlackError as error:
                if error.code != "invalid_blocks":
                    raise
                log.warning("Slack refuses the blocks of %s (%d); trying plainer ones", self._job, number)
        return await send([])

    async def _post_placeholder(self) -> None:
        await asyncio.sleep(PLACEHOLDER_AFTER_SECONDS)
        async with self._lock:
            if not self._posts.all:
                self._may_stream = False
                with suppress(SlackError, LeaseLostError):
                    await self._posts.post(messages.PLACEHOLDER, render.text_blocks(messages.PLACEHOLDER))

    async def _set_status(self, status: str) -> bool:
        """Whether Slack shows it; Slack removes it with the first message."""
        thread = {"channel_id": self._place.channel, "thread_ts": self._place.thread}
        try:
            async with asyncio.timeout(_STATUS_SECONDS):
                await self._client.call(
                    "assistant.threads.setStatus", wait_on_limit=False, retry=False, **thread, status=status
                )
        except (SlackError, TimeoutError) as error:
            log.debug("no status in %s: %s", self._place.channel, error)
            return False
        return True

    def _cancel_placeholder(self) -> None:
        if self._placeholder and self._placeholder is not asyncio.current_task():
            self._placeholder.cancel()


class EphemeralReply:
    """A reply that only the person who asked can see, sent to the response URL of a slash command when it is whole."""

    def __init__(self, response_url: str) -> None:
        self._webhook = AsyncWebhookClient(response_url, logger=log)

    async def start(self) -> None:
        """Nothing to show: the command was acknowledged with a text."""

    async def update(self, text: str) -> None:
        """Nothing is shown before the answer is whole."""

    async def finish(self, answer: AnswerJson) -> None:
        """Send the whole answer, in as many messages as it needs. Raises SlackError."""
        *parts, last = render.split(answer["text"])
        for part in parts:
            await self._send(render.mrkdwn(part), render.text_blocks(part))
        text, blocks = render.mrkdwn(last), render.text_blocks(last)
        try:
            await self._send(text, [*blocks, *render.footer(answer)])
        except SlackDownError:
            raise
        except SlackError:
            await self._send(text, [*blocks, *render.footer(answer, plain=True)])

    async def say(self, text: str) -> None:
        """Send a text that is no answer, in mrkdwn already. Raises SlackError."""
        await self._send(text, [render.section(text)])

    async def show(self, markdown: str) -> None:
        """Send a text that is no answer, in as many messages as it needs. Raises SlackError."""
        for part in render.split(markdown):
            await self._send(render.mrkdwn(part), render.text_blocks(part))

    async def close(self) -> None:
        """Nothing runs in the background."""

    async def _send(self, text: str, blocks: list[Block]) -> None:
        try:
            sent = await self._webhook.send(text=text, blocks=blocks, response_type="ephemeral")
        except Exception as error:  # whatever the HTTP client raises; its text may show the URL
            raise SlackDownError("response_url", type(error).__name__) from None
        if sent.status_code >= 500:
            raise SlackDownError("response_url", f"status {sent.status_code}")
        if sent.status_code != 200:
            raise SlackError("response_url", f"status {sent.status_code}")


Reply = ThreadReply | EphemeralReply


async def notify_asker(client: SlackClient, place: Place, text: str) -> None:
    """Tell only the person who asked: in the channel, else by direct message, else the text goes to the log."""
    attempts: tuple[dict[str, Any], ...] = (
        {"method": "chat.postEphemeral", "channel": place.channel, "user": place.user},
        {"method": "chat.postMessage", "channel": place.user},
    )
    for attempt in attempts:
        with suppress(SlackError):
            await client.call(**attempt, text=text)
            return
    log.error("nobody could be told in %s: %s", place.channel, text)
