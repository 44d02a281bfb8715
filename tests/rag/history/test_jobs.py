"""The inbox: a message is taken in once, worked on by one, and taken over when that one dies."""

import time
from pathlib import Path

import pytest

from rag.database import Database
from rag.history import jobs as inboxes
from rag.history.jobs import Jobs


@pytest.fixture
def inbox(tmp_path: Path) -> Jobs:
    return Jobs(Database(tmp_path))


def test_a_message_is_taken_in_once_and_answered_once(inbox: Jobs) -> None:
    assert (inbox.add("m1", "t1", {"text": "why?"}), inbox.add("m1", "t1", {"text": "why?"})) == (True, False)
    assert [job.payload for job in inbox.take("a", 5)] == [{"text": "why?"}]
    assert inbox.take("b", 5) == []
    assert inbox.finish("m1", "a")
    assert not inbox.add("m1", "t1", {})
    assert inbox.take("b", 5) == []


def test_a_job_whose_lease_ran_out_is_taken_over_and_its_first_worker_knows(
    inbox: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.add("m1", "t1", {})
    monkeypatch.setattr(inboxes, "LEASE_SECONDS", -1.0)
    inbox.take("a", 1)
    assert inbox.record("m1", "a", ["1.0"])
    monkeypatch.undo()
    (job,) = inbox.take("b", 1)
    assert (job.attempts, job.posted) == (2, ("1.0",))
    assert inbox.renew(["m1"], "a") == set()
    assert inbox.renew(["m1"], "b") == {"m1"}
    assert not inbox.record("m1", "a", ["1.0", "2.0"])
    assert not inbox.finish("m1", "a")
    assert inbox.posted_in("t1") == {"1.0"}


def test_a_thread_is_answered_one_message_after_another(inbox: Jobs) -> None:
    for key, thread in (("m1", "t1"), ("m2", "t1"), ("m3", "t2")):
        inbox.add(key, thread, {})
        time.sleep(0.002)
    assert [job.key for job in inbox.take("a", 5)] == ["m1", "m3"]
    inbox.finish("m1", "a")
    assert [job.key for job in inbox.take("b", 5)] == ["m2"]


def test_the_jobs_of_a_worker_that_is_known_to_be_dead_are_free_at_once(inbox: Jobs) -> None:
    inbox.add("m1", "t1", {})
    inbox.take("dead", 1)
    inbox.reclaim(lambda worker: worker == "dead")
    assert [job.attempts for job in inbox.take("b", 1)] == [2]


def test_a_job_that_is_given_back_waits_for_its_time(inbox: Jobs) -> None:
    inbox.add("m1", "t1", {})
    inbox.take("a", 1)
    inbox.release("m1", "a", 60)
    assert inbox.take("b", 1) == []


def test_only_a_message_that_nobody_has_begun_to_answer_is_withdrawn(inbox: Jobs) -> None:
    inbox.add("m1", "t1", {})
    inbox.add("m2", "t2", {})
    assert [job.key for job in inbox.take("a", 1)] == ["m1"]
    inbox.withdraw("m1")
    inbox.withdraw("m2")
    assert inbox.take("a", 5) == []
    assert inbox.renew(["m1"], "a") == {"m1"}


def test_what_was_answered_long_ago_is_forgotten(inbox: Jobs) -> None:
    inbox.add("m1", "t1", {})
    inbox.add("m2", "t2", {})
    inbox.take("a", 1)
    inbox.finish("m1", "a")
    inbox.clear(kept_seconds=-1)
    assert (inbox.has("m1"), inbox.has("m2"), inbox.has_thread("t2")) == (False, True, True)
