"""The real service with Slack set up, for the tests of the Slack door."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi.testclient import TestClient

from rag.config import Settings
from service.http.app import create_app
from tests.conftest import settings
from tests.support.command import words
from tests.support.fake_slack import APP_TOKEN, SECRET, TOKEN, FakeSlack, Sender


def slack_settings(home: Path, slack: FakeSlack, **others: str) -> Settings:
    """As an administrator would set them."""
    return settings(home, slack_bot_token=TOKEN, slack_signing_secret=SECRET, slack_api_url=slack.url, **others)


@dataclass(frozen=True)
class Door:
    """The service and a hand that posts as Slack does."""

    client: TestClient
    send: Sender

    def ask(self, question: str) -> dict[str, Any]:
        """The same question over HTTP."""
        answer: dict[str, Any] = self.client.post("/v1/ask", json={"question": question}).json()
        return answer


@contextmanager
def door(home: Path, slack: FakeSlack, **others: str) -> Iterator[Door]:
    """Opens it."""
    app = create_app(slack_settings(home, slack, **others), words())
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield Door(client, Sender(lambda path, body, headers: client.post(path, content=body, headers=dict(headers))))


@contextmanager
def process(home: Path, slack: FakeSlack, *command: str, **others: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command as a process of its own, with Slack set up, and the last word of the line with which it is ready."""
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


def post_to(url: str) -> Sender:
    """Posts to a process; a status of 0 says that there was nobody."""

    def post(path: str, body: bytes, headers: Mapping[str, str]) -> int:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
        try:
            connection.request("POST", path, body, dict(headers))
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    return Sender(post)
