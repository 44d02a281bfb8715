"""Receives what Slack sends, before it is acknowledged: messages and requests for references as jobs, and feedback."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from rag.errors import NotFoundError, ScholiastError
from rag.workspace import DEFAULT_LIBRARY, Workspace
from service.slack import events, messages
from service.slack.client import SlackClient, SlackError, log
from service.slack.events import IncomingMessage
from service.slack.render import escape, shorten

_PROMPTS = 3
_PROMPT_TITLE_CHARACTERS = 60


class Receiver:
    """Stores what Slack sends. Raises LibraryError when it can't be stored, so that Slack sends it again."""

    def __init__(self, workspace: Workspace, client: SlackClient, wake: Callable[[], None]) -> None:
        """`wake` is called when there is a new job."""
        self._workspace, self._jobs, self._client, self._wake = workspace, workspace.jobs, client, wake
        # A thread of its own: embedding may keep all the others busy for longer than Slack waits.
        self._thread = ThreadPoolExecutor(1, "slack-receive")
        self._background: set[asyncio.Task[None]] = set()

    async def message(self, body: Mapping[str, Any]) -> None:
        """Store a message that is for the bot, or withdraw one that was deleted."""
        if key := events.deleted_key(body):
            await self._in_thread(self._jobs.withdraw, key)
        elif incoming := events.parse_message(body, self._client.known_bot_id):
            await self._store(incoming)

    async def command(self, body: Mapping[str, Any]) -> str:
        """Store the question of a slash command; returns what to tell the person at once, in mrkdwn."""
        incoming = events.parse_command(body)
        question, library = events.question(incoming)
        if not question or question.casefold() == "help":
            mapped = self._workspace.settings.library_of_channel.get(incoming.place.channel, DEFAULT_LIBRARY)
            return messages.help_text(library or mapped, self._client.known_bot_id)
        try:
            await self._store(incoming)
        except ScholiastError as error:
            log.error("a command could not be stored: %s", error)
            return messages.NOT_STORED
        return f"Reading the abstracts for: {escape(shorten(question, 300))}"

    async def feedback(self, body: Mapping[str, Any]) -> None:
        """Store somebody's verdict on an answer, and thank them by an ephemeral message."""
        verdict, _, answer = str(body["actions"][0].get("value") or "").partition(":")
        if verdict not in ("good", "bad"):
            return
        user, team = body["user"]["id"], (body.get("team") or {}).get("id") or body["user"].get("team_id", "")
        try:
            await self._workspace.answers.judge(answer, f"slack:{team}:{user}", "good" if verdict == "good" else "bad")
            text = messages.FEEDBACK_STORED[verdict]
        except NotFoundError:
            text = messages.ANSWER_DELETED
        except ScholiastError as error:
            log.error("feedback of %s on %s could not be stored: %s", user, answer, error)
            text = messages.FEEDBACK_FAILED
        self._start(self._thank(body, user, text))

    async def references(self, body: Mapping[str, Any]) -> None:
        """Store somebody's request for the references of an answer; when it was asked before, nothing happens."""
        try:
            await self._store(events.parse_references(body))
        except ScholiastError as error:
            log.error("a request for references could not be stored: %s", error)
            self._start(self._thank(body, body["user"]["id"], messages.REFERENCES_NOT_STORED))

    async def opened(self, channel: str, thread: str = "") -> None:
        """Suggest questions to somebody who has opened the bot's view."""
        self._start(self._suggest(channel, thread))

    async def close(self) -> None:
        """Let what runs in the background finish, for at most five seconds."""
        if self._background:
            await asyncio.wait(self._background, timeout=5)
        self._thread.shutdown(wait=False)

    async def _store(self, incoming: IncomingMessage) -> None:
        if await self._in_thread(self._add, incoming):
            self._wake()

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _add(self, incoming: IncomingMessage) -> bool:
        """Whether there is a new job. Blocks."""
        if incoming.kind == "follow_up" and not self._is_for_bot(incoming):
            return False
        return self._jobs.add(incoming.key, incoming.thread_key, incoming.payload())

    def _is_for_bot(self, incoming: IncomingMessage) -> bool:
        """A follow-up without a mention is for the bot if it is a question in a thread that the bot is part of."""
        if events.is_for_others(incoming) or not events.reads_as_question(incoming):
            return False
        if incoming.under_mine:
            return True
        key = incoming.thread_key
        return self._jobs.has(key) or self._jobs.has_thread(key) or self._workspace.conversations.has(key)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _thank(self, body: Mapping[str, Any], user: str, text: str) -> None:
        message = body.get("message") or body.get("container") or {}
        where = {"channel": (body.get("channel") or {}).get("id", ""), "user": user}
        where |= {"thread_ts": message["thread_ts"]} if message.get("thread_ts") else {}
        try:
            await self._client.call("chat.postEphemeral", **where, text=text)
        except SlackError as error:
            log.warning("%s could not be thanked: %s", user, error)

    async def _suggest(self, channel: str, thread: str) -> None:
        """Prompts about papers of the channel's library."""
        with suppress(ScholiastError):
            library = await self._workspace.library(self._workspace.settings.library_of_channel.get(channel, ""))
            titles = [shorten(paper.title, 150) for paper in await library.papers(0, _PROMPTS)]
            prompts = [
                {"title": shorten(title, _PROMPT_TITLE_CHARACTERS), "message": f"What does “{title}” show?"}
                for title in titles
            ]
            where: dict[str, Any] = {"channel_id": channel, **({"thread_ts": thread} if thread else {})}
            if prompts:
                with suppress(SlackError):
                    await self._client.call("assistant.threads.setSuggestedPrompts", **where, prompts=prompts)
