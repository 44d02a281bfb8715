"""The button for references: what is posted in the thread, once, whatever fails in between."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from rag.types import Paper
from service.slack.render import REFERENCES
from tests.conftest import QUESTION
from tests.support.fake_slack import FakeSlack, Message
from tests.support.running import wait_until
from tests.support.slack_requests import mention, post_to
from tests.support.slack_service import SlackService, process, slack_service

pytestmark = pytest.mark.slow


def button(message: Message) -> dict[str, Any]:
    """The button for references under an answer."""
    elements = [element for block in message.blocks for element in block.get("elements", ())]
    (found,) = [element for element in elements if element.get("action_id") == REFERENCES]
    return dict(found)


def asked(service: SlackService, slack: FakeSlack) -> tuple[str, str]:
    """A thread with an answer, and the answer's id."""
    service.send.event(mention(QUESTION, ts := service.send.ts()))
    return ts, button(slack.answer(ts))["value"]


def test_the_references_are_posted_in_the_thread_once(home: Path, slack: FakeSlack, papers: list[Paper]) -> None:
    with slack_service(home, slack) as service:
        ts, answer = asked(service, slack)
        for user in ("U0ANN", "U0BOB", "U0ANN"):
            assert service.send.ask_for_references(answer, {"thread_ts": ts}, user=user).status_code == 200
        assert wait_until(lambda: len(slack.shown(ts)) == 2)
        time.sleep(0.3)
        _, posted = slack.shown(ts)
    assert posted.said.startswith("[1] ")
    assert papers[0].title in posted.said
    assert "```\n@" in posted.said and posted.said.endswith("```")
    assert papers[0].abstract not in posted.said


def test_an_answer_that_cites_nothing_has_no_button_and_says_so(home: Path, slack: FakeSlack) -> None:
    with slack_service(home, slack) as service:
        answer = service.ask("What do penguins eat in winter?")
        assert not answer["citations"] and not answer["more"]
        for id, text in ((answer["id"], "cites no papers"), ("ans_gone", "no answer 'ans_gone'")):
            service.send.ask_for_references(id, {"thread_ts": (ts := service.send.ts())})
            assert wait_until(lambda ts=ts: bool(slack.shown(ts)))  # type: ignore[misc]  # it is bound at once
            assert text in slack.shown(ts)[0].said


def test_under_an_ephemeral_answer_only_the_person_sees_them(home: Path, slack: FakeSlack) -> None:
    with slack_service(home, slack) as service:
        answer = service.ask(QUESTION)
        service.send.ask_for_references(answer["id"], {}, respond=slack.url.replace("/api/", "/respond"))
        assert wait_until(lambda: bool(slack.responses))
    assert slack.shown() == []
    assert slack.responses[0]["response_type"] == "ephemeral"
    assert "```\n@" in slack.responses[0]["text"]


def test_slack_failing_after_it_posted_makes_no_second_message(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.slack.posts._RETRY_SECONDS", (0.01, 0.01))
    with slack_service(home, slack) as service:
        ts, answer = asked(service, slack)
        slack.drop_reply("chat.postMessage")
        service.send.ask_for_references(answer, {"thread_ts": ts})
        assert wait_until(lambda: len(slack.shown(ts)) == 2)
        time.sleep(0.5)
    assert len(slack.shown(ts)) == 2


def test_a_request_that_was_acknowledged_before_a_kill_is_carried_out_once_after_it(
    home: Path, slack: FakeSlack
) -> None:
    with slack_service(home, slack) as service:
        ts, answer = asked(service, slack)
    with process(home, slack) as (killed, url):
        assert post_to(url).ask_for_references(answer, {"thread_ts": ts}) == 200
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    with slack_service(home, slack) as service:
        service.send.ask_for_references(answer, {"thread_ts": ts})
        assert wait_until(lambda: len(slack.shown(ts)) == 2, 60)
        time.sleep(0.5)
    assert len(slack.shown(ts)) == 2
