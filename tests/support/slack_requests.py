"""What Slack sends to the service: events, slash commands and button presses, signed."""

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.support.fake_slack import ME, PERSON, SECRET, TEAM


class Sender:
    """Posts requests that are signed as Slack signs them. `post` takes a path, a body and headers."""

    def __init__(self, post: Callable[[str, bytes, Mapping[str, str]], Any], secret: str = SECRET) -> None:
        self._post, self._secret = post, secret
        self._numbers = itertools.count(1)

    def ts(self) -> str:
        """The timestamp of a new message."""
        return f"1800000000.{next(self._numbers):06}"

    def event(self, event: Mapping[str, Any], *, id: str = "Ev1") -> Any:
        return self.json(callback(event, id))

    def json(self, body: Mapping[str, Any]) -> Any:
        return self.raw(json.dumps(body).encode(), "application/json")

    def form(self, **fields: str) -> Any:
        return self.raw(urlencode(fields).encode(), "application/x-www-form-urlencoded")

    def press(self, value: str, *, user: str = PERSON, channel: str = "C01", message: Any = None) -> Any:
        action = {"type": "feedback_buttons", "action_id": "scholiast_feedback", "block_id": "b", "value": value}
        payload = {
            "type": "block_actions",
            "team": {"id": TEAM},
            "user": {"id": user},
            "channel": {"id": channel},
            "message": message or {},
            "actions": [action],
        }
        return self.form(payload=json.dumps(payload))

    def ask_for_references(
        self, answer: str, message: Mapping[str, Any], *, user: str = PERSON, respond: str = ""
    ) -> Any:
        action = {"type": "button", "action_id": "scholiast_references", "block_id": "r", "value": answer}
        payload = {
            "type": "block_actions",
            "team": {"id": TEAM},
            "user": {"id": user},
            "channel": {"id": "C01"},
            "message": message,
            "actions": [action],
            "response_url": respond,
        }
        return self.form(payload=json.dumps(payload))

    def command(self, text: str, respond: str = "", *, trigger: str = "1.2.3", channel: str = "C01") -> Any:
        names = {"command": "/ask", "team_id": TEAM, "channel_id": channel, "user_id": PERSON, "trigger_id": trigger}
        return self.form(**names, text=text, response_url=respond)

    def raw(self, body: bytes, kind: str, *, at: float | None = None, signature: str = "") -> Any:
        stamp = str(int(at if at is not None else time.time()))
        signed = hmac.new(self._secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "content-type": kind,
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": signature or f"v0={signed}",
        }
        return self._post("/slack/events", body, headers)


def post_to(url: str) -> Sender:
    """Posts to a process and returns the status; 0 when nothing answers."""

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


def callback(event: Mapping[str, Any], id: str = "Ev1") -> dict[str, Any]:
    """An event in the envelope in which Slack delivers it."""
    authorizations = [{"team_id": TEAM, "user_id": ME, "is_bot": True}]
    return {
        "type": "event_callback",
        "team_id": TEAM,
        "event_id": id,
        "event": dict(event),
        "authorizations": authorizations,
    }


def mention(text: str, ts: str, *, channel: str = "C01", thread: str = "", **more: Any) -> dict[str, Any]:
    """Somebody mentions the bot in a channel."""
    said = f"<@{ME}> {text}"
    event = {"type": "app_mention", "channel": channel, "user": PERSON, "text": said, "ts": ts, "team": TEAM, **more}
    return {**event, **({"thread_ts": thread} if thread else {})}


def message(text: str, ts: str, *, channel: str = "C01", thread: str = "", **more: Any) -> dict[str, Any]:
    """Somebody writes a message that is delivered to the bot."""
    kind = "im" if channel.startswith("D") else "channel"
    event = {"type": "message", "channel_type": kind, "channel": channel, "user": PERSON, "text": text, "ts": ts}
    return {**event, "team": TEAM, **more, **({"thread_ts": thread} if thread else {})}
