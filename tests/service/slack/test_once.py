"""Exactly one answer: to duplicates at several workers, after kill -9, after a restart, and never a second one."""

import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rag.database import Database
from rag.history import jobs as inboxes
from rag.history.jobs import Jobs
from service.slack.lease import is_dead, worker_name
from tests.conftest import QUESTION
from tests.support.fake_slack import ME, FakeSlack, mention, message
from tests.support.running import Script, wait_until, writes
from tests.support.slack_doors import door, post_to, process

MENTIONS = 30
_NO_PROCESS = 2**22 + 1  # more than Linux ever gives


def test_duplicates_at_two_workers_of_which_one_is_killed_give_one_answer_each(home: Path, slack: FakeSlack) -> None:
    other = Path(shutil.copytree(home, home.parent / "other"))
    database = f"sqlite:///{home}/scholiast.sqlite3"
    threads = [f"1800000000.{n:06}" for n in range(MENTIONS)]
    with (
        process(home, slack, SCHOLIAST_DATABASE_URL=database) as (killed, url),
        door(other, slack, database_url=database) as opened,
    ):

        def deliver(number: int) -> int:
            ts = threads[number // 3]
            twin = mention(QUESTION, ts) if number % 3 else message(f"<@{ME}> {QUESTION}", ts)
            return int(post_to(url).event(twin)) if number % 2 else int(opened.send.event(twin).status_code)

        with ThreadPoolExecutor(6) as pool:
            assert set(pool.map(deliver, range(MENTIONS * 3))) == {200}
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert {opened.send.event(mention(QUESTION, ts)).status_code for ts in threads} == {200}
        assert wait_until(lambda: all(any(map(slack.whole, slack.shown(ts))) for ts in threads), 60)
        time.sleep(0.5)
    assert [len(slack.shown(ts)) for ts in threads] == [1] * MENTIONS
    assert len({m.said for m in slack.shown()}) == 1


def test_what_was_acknowledged_before_a_kill_is_answered_after_the_restart(home: Path, slack: FakeSlack) -> None:
    threads = [f"1800000000.{n:06}" for n in range(40)]
    with process(home, slack) as (service, url):
        for ts in threads:
            assert post_to(url).event(mention(QUESTION, ts)) == 200
        service.send_signal(signal.SIGKILL)
        service.wait()
    assert sum(any(map(slack.whole, slack.shown(ts))) for ts in threads) < 40
    with door(home, slack):
        assert wait_until(lambda: all(any(map(slack.whole, slack.shown(ts))) for ts in threads), 20)
    assert [len(slack.shown(ts)) for ts in threads] == [1] * 40


def test_an_answer_that_was_found_before_a_crash_is_shown_and_not_asked_for_again(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.slack.worker._LATER_SECONDS", 0.05)
    script = writes(monkeypatch, Script("Hydra heads condition every guess on the guesses before it [1]."))
    slack.streams = False
    slack.fail("chat.postMessage", status=503, times=3)
    monkeypatch.setattr("service.slack.posts._RETRY_SECONDS", (0.01, 0.01))
    with door(home, slack) as opened:
        opened.send.event(mention(QUESTION, ts := opened.send.ts()))
        slack.answer(ts)
    assert len(script.heard) == 1
    assert len(slack.shown(ts)) == 1


def test_a_worker_that_lost_its_lease_posts_nothing_more(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = writes(monkeypatch, Script(None, "Hydra heads condition every guess on the guesses before it [1]."))
    with door(home, slack) as opened:
        opened.send.event(mention(QUESTION, ts := opened.send.ts()))
        assert wait_until(lambda: bool(script.heard))
        inbox = Jobs(Database(home))
        inbox.reclaim(lambda worker: True)
        monkeypatch.setattr(inboxes, "LEASE_SECONDS", 60.0)
        (taken,) = wait_taken(inbox)
        assert taken.attempts >= 2
        monkeypatch.setattr("service.slack.lease._MARGIN_SECONDS", 1_000.0)
        script.go.set()
        time.sleep(0.5)
        assert slack.shown(ts) == []
        inbox.close()


def wait_taken(inbox: Jobs) -> list[inboxes.Job]:
    taken: list[inboxes.Job] = []

    def take() -> bool:
        taken.extend(inbox.take("another", 1))
        return bool(taken)

    assert wait_until(take)
    return taken


def test_what_is_too_old_to_answer_is_apologised_for(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.slack.answer.OLD_SECONDS", -1.0)
    with door(home, slack) as opened:
        opened.send.event(mention(QUESTION, ts := opened.send.ts()))
        assert slack.answer(ts).said.startswith("I'm sorry: I was interrupted")


def test_a_question_that_was_deleted_before_anybody_began_is_not_answered(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = writes(monkeypatch, Script(None, "Hydra heads condition every guess [1]."))
    with door(home, slack) as opened:
        send, ts = opened.send, opened.send.ts()
        send.event(mention(QUESTION, ts))
        assert wait_until(lambda: bool(script.heard))
        send.event(mention("And then?", later := send.ts(), thread=ts))
        send.event(message("", send.ts(), subtype="message_deleted", deleted_ts=later))
        script.go.set()
        slack.answer(ts)
        time.sleep(0.3)
    assert len(slack.shown(ts)) == 1


def test_questions_of_one_thread_are_answered_in_their_order(home: Path, slack: FakeSlack) -> None:
    with door(home, slack) as opened:
        ts = opened.send.ts()
        opened.send.event(mention(QUESTION, ts))
        for _ in range(4):
            opened.send.event(message("And what about its draft heads?", opened.send.ts(), thread=ts))
        assert wait_until(lambda: sum(map(slack.whole, slack.shown(ts))) == 5, 20)
        (found,) = [c for c in conversations(opened) if c["messages"] == 10]
    assert found["key"] == f"slack:T01:C01:{ts}"


def test_a_thread_that_is_longer_than_a_conversation_goes_on(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.slack.answer.MAX_MESSAGES", 4)
    with door(home, slack) as opened:
        ts = opened.send.ts()
        opened.send.event(mention(QUESTION, ts))
        for _ in range(2):
            opened.send.event(message("And what about its draft heads?", opened.send.ts(), thread=ts))
        assert wait_until(lambda: sum(map(slack.whole, slack.shown(ts))) == 3, 20)
        assert {c["key"]: c["messages"] for c in conversations(opened)} == {
            f"slack:T01:C01:{ts}": 4,
            f"slack:T01:C01:{ts}+": 2,
        }


def conversations(opened: object) -> list[dict[str, object]]:
    conversations, portal = opened.client.app.state.workspace.conversations, opened.client.portal  # type: ignore[attr-defined]
    found, _ = portal.call(conversations.page, "slack:T01:U0ANN")
    return [vars(conversation) for conversation in found]


def test_a_worker_knows_which_others_have_died() -> None:
    ours = worker_name()
    machine, pid, _ = ours.split("|")
    assert not is_dead(ours, ours)
    assert is_dead(f"{machine}|{pid}|an earlier life", ours)
    assert is_dead(f"{machine}|{_NO_PROCESS}|x", ours)
    assert not is_dead(f"elsewhere|{pid}|x", ours)
    assert not is_dead("nonsense", ours)
