"""What happens before Slack is answered: a message is kept, a button press is noted. Nothing here takes long."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from rag.errors import NotFoundError, ScholiastError
from rag.workspace import Workspace
from service.slack import events, messages
from service.slack.client import SlackError, Web
from service.slack.events import Incoming
from service.slack.logging import log
from service.slack.render import escape, shortened

_PROMPTS = 3
_PROMPT_TITLE = 60


class Intake:
    """Takes in what Slack sends. Raises LibraryError when it can't be kept, so that Slack sends it again."""

    def __init__(self, workspace: Workspace, web: Web, wake: Callable[[], None]) -> None:
        """`wake` is called when there is something new among the jobs."""
        self._workspace, self._jobs, self._web, self._wake = workspace, workspace.jobs, web, wake
        # A thread of its own: embedding may keep all the others busy for longer than Slack waits.
        self._thread = ThreadPoolExecutor(1, "slack-intake")
        self._later: set[asyncio.Task[None]] = set()

    async def message(self, body: Mapping[str, Any]) -> None:
        """Keep a message that is for the bot."""
        if gone := events.deleted(body):
            await self._kept(self._jobs.withdraw, gone)
        elif (incoming := events.message(body, self._web.known_me)) and await self._kept(self._add, incoming):
            self._wake()

    async def command(self, body: Mapping[str, Any]) -> str:
        """Keep a question; what to say at once to the person who asked, in Slack's markup."""
        incoming = events.command(body)
        question, library = events.question(incoming)
        if not question or question.casefold() == "help":
            mapped = self._workspace.settings.library_of_channel.get(incoming.place.channel, "default")
            return messages.help_text(library or mapped, self._web.known_me)
        try:
            if await self._kept(self._add, incoming):
                self._wake()
        except ScholiastError as error:
            log.error("a command could not be kept: %s", error)
            return messages.NOT_TAKEN
        return f"Reading the abstracts for: {escape(shortened(question, 300))}"

    async def feedback(self, body: Mapping[str, Any]) -> None:
        """Note what somebody thinks of an answer, and thank them where nobody else sees it."""
        verdict, _, answer = str(body["actions"][0].get("value") or "").partition(":")
        if verdict not in ("good", "bad"):
            return
        user, team = body["user"]["id"], (body.get("team") or {}).get("id") or body["user"].get("team_id", "")
        try:
            await self._workspace.answers.judge(answer, f"slack:{team}:{user}", "good" if verdict == "good" else "bad")
            said = messages.NOTED[verdict]
        except NotFoundError:
            said = messages.FORGOTTEN
        except ScholiastError as error:
            log.error("what %s thinks of %s could not be noted: %s", user, answer, error)
            said = messages.NOT_NOTED
        self._soon(self._thank(body, user, said))

    async def opened(self, channel: str, thread: str = "") -> None:
        """Suggest questions to somebody who has opened the bot's view."""
        self._soon(self._suggest(channel, thread))

    async def close(self) -> None:
        """Let what was put off end."""
        if self._later:
            await asyncio.wait(self._later, timeout=5)
        self._thread.shutdown(wait=False)

    async def _kept(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _add(self, incoming: Incoming) -> bool:
        """Blocks. A follow-up without a mention counts only in a thread that the bot is part of."""
        if incoming.kind == "follow_up" and not self._ours(incoming):
            return False
        return self._jobs.add(incoming.key, incoming.thread_key, incoming.payload())

    def _ours(self, incoming: Incoming) -> bool:
        if events.for_others(incoming):
            return False
        if incoming.under_mine or self._jobs.has(incoming.thread_key):
            return True
        # In a thread that others began, what is no question is between them.
        known = self._jobs.has_thread(incoming.thread_key) or self._workspace.conversations.has(incoming.thread_key)
        return known and ("?" in incoming.text or events.continues(incoming))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _thank(self, body: Mapping[str, Any], user: str, said: str) -> None:
        message = body.get("message") or body.get("container") or {}
        where = {"channel": (body.get("channel") or {}).get("id", ""), "user": user}
        where |= {"thread_ts": message["thread_ts"]} if message.get("thread_ts") else {}
        try:
            await self._web.call("chat.postEphemeral", **where, text=said)
        except SlackError as error:
            log.warning("%s could not be thanked: %s", user, error)

    async def _suggest(self, channel: str, thread: str) -> None:
        """Questions about papers that are there."""
        with suppress(ScholiastError):
            library = await self._workspace.library(self._workspace.settings.library_of_channel.get(channel, ""))
            titles = [shortened(paper.title, 150) for paper in await library.papers(0, _PROMPTS)]
            prompts = [
                {"title": shortened(title, _PROMPT_TITLE), "message": f"What does “{title}” show?"} for title in titles
            ]
            where: dict[str, Any] = {"channel_id": channel, **({"thread_ts": thread} if thread else {})}
            if prompts:
                with suppress(SlackError):
                    await self._web.call("assistant.threads.setSuggestedPrompts", **where, prompts=prompts)
