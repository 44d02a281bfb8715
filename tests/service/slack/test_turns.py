"""Slack's questions take their turns among those that come over HTTP, and neither keeps the other waiting."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import QUESTION
from tests.support.fake_slack import FakeSlack
from tests.support.running import Script, wait_until, writes
from tests.support.slack_requests import mention
from tests.support.slack_service import slack_service


@pytest.mark.slow
def test_slack_waits_for_a_place_that_http_holds_and_is_answered_then(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = writes(monkeypatch, Script("Hydra++ uses recipes [1]. ", None, "It does."))
    with (
        slack_service(home, slack, max_in_flight="1", max_queue_seconds="0.2") as service,
        ThreadPoolExecutor(1) as pool,
    ):
        asking = pool.submit(service.ask, QUESTION)
        assert wait_until(lambda: len(writer.heard) == 1)
        asked = service.send.ts()
        assert service.send.event(mention(QUESTION, asked)).status_code == 200
        assert not wait_until(lambda: len(writer.heard) > 1, 1.5)
        writer.go.set()
        assert asking.result()["outcome"] == "answered"
        assert slack.answer(asked)


@pytest.mark.slow
def test_many_questions_in_slack_let_one_over_http_through(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = writes(monkeypatch, Script("Hydra++ uses recipes [1]. ", None, "It does."))
    with (
        slack_service(home, slack, max_in_flight="1", max_queue_seconds="30") as service,
        ThreadPoolExecutor(1) as pool,
    ):
        asked = [service.send.ts() for _ in range(4)]
        for number in asked:
            assert service.send.event(mention(QUESTION, number)).status_code == 200
        assert wait_until(lambda: len(writer.heard) == 1)
        asking = pool.submit(service.ask, QUESTION)
        writer.go.set()
        assert asking.result()["outcome"] == "answered"
        assert all(slack.answer(number) for number in asked)
