"""Slack over HTTP: the ways to ask, one answer to each, and how it is shown."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.http.app import create_app
from tests.conftest import QUESTION
from tests.support.command import words
from tests.support.fake_slack import ME, PERSON, FakeSlack
from tests.support.running import wait_until
from tests.support.slack_requests import Sender, mention, message
from tests.support.slack_service import WITH_KEY, sender, slack_settings

pytestmark = pytest.mark.slow


@pytest.fixture
def client(home: Path, slack: FakeSlack) -> Iterator[TestClient]:
    with TestClient(
        create_app(slack_settings(home, slack), words()), base_url="http://127.0.0.1", headers=WITH_KEY
    ) as client:
        yield client


@pytest.fixture
def send(client: TestClient) -> Sender:
    return sender(client)


def ask_over_http(client: TestClient, question: str, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/v1/ask", json={"question": question, **more}).json()
    return answer


def test_a_mention_is_answered_as_over_http_in_a_thread_with_its_sources(
    client: TestClient, slack: FakeSlack, send: Sender
) -> None:
    ts = send.ts()
    assert send.event(mention(QUESTION, ts)).status_code == 200
    shown, whole = slack.answer(ts), ask_over_http(client, QUESTION)
    assert shown.said == whole["text"]
    assert "[1]" in shown.text
    footer = json.dumps(shown.blocks, ensure_ascii=False)
    assert whole["citations"]
    for citation in whole["citations"]:
        assert citation["paper"]["title"] in footer
        assert citation["quote"][:60] in footer + shown.said  # a quote that the answer says is not said again
    assert slack.methods()[-3:] == ["assistant.threads.setStatus", "chat.startStream", "chat.stopStream"]


def test_without_streams_the_answer_is_posted(client: TestClient, slack: FakeSlack, send: Sender) -> None:
    slack.streams = False
    ts = send.ts()
    send.event(mention(QUESTION, ts))
    assert slack.answer(ts).said == ask_over_http(client, QUESTION)["text"]
    send.event(mention(QUESTION, other := send.ts()))
    slack.answer(other)
    assert slack.methods().count("chat.startStream") == 1


def test_both_events_of_a_mention_and_every_retry_give_one_answer(slack: FakeSlack, send: Sender) -> None:
    ts = send.ts()
    for event in (mention(QUESTION, ts), message(f"<@{ME}> {QUESTION}", ts), mention(QUESTION, ts)):
        assert send.event(event).status_code == 200
    slack.answer(ts)
    time.sleep(0.3)
    assert len(slack.shown(ts)) == 1
    assert slack.methods().count("chat.startStream") == 1


def test_a_follow_up_in_the_thread_needs_no_mention_and_continues_the_conversation(
    client: TestClient, slack: FakeSlack, send: Sender
) -> None:
    ts = send.ts()
    send.event(mention(QUESTION, ts))
    slack.answer(ts)
    send.event(message("And what about its draft heads?", send.ts(), thread=ts))
    assert wait_until(lambda: len([m for m in slack.shown(ts) if slack.whole(m)]) == 2)
    page = client.get("/v1/conversations").json()
    assert page["total"] == 0, "it belongs to the person in Slack"


def test_what_is_not_for_the_bot_gets_no_answer(slack: FakeSlack, send: Sender) -> None:
    ts = send.ts()
    send.event(mention(QUESTION, ts))
    slack.answer(ts)
    ignored = [
        message("Lunch?", send.ts()),
        message("Lunch, anyone?", send.ts(), thread="1700000000.000001"),
        message("thanks!", send.ts(), thread=ts),
        message("<@U0BOB> what do you say?", send.ts(), thread=ts),
        message("I am a bot", send.ts(), thread=ts, bot_id="B9"),
        message("It is me", send.ts(), thread=ts, user=ME),
        message("", send.ts(), thread=ts, subtype="message_changed", message={"text": QUESTION}),
        message("", send.ts(), thread=ts, subtype="message_deleted", deleted_ts=ts),
        message("joined", send.ts(), subtype="channel_join"),
        {"type": "reaction_added", "user": PERSON, "item": {}},
    ]
    assert [send.event(event).status_code for event in ignored] == [200] * len(ignored)
    time.sleep(0.5)
    assert len(slack.messages) == 1


def test_a_direct_message_needs_no_mention_and_gets_a_title(slack: FakeSlack, send: Sender) -> None:
    ts = send.ts()
    send.event(message(QUESTION, ts, channel="D01"))
    assert "[1]" in slack.answer(ts).text
    assert "assistant.threads.setTitle" in slack.methods()


def test_the_slash_command_answers_in_a_thread_of_its_own(client: TestClient, slack: FakeSlack, send: Sender) -> None:
    reply = send.command(QUESTION)
    assert (reply.status_code, reply.json()["response_type"]) == (200, "ephemeral")
    send.command(QUESTION)
    assert wait_until(lambda: any(slack.whole(m) and m.thread for m in slack.shown()))
    root, answer = slack.shown()
    assert root.text.startswith(f"<@{PERSON}> asks: ")
    assert answer.thread == root.ts
    assert answer.said == ask_over_http(client, QUESTION)["text"]
    send.event(message("And what about its draft heads?", send.ts(), thread=root.ts, parent_user_id=ME))
    assert wait_until(lambda: len(slack.shown(root.ts)) == 2)


def test_the_slash_command_answers_ephemerally_where_the_bot_is_no_member(
    client: TestClient, slack: FakeSlack, send: Sender
) -> None:
    slack.fail("chat.postMessage", "not_in_channel")
    send.command(QUESTION, slack.url.replace("/api/", "/respond"))
    assert wait_until(lambda: bool(slack.responses))
    assert slack.responses[0]["response_type"] == "ephemeral"
    assert slack.responses[0]["text"] == ask_over_http(client, QUESTION)["text"].replace("&", "&amp;")


def test_the_views_of_the_assistant_suggest_questions_about_papers_of_the_library(
    slack: FakeSlack, send: Sender
) -> None:
    send.event({"type": "app_home_opened", "tab": "messages", "channel": "D01", "user": PERSON})
    thread = {"channel_id": "D01", "thread_ts": "1.0", "user_id": PERSON}
    send.event({"type": "assistant_thread_started", "assistant_thread": thread})
    assert wait_until(lambda: slack.methods().count("assistant.threads.setSuggestedPrompts") == 2)
    prompts = [c.arguments["prompts"] for c in slack.calls if c.method.endswith("Prompts")]
    assert all("show?" in prompt["message"] for prompt in prompts[0])


def test_an_empty_mention_gets_help(slack: FakeSlack, send: Sender) -> None:
    ts = send.ts()
    send.event(mention("", ts))
    assert "library:NAME" in slack.answer(ts).text
    assert "library:NAME" in send.command("").json()["text"]


def test_a_channel_asks_its_library_and_a_question_may_name_another(home: Path, slack: FakeSlack) -> None:
    app = create_app(slack_settings(home, slack, slack_libraries="C02=bio"), words())
    with TestClient(app, base_url="http://127.0.0.1", headers=WITH_KEY) as client:
        paper = {"id": "b1", "title": "Mitochondria of newts", "abstract": "Newts have mitochondria. They are small."}
        client.post("/v1/papers?library=bio", json=[paper])
        send = sender(client)
        send.event(mention("What do newts have?", ts := send.ts(), channel="C02"))
        assert slack.answer(ts).text.endswith("Newts have mitochondria. They are small [1].")
        send.event(mention("library:bio What do newts have?", ts := send.ts()))
        assert slack.answer(ts).text.endswith("Newts have mitochondria. They are small [1].")
        send.event(mention("library:nowhere What do newts have?", ts := send.ts()))
        assert wait_until(lambda: bool(slack.shown(ts)))
        assert "There is no library `nowhere`" in slack.shown(ts)[0].text
        assert "`bio`" in slack.shown(ts)[0].text


@pytest.mark.parametrize(
    ("question", "outcome", "says"),
    [
        ("What is the price of Hydra++ heads in dollars?", "not_in_abstracts", "nearest papers"),
        ("How do volcanoes erupt under glaciers?", "out_of_scope", "is about this"),
    ],
)
def test_every_outcome_has_its_own_note(
    client: TestClient, slack: FakeSlack, send: Sender, question: str, outcome: str, says: str
) -> None:
    whole = ask_over_http(client, question)
    ts = send.ts()
    send.event(mention(question, ts))
    shown = slack.answer(ts)
    assert shown.said == whole["text"]
    if whole["outcome"] == outcome:
        assert says in json.dumps(shown.blocks)
        assert "chat.startStream" not in slack.methods()


def test_an_empty_library_says_so(tmp_path: Path, slack: FakeSlack) -> None:
    with TestClient(
        create_app(slack_settings(tmp_path / "new", slack), words()), base_url="http://127.0.0.1"
    ) as client:
        send = sender(client)
        send.event(mention(QUESTION, ts := send.ts()))
        assert "holds no papers yet" in json.dumps(slack.answer(ts).blocks)


def test_a_button_stores_feedback_and_thanks_only_the_person_who_pressed(
    client: TestClient, slack: FakeSlack, send: Sender
) -> None:
    send.event(mention(QUESTION, ts := send.ts()))
    buttons = slack.answer(ts).blocks[-1]["elements"][0]
    assert send.press(buttons["negative_button"]["value"], message={"thread_ts": ts}).status_code == 200
    assert wait_until(lambda: bool(slack.ephemeral))
    thanks = slack.ephemeral[0]
    assert (thanks["user"], thanks["channel"], thanks["thread_ts"]) == (PERSON, "C01", ts)
    answers = client.app.state.workspace.answers  # type: ignore[attr-defined]
    (kept,) = client.portal.call(answers.feedback)  # type: ignore[union-attr]
    assert (kept["verdict"], kept["question"]) == ("bad", QUESTION)
    send.press("good:ans_gone")
    assert wait_until(lambda: len(slack.ephemeral) == 2)
    assert "no longer kept" in slack.ephemeral[1]["text"]
