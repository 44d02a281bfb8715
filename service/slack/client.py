"""Slack's Web API: one call, with the patience that Slack asks for. Its failures become SlackError."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from service.slack.logging import log

_TRIES = 3
_PAUSE_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 120.0
_TIMEOUT_SECONDS = 30
_STREAMS_AGAIN_AFTER_SECONDS = 3600.0


class SlackError(Exception):
    """Slack refused a call; `code` is its word for why, such as `not_in_channel`."""

    def __init__(self, method: str, code: str, *, needed: str = "", retry_after: float = 0.0) -> None:
        super().__init__(f"{method}: {code}" + (f", needs {needed}" if needed else ""))
        self.code = code
        self.retry_after = retry_after


class SlackDownError(SlackError):
    """Slack could not be reached, or broke; whether the call was carried out is not known."""


class Web:
    """The API for one bot token."""

    def __init__(self, token: str, api_url: str) -> None:
        """Nothing is opened yet; `url` is the API's address."""
        self.client = AsyncWebClient(
            token=token, base_url=api_url, timeout=_TIMEOUT_SECONDS, logger=log, retry_handlers=[]
        )
        self._identity: Mapping[str, Any] = {}
        self._no_streams_until = 0.0

    async def open(self) -> None:
        """Keep connections; within the loop that makes the calls."""
        self.client.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS))

    async def close(self) -> None:
        """Let go of the connections."""
        if self.client.session:
            await self.client.session.close()

    async def call(self, method: str, *, patient: bool = True, again: bool = True, **arguments: Any) -> dict[str, Any]:
        """What Slack answers. Waits when Slack says so, if `patient`; calls again when Slack breaks, if `again`.

        Raises SlackError, and SlackDownError when it can't be known whether the call was carried out.
        """
        tries = 0
        while True:
            tries += 1
            try:
                return _data(await self._once(method, arguments))
            except SlackDownError:
                if not again or tries == _TRIES:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS * tries)
            except SlackError as error:
                if error.code != "ratelimited" or not patient or tries > _TRIES * 3:
                    raise
                log.info("%s: Slack asks to wait %.0f seconds", method, error.retry_after)
                await asyncio.sleep(min(error.retry_after, _LONGEST_WAIT_SECONDS))

    async def read(self, method: str, **arguments: Any) -> dict[str, Any]:
        """As `call`, for the methods that take no JSON."""
        return await self.call(method, params=arguments)

    async def pages(self, method: str, **arguments: Any) -> AsyncIterator[Mapping[str, Any]]:
        """The messages that such a method lists, however many pages they take. Raises SlackError."""
        cursor = ""
        while True:
            page = await self.read(method, **arguments, **({"cursor": cursor} if cursor else {}))
            for message in page.get("messages", ()):
                yield message
            cursor = (page.get("response_metadata") or {}).get("next_cursor", "")
            if not cursor:
                return

    async def identity(self) -> tuple[Mapping[str, Any], set[str]]:
        """Who the bot is, and which scopes its token has. Raises SlackError."""
        response = await self._once("auth.test", {})
        return _data(response), set(response.headers.get("x-oauth-scopes", "").replace(" ", "").split(",")) - {""}

    async def me(self) -> str:
        """The bot's user id; empty while Slack does not say."""
        if not self._identity:
            try:
                self._identity = await self.call("auth.test", patient=False)
            except SlackError as error:
                log.error("Slack does not say who the bot is (%s); `scholiast doctor` says more", error)
        return self.known_me

    @property
    def known_me(self) -> str:
        """As `me`, without asking; empty until that has been asked."""
        return str(self._identity.get("user_id", ""))

    @property
    def streams(self) -> bool:
        """Whether the workspace has streaming, as far as we know."""
        return time.monotonic() >= self._no_streams_until

    def without_streams(self) -> None:
        """It has not; we'll see again later."""
        self._no_streams_until = time.monotonic() + _STREAMS_AGAIN_AFTER_SECONDS

    async def _once(self, method: str, arguments: dict[str, Any]) -> AsyncSlackResponse:
        body = {"http_verb": "GET", **arguments} if set(arguments) == {"params"} else {"json": arguments}
        try:
            return await self.client.api_call(method, **body)
        except SlackApiError as error:
            raise _refused(method, error) from error
        except (aiohttp.ClientError, TimeoutError, OSError, SlackClientError, ValueError) as error:
            raise SlackDownError(method, type(error).__name__) from error


async def check_app_token(token: str, api_url: str) -> None:
    """Whether Socket Mode would let us in. Raises SlackError."""
    web = Web(token, api_url)
    await web.open()
    try:
        await web.call("apps.connections.open")
    finally:
        await web.close()


def _data(response: AsyncSlackResponse) -> dict[str, Any]:
    assert isinstance(response.data, dict)
    return response.data


def _refused(method: str, error: SlackApiError) -> SlackError:
    response = error.response
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)
    data = getattr(response, "data", None)
    data = data if isinstance(data, dict) else {}
    if status == 429 or data.get("error") == "ratelimited":
        return SlackError(method, "ratelimited", retry_after=_seconds(getattr(response, "headers", {})))
    code = str(data.get("error") or f"status {status}")
    if status >= 500 or code in ("internal_error", "fatal_error", "service_unavailable", "request_timeout"):
        return SlackDownError(method, code)
    return SlackError(method, code, needed=str(data.get("needed") or ""))


def _seconds(headers: Mapping[str, str]) -> float:
    try:
        return max(0.0, float(headers.get("Retry-After", "1")))
    except ValueError:
        return 1.0
