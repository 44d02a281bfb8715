"""The bot put together: what takes messages in, what answers them, and what both share."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_sdk.signature import SignatureVerifier
from starlette.requests import Request
from starlette.responses import Response

from rag.types import Answer
from rag.workspace import Workspace
from service.slack.answer import Answerer
from service.slack.bolt import bolt_app
from service.slack.client import Web
from service.slack.logging import log
from service.slack.receive import Intake
from service.slack.worker import Worker


class Bot:
    """Answers as long as it is open."""

    def __init__(self, workspace: Workspace, finished: Callable[[Answer], None] = lambda _: None) -> None:
        """`finished` is told of every answer. Raises ConfigError."""
        settings = workspace.settings
        token, secret = settings.slack_bot_token.get_secret_value(), settings.slack_signing_secret.get_secret_value()
        self.web = Web(token, settings.slack_api_url)
        self._worker = Worker(workspace.jobs, Answerer(workspace, self.web, finished).answer)
        self._intake = Intake(workspace, self.web, self._worker.wake)
        self.bolt = bolt_app(self._intake, token, secret, settings.slack_api_url)
        self._verifier = SignatureVerifier(secret) if secret else None
        self._handler = AsyncSlackRequestHandler(self.bolt)
        self._tasks: list[asyncio.Task[object]] = []

    async def open(self) -> None:
        """Begin to answer, first what was left unanswered."""
        await self.web.open()
        self._tasks = [asyncio.create_task(self.web.me()), asyncio.create_task(self._worker.run())]

    async def close(self) -> None:
        """End what is under way, and leave the rest to others."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await self._intake.close()
        await self.web.close()

    def trusts(self, body: bytes, timestamp: str, signature: str) -> bool:
        """Whether Slack signed the request within the last five minutes."""
        try:
            return self._verifier is not None and self._verifier.is_valid(body, timestamp, signature)
        except (ValueError, TypeError):  # no number, no UTF-8, no ASCII
            return False

    async def handle(self, request: Request) -> Response:
        """Answer a request of Slack's that is trusted."""
        try:
            return await self._handler.handle(request)
        except (ValueError, TypeError, AttributeError) as error:  # Bolt expects an object, in UTF-8
            log.error("a signed request can't be read: %s", error)
            return Response(status_code=400)
