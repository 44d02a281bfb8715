"""`scholiast slack`: Socket Mode over a real WebSocket, its errors at the start, and what doctor finds."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import QUESTION, CommandResult
from tests.support.fake_slack import APP_TOKEN, TOKEN, FakeSlack
from tests.support.running import wait_until
from tests.support.slack_requests import callback, mention
from tests.support.slack_service import process


def envelope(number: int, kind: str, payload: Any) -> dict[str, Any]:
    return {"envelope_id": f"e{number}", "type": kind, "payload": payload, "accepts_response_payload": True}


@pytest.mark.slow
def test_over_socket_mode_everything_is_acknowledged_and_answered_once(home: Path, slack: FakeSlack) -> None:
    ts = "1800000000.000001"
    with process(home, slack, "slack") as (service, _):
        assert wait_until(lambda: slack.connected, 20)
        slack.send(envelope(1, "events_api", callback(mention(QUESTION, ts))))
        slack.send(envelope(2, "events_api", callback(mention(QUESTION, ts), "Ev2")))
        answer = slack.answer(ts, 20)
        command = {"command": "/ask", "text": "", "channel_id": "C01", "user_id": "U0ANN", "team_id": "T01"}
        slack.send(envelope(3, "slash_commands", {**command, "trigger_id": "1.2"}))
        press = {"action_id": "scholiast_feedback", "type": "feedback_buttons", "block_id": "b"}
        action = {**press, "value": answer.blocks[-1]["elements"][0]["positive_button"]["value"]}
        person = {"user": {"id": "U0ANN"}, "team": {"id": "T01"}, "channel": {"id": "C01"}}
        slack.send(envelope(4, "interactive", {"type": "block_actions", "actions": [action], **person}))
        assert wait_until(lambda: len(slack.acks) == 4 and bool(slack.ephemeral), 10)
        service.send_signal(signal.SIGTERM)
        assert service.wait(20) == 0
    assert {ack["envelope_id"] for ack in slack.acks} == {"e1", "e2", "e3", "e4"}
    (said,) = [ack["payload"]["text"] for ack in slack.acks if ack["envelope_id"] == "e3"]
    assert "library:NAME" in said
    assert "[1]" in answer.text
    assert len(slack.shown(ts)) == 1


def test_it_says_which_token_is_missing_or_refused(
    scholiast: Callable[..., CommandResult], home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = scholiast("slack")
    assert (ran.code, "SCHOLIAST_SLACK_BOT_TOKEN and SCHOLIAST_SLACK_APP_TOKEN" in ran.err) == (1, True)
    monkeypatch.setenv("SCHOLIAST_SLACK_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("SCHOLIAST_SLACK_APP_TOKEN", "xapp-wrong")
    monkeypatch.setenv("SCHOLIAST_SLACK_API_URL", slack.url)
    ran = scholiast("slack")
    assert (ran.code, "SCHOLIAST_SLACK_APP_TOKEN: Slack says" in ran.err) == (1, True)
    assert "xapp-wrong" not in ran.err
    assert APP_TOKEN not in ran.err


def test_doctor_says_which_permission_is_missing(
    scholiast: Callable[..., CommandResult], slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHOLIAST_SLACK_API_URL", slack.url)
    monkeypatch.setenv("SCHOLIAST_SLACK_LIBRARIES", "C02=nowhere")
    assert "SCHOLIAST_SLACK_BOT_TOKEN is not set" in flat(scholiast("doctor"))
    monkeypatch.setenv("SCHOLIAST_SLACK_BOT_TOKEN", TOKEN)
    slack.scopes = "chat:write,app_mentions:read,users:read"
    ran = scholiast("doctor")
    assert ran.code == 1
    said = flat(ran)
    assert "@scholiast of The Lab" in said
    assert "the app lacks the scope im:history" in said
    assert "scopes it does not need: users:read" in said
    assert "nothing says how Slack reaches us" in said
    assert "library 'nowhere'" in said
    slack.scopes = ",".join(scopes())
    monkeypatch.setenv("SCHOLIAST_SLACK_APP_TOKEN", APP_TOKEN)
    monkeypatch.setenv("SCHOLIAST_SLACK_SIGNING_SECRET", "s")
    ran = scholiast("doctor")
    assert (ran.code, "the app token is good" in flat(ran)) == (0, True)
    monkeypatch.setenv("SCHOLIAST_SLACK_BOT_TOKEN", "xoxb-wrong")
    assert "SCHOLIAST_SLACK_BOT_TOKEN is refused: auth.test: invalid_auth" in flat(scholiast("doctor"))


def test_the_manifest_asks_for_the_permissions_that_doctor_checks_and_no_others() -> None:
    text = Path("service/slack/manifest.yaml").read_text("utf-8")
    listed = text.partition("bot:\n")[2].partition("settings:")[0].split("- ")[1:]
    assert {line.strip() for line in listed} == scopes()


@pytest.mark.slow
def test_slacks_libraries_are_not_loaded_where_slack_is_not_set_up() -> None:
    import subprocess
    import sys

    code = (
        "import service.http.app, service.cli.main, service.cli.commands, sys;"
        "print([m for m in sys.modules if m[:6] == 'slack_'])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def scopes() -> set[str]:
    from service.slack.setup import SCOPES

    return set(SCOPES)


def flat(ran: CommandResult) -> str:
    return " ".join(ran.out.split())
