"""A question in a thread may refer to what people said there before the bot was asked."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rag.database import FILE
from tests.support.fake_slack import ME, FakeSlack
from tests.support.slack_requests import mention, message
from tests.support.slack_service import slack_service

pytestmark = pytest.mark.slow

THREAD = "1700000000.000001"
FOLLOW_UP = "What about its draft heads?"
PAPER = "Has anybody read Hydra: Sequentially-Dependent Draft Heads for Medusa Decoding?"


def say(slack: FakeSlack, text: str, ts: str = THREAD, **more: Any) -> None:
    """Somebody writes a message that is not for the bot."""
    slack.thread_messages.append(message(text, ts, thread=THREAD, **more))


def context(home: Path, slack: FakeSlack, question: str = FOLLOW_UP) -> list[str]:
    """The history that the question was asked with, when the bot was asked in the thread."""
    with slack_service(home, slack) as service:
        service.send.event(mention(question, "1700000009.000001", thread=THREAD))
        slack.answer(THREAD)
    with closing(sqlite3.connect(home / FILE)) as database:
        ((history,),) = database.execute("SELECT history FROM answers")
    return [turn["content"] for turn in json.loads(history)]


def test_a_question_may_refer_to_what_people_said_above_it(home: Path, slack: FakeSlack) -> None:
    say(slack, PAPER)
    with slack_service(home, slack) as service:
        service.send.event(mention(FOLLOW_UP, "1700000009.000001", thread=THREAD))
        assert "Hydra" in json.dumps(slack.answer(THREAD).blocks)
    assert slack.methods().count("conversations.replies") == 1


def test_links_and_names_become_plain_text_and_mentions_of_the_bot_are_left_out(home: Path, slack: FakeSlack) -> None:
    say(slack, "See <https://arxiv.org/abs/2402.05109|Hydra> &amp; <@U0BOB|bob>")
    say(slack, f"<@{ME}> hello", "1700000001.000001")
    say(slack, "", "1700000002.000001", subtype="channel_join")
    say(slack, "New: Hydra", "1700000003.000001", subtype="bot_message", user="", bot_id="B9")
    assert context(home, slack) == ["See Hydra & @bob", "New: Hydra"]


def test_only_the_last_messages_before_the_question_count(home: Path, slack: FakeSlack) -> None:
    for second in range(12):
        say(slack, f"{second} {'x' * 5_000}", f"17000000{second:02}.000000")
    turns = context(home, slack)
    assert [words.split()[0] for words in turns] == ["6", "7", "8", "9"]
    assert {len(words) for words in turns} == {1_000}


def test_what_was_said_before_the_bots_last_message_is_not_repeated(home: Path, slack: FakeSlack) -> None:
    say(slack, "Lunch?")
    say(slack, "Hydra is a paper.", "1700000001.000001", user=ME)
    say(slack, PAPER, "1700000002.000001")
    assert context(home, slack) == [PAPER]


def test_a_standalone_question_costs_no_call(home: Path, slack: FakeSlack) -> None:
    say(slack, PAPER)
    assert context(home, slack, "What does FlowSep use?") == []
    assert "conversations.replies" not in slack.methods()


@pytest.mark.parametrize("error", ["missing_scope", "ratelimited", "internal_error"])
def test_when_slack_fails_the_question_is_answered_without_context(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    monkeypatch.setattr("service.slack.answer._CONTEXT_SECONDS", 0.2)
    say(slack, PAPER)
    slack.fail("conversations.replies", error, times=5)
    assert context(home, slack) == []


def test_two_deliveries_still_give_one_answer(home: Path, slack: FakeSlack) -> None:
    say(slack, PAPER)
    with slack_service(home, slack) as service:
        for _ in range(2):
            service.send.event(mention(FOLLOW_UP, "1700000009.000001", thread=THREAD))
        slack.answer(THREAD)
        time.sleep(0.3)
    assert len(slack.shown(THREAD)) == 1


def test_what_people_say_to_each_other_in_the_bots_thread_is_left_alone(home: Path, slack: FakeSlack) -> None:
    with slack_service(home, slack) as service:
        service.send.event(mention("What does FlowSep use?", THREAD))
        slack.answer(THREAD)
        for text in ("thanks everyone, see you tomorrow", "I read it last week", "shall we meet at three?"):
            service.send.event(message(text, service.send.ts(), thread=THREAD))
        time.sleep(0.3)
    assert len(slack.shown(THREAD)) == 1
