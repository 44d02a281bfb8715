"""The Slack findings of `scholiast doctor`: whether the tokens are valid, and which scopes the app lacks."""

from collections.abc import Mapping
from typing import Literal

from rag.config import Settings
from rag.errors import ScholiastError
from rag.library.checks import Finding
from rag.workspace import list_libraries
from service.slack.client import SlackClient, SlackDownError, SlackError, check_app_token

SCOPES: Mapping[str, str] = {
    "app_mentions:read": "receive mentions",
    "assistant:write": "show its status and suggest questions",
    "channels:history": "follow up in threads of public channels",
    "chat:write": "answer",
    "commands": "receive /ask",
    "groups:history": "follow up in threads of private channels",
    "im:history": "receive direct messages",
}
"""What the bot needs each permission for; `manifest.yaml` asks for these and no others."""

_ADD = "add it under OAuth & Permissions of the app, or update its manifest, and install the app again"


async def diagnose(settings: Settings) -> list[Finding]:
    """Check tokens, scopes and channel libraries, in this order. Failures become findings, none is raised."""
    client = SlackClient(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
    await client.open()
    try:
        return [*await _bot_token(client, settings), *await _transport(settings), *await _libraries(settings)]
    finally:
        await client.close()


async def _bot_token(client: SlackClient, settings: Settings) -> list[Finding]:
    if not settings.slack_bot_token.get_secret_value():
        remedy = "set it to the xoxb- token under OAuth & Permissions of the app"
        return [_fault("SCHOLIAST_SLACK_BOT_TOKEN is not set", remedy)]
    try:
        identity, scopes = await client.identity()
    except SlackError as error:
        return [_not_accepted(error, settings, "SCHOLIAST_SLACK_BOT_TOKEN", "xoxb- token from OAuth & Permissions")]
    found = [_finding("ok", f"the bot token is good: @{identity.get('user')} of {identity.get('team')}")]
    for scope, purpose in SCOPES.items():
        if scope not in scopes:
            found.append(_fault(f"the app lacks the scope {scope}, so it can't {purpose}", _ADD))
    if extra := sorted(scopes - set(SCOPES)):
        found.append(_finding("warning", f"the app has scopes it does not need: {', '.join(extra)}", "remove them"))
    return found


async def _transport(settings: Settings) -> list[Finding]:
    found = []
    if settings.slack_signing_secret.get_secret_value():
        found.append(_finding("ok", "a signing secret is set: `scholiast serve` answers at /slack/events"))
    if token := settings.slack_app_token.get_secret_value():
        try:
            await check_app_token(token, settings.slack_api_url)
            found.append(_finding("ok", "the app token is good: `scholiast slack` can connect"))
        except SlackError as error:
            expected = "xapp- token with the scope connections:write from Basic Information"
            found.append(_not_accepted(error, settings, "SCHOLIAST_SLACK_APP_TOKEN", expected))
    if not found:
        remedy = "set SCHOLIAST_SLACK_SIGNING_SECRET for HTTP, or SCHOLIAST_SLACK_APP_TOKEN for Socket Mode"
        found.append(_fault("nothing says how Slack reaches us", remedy))
    return found


async def _libraries(settings: Settings) -> list[Finding]:
    try:
        existing = {summary.name for summary in await list_libraries(settings)}
    except ScholiastError:
        return []  # the catalog has a finding of its own
    return [
        _finding("warning", f"channel {channel} asks library {name!r}, which does not exist", f"ingest into {name!r}")
        for channel, name in settings.library_of_channel.items()
        if name not in existing
    ]


def _not_accepted(error: SlackError, settings: Settings, variable: str, token: str) -> Finding:
    if isinstance(error, SlackDownError) or error.code == "ratelimited":
        remedy = f"check the network, and that Slack answers at {settings.slack_api_url}"
        return _finding("warning", f"Slack can't be asked about {variable} ({error})", remedy)
    return _fault(f"{variable} is refused: {error}", f"copy the {token} of the app")


def _fault(message: str, remedy: str) -> Finding:
    return _finding("fault", message, remedy)


def _finding(verdict: Literal["ok", "warning", "fault"], message: str, remedy: str = "") -> Finding:
    return Finding(part="Slack", verdict=verdict, message=message, remedy=remedy)
