"""Slack's Web API: calls with retries and rate limits, failures as SlackError, and a log that shows no secrets."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

_TRIES = 3
_PAUSE_SECONDS = 1.0
_MAX_WAIT_SECONDS = 120.0
_TIMEOUT_SECONDS = 30
_STREAMS_RETRY_SECONDS = 3600.0
_SECRET = re.compile(r"xox[a-z]-[\w-]+|xapp-[\w-]+|(?<=ticket=)[\w-]+|(?<=hooks\.slack\.com/)[\w/-]+")


class _SecretFilter(logging.Filter):
    """Removes secrets from every record before it is written, tracebacks included."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True


def redact(text: str) -> str:
    """The text with a dash in place of every token and ticket."""
    return _SECRET.sub("—", text)


log = logging.getLogger("scholiast.slack")
log.addFilter(_SecretFilter())


class SlackError(Exception):
    """Slack refused a call; `code` is Slack's reason, such as `not_in_channel`."""

    def __init__(self, method: str, code: str, *, needed: str = "", retry_after: float = 0.0) -> None:
        super().__init__(f"{method}: {code}" + (f", needs {needed}" if needed else ""))
        self.code = code
        self.retry_after = retry_after


class SlackDownError(SlackError):
    """Slack could not be reached, or failed; whether the call was carried out is not known."""


class SlackClient:
    """The API for one bot token."""

    def __init__(self, token: str, api_url: str) -> None:
        """Nothing is opened yet; `api_url` is the API's address."""
        self._sdk = AsyncWebClient(
            token=token, base_url=api_url, timeout=_TIMEOUT_SECONDS, logger=log, retry_handlers=[]
        )
        self._identity: Mapping[str, Any] = {}
        self._no_streams_until = 0.0

    async def open(self) -> None:
        """Keep connections open; within the event loop that makes the calls."""
        self._sdk.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS))

    async def close(self) -> None:
        """Close the connections."""
        if self._sdk.session:
            await self._sdk.session.close()

    async def call(
        self, method: str, *, wait_on_limit: bool = True, retry: bool = True, **arguments: Any
    ) -> dict[str, Any]:
        """What Slack answers. Waits as long as a rate limit says, if `wait_on_limit`; tries again when Slack fails, if
        `retry`.

        Raises SlackError, and SlackDownError when it can't be known whether the call was carried out.
        """
        tries = 0
        while True:
            tries += 1
            try:
                return _data(await self._call_once(method, arguments))
            except SlackDownError:
                if not retry or tries == _TRIES:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS * tries)
            except SlackError as error:
                if error.code != "ratelimited" or not wait_on_limit or tries > _TRIES * 3:
                    raise
                log.info("%s: Slack asks to wait %.0f seconds", method, error.retry_after)
                await asyncio.sleep(min(error.retry_after, _MAX_WAIT_SECONDS))

    async def read(self, method: str, **arguments: Any) -> dict[str, Any]:
        """As `call`, for the methods that take no JSON."""
        return await self.call(method, params=arguments)

    async def pages(self, method: str, **arguments: Any) -> AsyncIterator[Mapping[str, Any]]:
        """The messages that such a method lists, over all its pages. Raises SlackError."""
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
        response = await self._call_once("auth.test", {})
        return _data(response), set(response.headers.get("x-oauth-scopes", "").replace(" ", "").split(",")) - {""}

    async def bot_id(self) -> str:
        """The bot's user id, asked for once; empty while Slack does not say."""
        if not self._identity:
            try:
                self._identity = await self.call("auth.test", wait_on_limit=False)
            except SlackError as error:
                log.error("Slack does not say who the bot is (%s); `scholiast doctor` says more", error)
        return self.known_bot_id

    @property
    def known_bot_id(self) -> str:
        """As `bot_id`, without a call; empty until that has been asked."""
        return str(self._identity.get("user_id", ""))

    @property
    def streams(self) -> bool:
        """Whether the workspace has streaming, as far as is known."""
        return time.monotonic() >= self._no_streams_until

    def disable_streams(self) -> None:
        """The workspace has no streaming; it is tried again after an hour."""
        self._no_streams_until = time.monotonic() + _STREAMS_RETRY_SECONDS

    async def _call_once(self, method: str, arguments: dict[str, Any]) -> AsyncSlackResponse:
        body = {"http_verb": "GET", **arguments} if set(arguments) == {"params"} else {"json": arguments}
        try:
            return await self._sdk.api_call(method, **body)
        except SlackApiError as error:
            raise _refusal(method, error) from error
        except (aiohttp.ClientError, TimeoutError, OSError, SlackClientError, ValueError) as error:
            raise SlackDownError(method, type(error).__name__) from error


async def check_app_token(token: str, api_url: str) -> None:
    """Ask Slack for a Socket Mode connection without opening it. Raises SlackError when the token is refused."""
    client = SlackClient(token, api_url)
    await client.open()
    try:
        await client.call("apps.connections.open")
    finally:
        await client.close()


def _data(response: AsyncSlackResponse) -> dict[str, Any]:
    assert isinstance(response.data, dict)
    return response.data


def _refusal(method: str, error: SlackApiError) -> SlackError:
    response = error.response
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)
    data = getattr(response, "data", None)
    data = data if isinstance(data, dict) else {}
    if status == 429 or data.get("error") == "ratelimited":
        return SlackError(method, "ratelimited", retry_after=_retry_after(getattr(response, "headers", {})))
    code = str(data.get("error") or f"status {status}")
    if status >= 500 or code in ("internal_error", "fatal_error", "service_unavailable", "request_timeout"):
        return SlackDownError(method, code)
    return SlackError(method, code, needed=str(data.get("needed") or ""))


def _retry_after(headers: Mapping[str, str]) -> float:
    try:
        return max(0.0, float(headers.get("Retry-After", "1")))
    except ValueError:
        return 1.0
