"""`scholiast slack`: the bot over Socket Mode, a WebSocket that we open to Slack, so no public address is needed."""

import asyncio
import signal
import sys
from contextlib import suppress

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

from rag import config
from rag.config import Settings
from rag.errors import ConfigError
from rag.workspace import Workspace
from service import watching
from service.http.listen import log_to_stderr
from service.limits import CallerLimits
from service.owner.server import serving
from service.slack.app import Bot
from service.slack.client import SlackClient, SlackDownError, SlackError, check_app_token


def listen() -> None:
    """Answer in Slack until SIGTERM or Ctrl-C. Raises ConfigError, and LockedError when a library is in use."""
    settings = config.load()
    needed = {"BOT": settings.slack_bot_token, "APP": settings.slack_app_token}
    if missing := [f"SCHOLIAST_SLACK_{name}_TOKEN" for name, token in needed.items() if not token.get_secret_value()]:
        raise ConfigError(f"Socket Mode needs {' and '.join(missing)}; the README says where Slack shows them")
    log_to_stderr()
    asyncio.run(_listen(settings))


async def _listen(settings: Settings) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with Workspace(settings) as workspace, serving(workspace):
        await workspace.library()
        bot = Bot(workspace, CallerLimits(workspace))
        await bot.open()
        watching_task = asyncio.create_task(watching.keep_running(workspace))
        try:
            name = await _check_tokens(bot.client, settings)
            handler = AsyncSocketModeHandler(bot.bolt, settings.slack_app_token.get_secret_value())
            await handler.connect_async()  # type: ignore[no-untyped-call]
            print(f"Scholiast listens to Slack as {name}; Ctrl-C stops it", file=sys.stderr, flush=True)
            await stopped.wait()
            await handler.close_async()  # type: ignore[no-untyped-call]
        finally:
            watching_task.cancel()
            with suppress(asyncio.CancelledError):
                await watching_task
            await bot.close()


async def _check_tokens(client: SlackClient, settings: Settings) -> str:
    """The name of the bot. Raises ConfigError when Slack refuses a token or can't be reached."""
    try:
        variable = "SCHOLIAST_SLACK_BOT_TOKEN"
        identity = await client.call("auth.test")
        variable = "SCHOLIAST_SLACK_APP_TOKEN"
        await check_app_token(settings.slack_app_token.get_secret_value(), settings.slack_api_url)
    except SlackDownError as error:
        raise ConfigError(
            f"Slack can't be reached at {settings.slack_api_url} ({error}); check the network and that address"
        ) from error
    except SlackError as error:
        raise ConfigError(f"{variable}: Slack says {error}; `scholiast doctor` says more") from error
    return f"@{identity.get('user')} of {identity.get('team')}"
