"""The real service with Slack set up, in this process or in one of its own."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from rag.config import Settings
from service.http.app import create_app
from tests.conftest import settings
from tests.support.command import words
from tests.support.fake_slack import APP_TOKEN, SECRET, TOKEN, FakeSlack
from tests.support.slack_requests import Sender

KEY = "a key of the service"
WITH_KEY = {"Authorization": f"Bearer {KEY}"}


def slack_settings(home: Path, slack: FakeSlack, **others: str) -> Settings:
    """As an administrator would set them."""
    given = {"slack_bot_token": TOKEN, "slack_signing_secret": SECRET, "slack_api_url": slack.url, "api_keys": KEY}
    return settings(home, **given, **others)


def sender(client: TestClient) -> Sender:
    """Posts to the service in this process."""
    return Sender(lambda path, body, headers: client.post(path, content=body, headers=dict(headers)))


@dataclass(frozen=True)
class SlackService:
    """The service, and a sender that posts to it as Slack does."""

    client: TestClient
    send: Sender

    def ask(self, question: str) -> dict[str, Any]:
        """The same question over HTTP."""
        answer: dict[str, Any] = self.client.post("/v1/ask", json={"question": question}).json()
        return answer


@contextmanager
def slack_service(home: Path, slack: FakeSlack, **others: str) -> Iterator[SlackService]:
    """The service in this process; `others` are more settings."""
    app = create_app(slack_settings(home, slack, **others), words())
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False, headers=WITH_KEY) as client:
        yield SlackService(client, sender(client))


@contextmanager
def process(home: Path, slack: FakeSlack, *command: str, **others: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command with Slack set up, as a process of its own that is ready, and the URL where `serve` answers."""
    slack_is = {
        "SCHOLIAST_HOME": str(home),
        "SCHOLIAST_SLACK_BOT_TOKEN": TOKEN,
        "SCHOLIAST_SLACK_SIGNING_SECRET": SECRET,
        "SCHOLIAST_SLACK_APP_TOKEN": APP_TOKEN,
        "SCHOLIAST_SLACK_API_URL": slack.url,
    }
    run = [sys.executable, "-m", "tests.support.command", *(command or ("serve", "--port", "0"))]
    started = subprocess.Popen(run, env={**os.environ, **slack_is, **others}, stderr=subprocess.PIPE, text=True)
    try:
        assert started.stderr is not None
        said = [next(line for line in started.stderr if line.startswith("Scholiast "))]
        threading.Thread(target=started.stderr.read, daemon=True).start()
        yield started, said[0].split()[3]
    finally:
        started.kill()
        started.wait()
