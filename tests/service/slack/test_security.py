"""Unsigned requests are refused, tokens stay out of the log, and no text can mention people or hide a link."""

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.types import GenerationInfo
from service.slack.client import log, redact
from tests.conftest import QUESTION, settings
from tests.support.fake_slack import SECRET, TOKEN, FakeSlack
from tests.support.running import Script, writes
from tests.support.slack_requests import Sender, callback, mention
from tests.support.slack_service import SlackService, slack_service

pytestmark = pytest.mark.slow


@pytest.fixture
def service(home: Path, slack: FakeSlack) -> Iterator[SlackService]:
    with slack_service(home, slack) as service:
        yield service


def test_a_signed_request_of_any_shape_is_no_bug(service: SlackService) -> None:
    values: tuple[object, ...] = (None, 7, "x", [], {}, [None], {"id": 5}, "\ud800", True)
    event = mention(QUESTION, service.send.ts())
    press = {
        "type": "block_actions",
        "actions": [{"action_id": "scholiast_feedback", "type": "button", "value": "good:a"}],
    }
    bodies: list[object] = [*values, callback({"type": "app_home_opened", "tab": "messages"})]
    bodies += [{**callback(event), field: value} for field in callback(event) for value in values]
    bodies += [callback({**event, field: value}) for field in event for value in values if field != "text"]
    bodies += [callback({"type": "assistant_thread_started", "assistant_thread": value}) for value in values]
    statuses = {service.send.raw(json.dumps(body).encode(), "application/json").status_code for body in bodies}
    presses = [{**press, field: value} for field in ("actions", "user", "team", "channel") for value in values]
    statuses |= {service.send.form(payload=json.dumps(body)).status_code for body in presses}
    statuses |= {service.send.form(command="/ask", **{field: "x"}).status_code for field in ("text", "user_id")}
    assert statuses <= {200, 400, 404}


def test_requests_that_slack_did_not_sign_or_signed_long_ago_are_refused(
    service: SlackService, slack: FakeSlack
) -> None:
    send = service.send
    body, kind = json.dumps(callback(mention(QUESTION, send.ts()))).encode(), "application/json"
    odd = [(b"x-slack-signature", "v0=é".encode()), (b"x-slack-request-timestamp", str(int(time.time())).encode())]
    wrong = Sender(send._post, "another secret")
    refused = [
        wrong.raw(body, kind),
        send.raw(body, kind, at=time.time() - 301),
        send.raw(body, kind, at=time.time() + 400),
        send.raw(body, kind, signature="v0=00"),
        service.client.post("/slack/events", content=body, headers=[(b"x-slack-signature", "v0=é".encode())]),
        service.client.post("/slack/events", content=body, headers=odd),
        service.client.post("/slack/events", content=body, headers={"content-type": kind}),
        service.client.post("/slack/events", content=b"ssl_check=1&token=x"),
        service.client.post("/slack/events", content=b"\xff", headers={"x-slack-request-timestamp": "soon"}),
    ]
    assert [reply.status_code for reply in refused] == [401] * len(refused)
    assert refused[0].json()["type"] == "urn:scholiast:problem:unauthorized"
    assert service.client.get("/slack/events").status_code == 405
    time.sleep(0.3)
    assert slack.messages == {}


def test_slacks_url_verification_is_answered(service: SlackService) -> None:
    reply = service.send.json({"type": "url_verification", "challenge": "abc", "token": "t"})
    assert (reply.status_code, reply.json()) == (200, {"challenge": "abc"})


def test_signed_nonsense_is_no_server_error(service: SlackService) -> None:
    for body in (
        b"",
        b"{}",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"null",
        b'{"type":"event_callback","event":{"type":"message"}}',
    ):
        assert service.send.raw(body, "application/json").status_code < 500, body


def test_without_its_settings_the_endpoint_says_what_is_missing(home: Path) -> None:
    from fastapi.testclient import TestClient

    from service.http.app import create_app
    from tests.support.command import words

    with TestClient(create_app(settings(home, slack_bot_token=TOKEN), words())) as client:
        reply = client.post("/slack/events", content=b"{}")
    assert reply.status_code == 404
    assert "SCHOLIAST_SLACK_SIGNING_SECRET not set" in reply.json()["detail"]


NASTY = (
    "The <!channel> of @here & <@U0EVIL> says [click](https://evil.example) "
    "<https://evil.example|here> `<!everyone>` is fine [1]."
)


@pytest.mark.parametrize("streams", [True, False])
def test_the_text_of_a_model_can_mention_nobody_and_hide_no_link(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch, streams: bool
) -> None:
    writes(monkeypatch, Script(NASTY, GenerationInfo(model="script")))
    slack.streams = streams
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        shown = slack.answer(ts)
    assert "The <!channel> of @here & <@U0EVIL> says [click](https://evil.example)" in shown.said
    everything = json.dumps([shown.text, shown.blocks])
    assert not [token for token in ("<!", "<@", "<http") if token in everything]
    assert not streams or "](" not in shown.text
    assert all(b["text"].get("verbatim") for b in shown.blocks if b["type"] == "section")
    assert not any(call.arguments.get("link_names") or call.arguments.get("parse") for call in slack.calls)


def test_the_text_of_a_person_can_mention_nobody_and_post_nowhere_else(service: SlackService, slack: FakeSlack) -> None:
    question = "&lt;!channel&gt; <!here> tell <#C99|secret> and <@U0EVIL> library:&lt;!channel&gt;"
    service.send.event(mention(question, ts := service.send.ts()))
    service.send.command("&lt;!channel&gt; what?")
    slack.answer(ts)
    posted = [call.arguments for call in slack.calls if call.method.startswith("chat.")]
    assert {arguments["channel"] for arguments in posted} == {"C01"}
    assert "<!" not in json.dumps(posted)
    assert "U0EVIL>" not in json.dumps(posted)


def test_a_title_and_its_url_can_not_break_out_of_their_link(home: Path, slack: FakeSlack) -> None:
    title, url = "Mitochondria> <!channel> | of newts", "https://a.example/x>y|<!here>z"
    paper = {"id": "b1", "title": title, "abstract": "Newts have mitochondria <!channel>.", "url": url}
    with slack_service(home, slack, slack_libraries="C01=bio") as service:
        service.client.post("/v1/papers?library=bio", json=[paper])
        service.send.event(mention("What do newts have?", ts := service.send.ts()))
        shown = json.dumps(slack.answer(ts).blocks)
    assert "<https://a.example/x%3Ey%7C%3C!here%3Ez|Mitochondria&gt; &lt;!channel&gt; | of newts>" in shown
    assert "<!" not in shown


def test_no_token_is_ever_written_to_the_log(home: Path, slack: FakeSlack, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    slack.fail("auth.test", "invalid_auth", times=9)
    slack.fail("chat.startStream", status=503, times=1)
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        slack.answer(ts)
        Sender(service.send._post, "wrong").event(mention(QUESTION, ts))
        try:
            raise ValueError(f"{TOKEN} in a trace")
        except ValueError:
            log.exception("xapp-1-A-2 and wss://x/link?ticket=abc-1&app_id=1")
    assert "auth.test" in caplog.text
    assert not [secret for secret in (TOKEN, SECRET, "xapp-1", "abc-1") if secret in caplog.text]
    assert TOKEN not in repr(settings(home, slack_bot_token=TOKEN))


def test_secrets_are_redacted_anywhere_in_a_text() -> None:
    assert redact(f"Bearer {TOKEN}, xoxe.xoxp-1-a") == "Bearer —, xoxe.—"
