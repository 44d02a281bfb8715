"""The Bolt app: which of Slack's requests goes where. A listener returns before Slack is answered, and is quick."""

import re
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from service.slack.blocks import FEEDBACK
from service.slack.logging import log
from service.slack.receive import Intake

_ANYTHING = re.compile(".*")


def bolt_app(intake: Intake, token: str, signing_secret: str, api_url: str) -> AsyncApp:
    """Requests are acknowledged after they are kept: one that can't be kept is answered 500, and Slack sends it again.

    Nothing is asked of Slack before a message is kept, so none is lost while its API is down. An empty
    `signing_secret` is for Socket Mode, where requests come over a connection of our own.
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
    _listen(app, intake)
    return app


def _listen(app: AsyncApp, intake: Intake) -> None:
    @app.event("app_mention")
    @app.event("message")
    async def _message(body: dict[str, Any]) -> None:
        await intake.message(body)

    @app.event("app_home_opened")
    async def _opened(event: dict[str, Any]) -> None:
        if event.get("tab") == "messages":
            await intake.opened(event["channel"])

    @app.event("assistant_thread_started")
    async def _started(event: dict[str, Any]) -> None:
        thread = event["assistant_thread"]
        await intake.opened(thread["channel_id"], thread.get("thread_ts", ""))

    @app.event(_ANYTHING)
    async def _other() -> None:
        """Whatever else the app has been subscribed to; refused, Slack would send it again and again."""

    @app.command(_ANYTHING)
    async def _command(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(text=await intake.command(body), response_type="ephemeral")

    @app.action(re.compile(f"^{FEEDBACK}"))
    async def _feedback(ack: AsyncAck, body: dict[str, Any]) -> None:
        await intake.feedback(body)
        await ack()

    @app.action(_ANYTHING)
    async def _action(ack: AsyncAck) -> None:
        await ack()
