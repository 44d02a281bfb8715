"""Jobs: a message is stored once, one worker has it at a time, and another takes over when that one dies."""

import time
from pathlib import Path

import pytest

from rag.database import Database
from rag.history import jobs as module
from rag.history.jobs import Jobs


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(Database(tmp_path))


def test_a_message_is_stored_once_and_answered_once(jobs: Jobs) -> None:
    assert (jobs.add("m1", "t1", {"text": "why?"}), jobs.add("m1", "t1", {"text": "why?"})) == (True, False)
    assert [job.payload for job in jobs.take("a", 5)] == [{"text": "why?"}]
    assert jobs.take("b", 5) == []
    assert jobs.finish("m1", "a")
    assert not jobs.add("m1", "t1", {})
    assert jobs.take("b", 5) == []


def test_a_job_whose_lease_has_expired_is_taken_over_and_its_first_worker_is_told(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.add("m1", "t1", {})
    monkeypatch.setattr(module, "LEASE_SECONDS", -1.0)
    jobs.take("a", 1)
    assert jobs.record("m1", "a", ["1.0"])
    monkeypatch.undo()
    (job,) = jobs.take("b", 1)
    assert (job.attempts, job.posted) == (2, ("1.0",))
    assert jobs.renew(["m1"], "a") == set()
    assert jobs.renew(["m1"], "b") == {"m1"}
    assert not jobs.record("m1", "a", ["1.0", "2.0"])
    assert not jobs.finish("m1", "a")
    assert jobs.posted_in("t1") == {"1.0"}


def test_a_thread_is_answered_one_message_after_another(jobs: Jobs) -> None:
    for key, thread in (("m1", "t1"), ("m2", "t1"), ("m3", "t2")):
        jobs.add(key, thread, {})
        time.sleep(0.002)
    assert [job.key for job in jobs.take("a", 5)] == ["m1", "m3"]
    jobs.finish("m1", "a")
    assert [job.key for job in jobs.take("b", 5)] == ["m2"]


def test_the_jobs_of_a_worker_that_is_known_to_be_dead_can_be_taken_at_once(jobs: Jobs) -> None:
    jobs.add("m1", "t1", {})
    jobs.take("dead", 1)
    jobs.reclaim(lambda worker: worker == "dead")
    assert [job.attempts for job in jobs.take("b", 1)] == [2]


def test_a_released_job_waits_for_its_delay(jobs: Jobs) -> None:
    jobs.add("m1", "t1", {})
    jobs.take("a", 1)
    jobs.release("m1", "a", 60)
    assert jobs.take("b", 1) == []


def test_only_a_message_that_no_worker_has_taken_is_withdrawn(jobs: Jobs) -> None:
    jobs.add("m1", "t1", {})
    jobs.add("m2", "t2", {})
    assert [job.key for job in jobs.take("a", 1)] == ["m1"]
    jobs.withdraw("m1")
    jobs.withdraw("m2")
    assert jobs.take("a", 5) == []
    assert jobs.renew(["m1"], "a") == {"m1"}


def test_jobs_finished_long_ago_are_deleted(jobs: Jobs) -> None:
    jobs.add("m1", "t1", {})
    jobs.add("m2", "t2", {})
    jobs.take("a", 1)
    jobs.finish("m1", "a")
    jobs.clear(kept_seconds=-1)
    assert (jobs.has("m1"), jobs.has("m2"), jobs.has_thread("t2")) == (False, True, True)
