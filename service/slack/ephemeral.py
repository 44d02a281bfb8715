"""An answer that only the person who asked can see: to a slash command where the bot is no member, or a last word."""

from contextlib import suppress
from typing import Any

from slack_sdk.webhook.async_client import AsyncWebhookClient

from service.slack import blocks, render
from service.slack.blocks import Block, Shown
from service.slack.client import SlackDownError, SlackError, Web
from service.slack.events import Place
from service.slack.logging import log


class PrivateReply:
    """As `Reply`, by the address that came with a slash command; nothing is shown before it is whole."""

    def __init__(self, url: str) -> None:
        self._webhook = AsyncWebhookClient(url, logger=log)

    async def working(self) -> None:
        """The acknowledgement of the command has said so."""

    async def show(self, text: str) -> None:
        """Not before it is whole."""

    async def finish(self, answer: Shown) -> None:
        """The whole answer, in as many messages as it takes. Raises SlackError."""
        parts = render.parts(answer["text"])
        for part in parts[:-1]:
            await self._send(render.mrkdwn(part), blocks.text(part))
        last, shown = render.mrkdwn(parts[-1]), blocks.text(parts[-1])
        try:
            await self._send(last, [*shown, *blocks.foot(answer)])
        except SlackDownError:
            raise
        except SlackError:
            await self._send(last, [*shown, *blocks.foot(answer, plain=True)])

    async def say(self, text: str) -> None:
        """Something that is no answer, in Slack's markup already. Raises SlackError."""
        await self._send(text, [{"type": "section", "text": {"type": "mrkdwn", "text": text}}])

    async def leave(self) -> None:
        """Nothing is left behind."""

    async def _send(self, text: str, shown: list[Block]) -> None:
        try:
            sent = await self._webhook.send(text=text, blocks=shown, response_type="ephemeral")
        except Exception as error:  # whatever the HTTP client raises; its text may name the address
            raise SlackDownError("response_url", type(error).__name__) from None
        if sent.status_code >= 500:
            raise SlackDownError("response_url", f"status {sent.status_code}")
        if sent.status_code != 200:
            raise SlackError("response_url", f"status {sent.status_code}")


async def tell(web: Web, place: Place, text: str) -> None:
    """Say something to the person who asked, in the channel if Slack lets us, else directly; or to the log."""
    everywhere: tuple[dict[str, Any], ...] = (
        {"method": "chat.postEphemeral", "channel": place.channel, "user": place.user},
        {"method": "chat.postMessage", "channel": place.user},
    )
    for where in everywhere:
        with suppress(SlackError):
            await web.call(**where, text=text)
            return
    log.error("nobody could be told in %s: %s", place.channel, text)
