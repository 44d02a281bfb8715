"""The Slack bot: a Bolt app whose listeners store what Slack sends, and the worker that answers it."""

import asyncio
import re
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient
from starlette.requests import Request
from starlette.responses import Response

from rag.types import Answer
from rag.workspace import Workspace
from service.limits import CallerLimits
from service.slack.answer import Answerer, Place
from service.slack.client import SlackClient, log
from service.slack.receive import Receiver
from service.slack.render import FEEDBACK, REFERENCES
from service.slack.worker import Worker

_ANY = re.compile(".*")
_MALFORMED = (AttributeError, LookupError, TypeError, ValueError)
"""What reading a body raises that has not the shape that Slack documents."""


class Bot:
    """Receives and answers while it is open."""

    def __init__(
        self,
        workspace: Workspace,
        limits: CallerLimits,
        on_answer: Callable[[Answer], None] = lambda _: None,
        turn: Place = nullcontext,
    ) -> None:
        """`limits` are those of each person; `on_answer` is called with every finished answer.

        `turn` is where an answer waits for its place among those of other doors. Raises ConfigError.
        """
        settings = workspace.settings
        token, secret = settings.slack_bot_token.get_secret_value(), settings.slack_signing_secret.get_secret_value()
        self.client = SlackClient(token, settings.slack_api_url)
        self._worker = Worker(workspace.jobs, Answerer(workspace, self.client, limits, on_answer, turn).answer)
        self._receiver = Receiver(workspace, self.client, self._worker.wake)
        self.bolt = _bolt_app(self._receiver, token, secret, settings.slack_api_url)
        self._verifier = SignatureVerifier(secret) if secret else None
        self._handler = AsyncSlackRequestHandler(self.bolt)
        self._tasks: list[asyncio.Task[object]] = []

    async def open(self) -> None:
        """Start the worker, which first answers what was left unanswered."""
        await self.client.open()
        self._tasks = [asyncio.create_task(self.client.bot_id()), asyncio.create_task(self._worker.run())]

    async def close(self) -> None:
        """Stop the worker; jobs that are not finished are left to other workers."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await self._receiver.close()
        await self.client.close()

    def is_signed(self, body: bytes, timestamp: str, signature: str) -> bool:
        """Whether Slack signed the request within the last five minutes."""
        try:
            return self._verifier is not None and self._verifier.is_valid(body, timestamp, signature)
        except (ValueError, TypeError):  # no number, no UTF-8, no ASCII
            return False

    async def handle(self, request: Request) -> Response:
        """Answer a request whose signature was checked."""
        try:
            return await self._handler.handle(request)
        except _MALFORMED as error:  # Bolt expects an object, in UTF-8
            log.error("a signed request can't be read: %s", error)
            return Response(status_code=400)


def _bolt_app(receiver: Receiver, token: str, signing_secret: str, api_url: str) -> AsyncApp:
    """Requests are acknowledged once they are stored: one that can't be is answered 500, and Slack sends it again.

    Slack is not called before a message is stored, so none is lost while its API is down. `signing_secret` is empty
    for Socket Mode, where requests come over a connection that we opened.
    """

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    app = AsyncApp(
        logger=log,
        name="scholiast",
        client=AsyncWebClient(base_url=api_url, logger=log),
        authorize=authorize,
        signing_secret=signing_secret or "Socket Mode signs nothing",
        process_before_response=True,
        ignoring_self_events_enabled=False,  # events.py ignores every bot, this one included
        ssl_check_enabled=False,  # it would let unsigned requests in
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    _add_listeners(app, receiver)
    return app


def _add_listeners(app: AsyncApp, receiver: Receiver) -> None:
    """A listener returns before Slack is answered, so it has to be quick."""

    @app.error
    async def _failed(error: Exception) -> BoltResponse:
        if not isinstance(error, _MALFORMED):
            raise error
        log.error("a signed request can't be read", exc_info=error)
        return BoltResponse(status=400)

    @app.event("app_mention")
    @app.event("message")
    async def _message(body: dict[str, Any]) -> None:
        await receiver.message(body)

    @app.event("app_home_opened")
    async def _home_opened(event: dict[str, Any]) -> None:
        if event.get("tab") == "messages":
            await receiver.opened(event["channel"])

    @app.event("assistant_thread_started")
    async def _thread_started(event: dict[str, Any]) -> None:
        thread = event["assistant_thread"]
        await receiver.opened(thread["channel_id"], thread.get("thread_ts", ""))

    @app.event(_ANY)
    async def _other_event() -> None:
        """Acknowledge every other event of the app's subscription: Slack would send it again and again."""

    @app.command(_ANY)
    async def _command(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(text=await receiver.command(body), response_type="ephemeral")

    @app.action(re.compile(f"^{FEEDBACK}"))
    async def _feedback(ack: AsyncAck, body: dict[str, Any]) -> None:
        await receiver.feedback(body)
        await ack()

    @app.action(REFERENCES)
    async def _references(ack: AsyncAck, body: dict[str, Any]) -> None:
        await receiver.references(body)
        await ack()

    @app.action(_ANY)
    async def _other_action(ack: AsyncAck) -> None:
        await ack()
