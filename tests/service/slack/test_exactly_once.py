"""Exactly one answer to each message: with duplicates at several workers, after kill -9 and after a restart."""

import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rag.database import Database
from rag.history.jobs import Job, Jobs
from service.lease import is_dead, worker_name
from tests.conftest import QUESTION
from tests.support.fake_slack import ME, FakeSlack
from tests.support.running import Script, wait_until, writes
from tests.support.slack_requests import mention, message, post_to
from tests.support.slack_service import process, slack_service

pytestmark = pytest.mark.slow

MENTIONS = 30
_NO_PROCESS = 2**22 + 1  # more than Linux ever gives


def test_duplicates_at_two_workers_of_which_one_is_killed_give_one_answer_each(home: Path, slack: FakeSlack) -> None:
    other = Path(shutil.copytree(home, home.parent / "other"))
    database = f"sqlite:///{home}/scholiast.sqlite3"
    threads = [f"1800000000.{n:06}" for n in range(MENTIONS)]
    with (
        process(home, slack, SCHOLIAST_DATABASE_URL=database) as (killed, url),
        slack_service(other, slack, database_url=database) as service,
    ):

        def deliver(number: int) -> int:
            ts = threads[number // 3]
            event = mention(QUESTION, ts) if number % 3 else message(f"<@{ME}> {QUESTION}", ts)
            return int(post_to(url).event(event)) if number % 2 else int(service.send.event(event).status_code)

        with ThreadPoolExecutor(6) as pool:
            assert set(pool.map(deliver, range(MENTIONS * 3))) == {200}
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert {service.send.event(mention(QUESTION, ts)).status_code for ts in threads} == {200}
        assert wait_until(lambda: all(any(map(slack.whole, slack.shown(ts))) for ts in threads), 60)
        time.sleep(0.5)
    assert [len(slack.shown(ts)) for ts in threads] == [1] * MENTIONS
    assert len({m.said for m in slack.shown()}) == 1


def test_questions_acknowledged_before_a_kill_are_answered_after_the_restart(home: Path, slack: FakeSlack) -> None:
    threads = [f"1800000000.{n:06}" for n in range(40)]
    with process(home, slack) as (service, url):
        for ts in threads:
            assert post_to(url).event(mention(QUESTION, ts)) == 200
        service.send_signal(signal.SIGKILL)
        service.wait()
    assert sum(any(map(slack.whole, slack.shown(ts))) for ts in threads) < 40
    with slack_service(home, slack):
        assert wait_until(lambda: all(any(map(slack.whole, slack.shown(ts))) for ts in threads), 60)
    assert [len(slack.shown(ts)) for ts in threads] == [1] * 40


def test_an_answer_that_was_stored_but_not_shown_is_not_generated_again(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.slack.worker._RETRY_SECONDS", 0.05)
    script = writes(monkeypatch, Script("Hydra heads condition every guess on the guesses before it [1]."))
    slack.streams = False
    slack.fail("chat.postMessage", status=503, times=3)
    monkeypatch.setattr("service.slack.posts._RETRY_SECONDS", (0.01, 0.01))
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        slack.answer(ts)
    assert len(script.heard) == 1
    assert len(slack.shown(ts)) == 1


def test_a_worker_that_lost_its_lease_posts_nothing_more(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = writes(monkeypatch, Script(None, "Hydra heads condition every guess on the guesses before it [1]."))
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        assert wait_until(lambda: bool(script.heard))
        jobs = Jobs(Database(home))
        jobs.reclaim(lambda worker: True)
        monkeypatch.setattr("rag.history.jobs.LEASE_SECONDS", 60.0)
        (taken,) = wait_taken(jobs)
        assert taken.attempts >= 2
        monkeypatch.setattr("service.lease._MARGIN_SECONDS", 1_000.0)
        script.go.set()
        time.sleep(0.5)
        assert slack.shown(ts) == []
        jobs.close()


def wait_taken(jobs: Jobs) -> list[Job]:
    taken: list[Job] = []

    def take() -> bool:
        taken.extend(jobs.take("another", 1))
        return bool(taken)

    assert wait_until(take)
    return taken


def test_a_question_that_is_too_old_gets_an_apology(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.slack.answer.STALE_SECONDS", -1.0)
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        assert slack.answer(ts).said.startswith("I'm sorry: I was interrupted")


def test_a_question_that_was_deleted_before_a_worker_began_is_not_answered(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = writes(monkeypatch, Script(None, "Hydra heads condition every guess [1]."))
    with slack_service(home, slack) as service:
        send, ts = service.send, service.send.ts()
        send.event(mention(QUESTION, ts))
        assert wait_until(lambda: bool(script.heard))
        send.event(mention("And then?", later := send.ts(), thread=ts))
        send.event(message("", send.ts(), subtype="message_deleted", deleted_ts=later))
        script.go.set()
        slack.answer(ts)
        time.sleep(0.3)
    assert len(slack.shown(ts)) == 1


def test_questions_of_one_thread_are_answered_in_their_order(home: Path, slack: FakeSlack) -> None:
    with slack_service(home, slack) as service:
        ts = service.send.ts()
        service.send.event(mention(QUESTION, ts))
        for _ in range(4):
            service.send.event(message("And what about its draft heads?", service.send.ts(), thread=ts))
        assert wait_until(lambda: sum(map(slack.whole, slack.shown(ts))) == 5, 20)
        (found,) = [c for c in conversations(service) if c["messages"] == 10]
    assert found["key"] == f"slack:T01:C01:{ts}"


def test_a_thread_that_is_longer_than_a_conversation_continues_in_another(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.slack.answer.MAX_MESSAGES", 4)
    with slack_service(home, slack) as service:
        ts = service.send.ts()
        service.send.event(mention(QUESTION, ts))
        for _ in range(2):
            service.send.event(message("And what about its draft heads?", service.send.ts(), thread=ts))
        assert wait_until(lambda: sum(map(slack.whole, slack.shown(ts))) == 3, 20)
        assert {c["key"]: c["messages"] for c in conversations(service)} == {
            f"slack:T01:C01:{ts}": 4,
            f"slack:T01:C01:{ts}+": 2,
        }


def conversations(service: object) -> list[dict[str, object]]:
    conversations, portal = service.client.app.state.workspace.conversations, service.client.portal  # type: ignore[attr-defined]
    found, _ = portal.call(conversations.page, "slack:T01:U0ANN")
    return [vars(conversation) for conversation in found]


def test_a_worker_knows_which_others_have_died() -> None:
    ours = worker_name()
    machine, pid, _ = ours.split("|")
    assert not is_dead(ours, ours)
    assert is_dead(f"{machine}|{pid}|an earlier process", ours)
    assert is_dead(f"{machine}|{_NO_PROCESS}|x", ours)
    assert not is_dead(f"elsewhere|{pid}|x", ours)
    assert not is_dead("nonsense", ours)
