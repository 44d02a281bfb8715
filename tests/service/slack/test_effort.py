"""A deep answer asked for in Slack: the word is understood, and is no part of the question."""

from pathlib import Path

import pytest

from tests.conftest import QUESTION
from tests.support.fake_slack import FakeSlack
from tests.support.running import wait_until
from tests.support.slack_requests import mention
from tests.support.slack_service import slack_service

pytestmark = pytest.mark.slow


def test_a_deep_answer_without_a_chat_model_is_refused_with_what_to_do(home: Path, slack: FakeSlack) -> None:
    with slack_service(home, slack) as service:
        service.send.event(mention(f"{QUESTION} effort:deep", ts := service.send.ts()))
        assert wait_until(lambda: any("needs a chat model" in message.said for message in slack.shown(ts)), 15)
