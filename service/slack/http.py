"""Slack over HTTP: the route that Slack calls, and a bot for as long as the service runs, if Slack is set up."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fastapi import APIRouter, Request, Response

from rag.config import Settings
from rag.errors import ConfigError
from rag.workspace import Workspace
from service.http import problems, schemas
from service.http.gate import Gate
from service.http.metrics import Metrics
from service.limits import CallerLimits

if TYPE_CHECKING:
    from service.slack.app import Bot

routes = APIRouter(tags=["slack"])
_CALLER = "slack"
_EXTRA = ("aiohttp", "slack_bolt", "slack_sdk")


class SlackEndpoint:
    """Closed unless a bot token and a signing secret are set; only then are Slack's libraries loaded."""

    def __init__(self, workspace: Workspace, metrics: Metrics, limits: CallerLimits, questions: Gate) -> None:
        """All of Slack is one caller among those of the gate `questions`, so that neither keeps the other waiting.

        Raises ConfigError if Slack is set up, but its libraries are not installed.
        """
        self._bot_arguments = workspace, limits, metrics.count_answer, partial(questions.patient_place, _CALLER)
        self._missing = _missing(workspace.settings)
        if not self._missing:
            with extra_installed():
                import service.slack.app  # noqa: F401
        self._bot: Bot | None = None

    async def __aenter__(self) -> Self:
        if not self._missing:
            from service.slack.app import Bot

            self._bot = Bot(*self._bot_arguments)
            await self._bot.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bot:
            await self._bot.close()

    async def handle(self, request: Request) -> Response:
        """Answer a request if Slack has signed it: 404 when Slack is not set up, 401 without a valid signature."""
        if self._bot is None:
            missing = " and ".join(self._missing)
            return problems.of_status(404, f"Slack is not set up here: {missing} not set", request.scope)
        headers, body = request.headers, await request.body()
        stamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
        if not self._bot.is_signed(body, stamp, signature):
            detail = (
                "the request is not signed by Slack with SCHOLIAST_SLACK_SIGNING_SECRET, or is older than five minutes"
            )
            return problems.of_status(401, detail, request.scope)
        return await self._bot.handle(request)


@routes.post("/slack/events", responses=schemas.problems(401, 404))
async def slack_events(request: Request) -> Response:
    """For Slack: events, buttons and the slash command."""
    endpoint = request.app.state.slack
    assert isinstance(endpoint, SlackEndpoint)
    return await endpoint.handle(request)


@contextmanager
def extra_installed() -> Iterator[None]:
    """Turn the absence of a library that only Slack needs into a ConfigError that names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRA:
            raise
        raise ConfigError(f"Slack needs {package.replace('_', '-')}; run `pip install 'scholiast[slack]'`") from error


def _missing(settings: Settings) -> list[str]:
    needed = {
        "SCHOLIAST_SLACK_BOT_TOKEN": settings.slack_bot_token,
        "SCHOLIAST_SLACK_SIGNING_SECRET": settings.slack_signing_secret,
    }
    return [name for name, value in needed.items() if not value.get_secret_value()]
