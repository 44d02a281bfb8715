"""A watch's digest is posted to its channel exactly once: after a kill, a lost reply, a refusal, from two processes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import CommandResult
from tests.support.fake_slack import TOKEN, FakeSlack
from tests.support.running import wait_until

CHANNEL = "C0123456789"
PAPER = {
    "id": "new",
    "title": "Sleep after <!channel> caffeine & tea",
    "abstract": "We asked sixty adults. Caffeine did shorten sleep by 41 minutes. Tea did not.",
    "url": "https://example.org/new",
}
RUN = (sys.executable, "-m", "tests.support.command", "watch", "run")

Command = Callable[..., CommandResult]


@pytest.fixture
def watching(scholiast: Command, slack: FakeSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A watch that tells a channel, and a paper that came after it began."""
    monkeypatch.setenv("SCHOLIAST_SLACK_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("SCHOLIAST_SLACK_API_URL", slack.url)
    assert scholiast("watch", "add", "caffeine and sleep", "--to", f"slack:{CHANNEL}").code == 0
    file = tmp_path / "papers.json"
    file.write_text(json.dumps([PAPER]), encoding="utf-8")
    assert scholiast("ingest", file).code == 0
    return scholiast


def texts(slack: FakeSlack) -> list[str]:
    return [" ".join(block["text"]["text"] for block in message.blocks) for message in slack.shown()]


def test_a_digest_has_the_paper_and_its_sentence_and_no_markup_of_theirs(watching: Command, slack: FakeSlack) -> None:
    assert watching("watch", "run").code == 0
    (text,) = texts(slack)
    assert "<https://example.org/new|Sleep after &lt;!channel&gt; caffeine &amp; tea>" in text
    assert ">Caffeine did shorten sleep by 41 minutes." in text
    assert [m.channel for m in slack.shown()] == [CHANNEL]
    assert watching("watch", "run").code == 0
    assert len(slack.shown()) == 1


def test_a_finding_that_is_all_escapes_and_a_long_address_still_fits(
    watching: Command, slack: FakeSlack, tmp_path: Path
) -> None:
    long = {"title": "Caffeine, sleep " + "&" * 400, "abstract": f"Caffeine and sleep {'<' * 900}."}
    file = tmp_path / "long.json"
    file.write_text(json.dumps([{**long, "url": f"https://example.org/{'a' * 2900}"}]), encoding="utf-8")
    assert watching("ingest", file).code == 0
    ran = watching("watch", "run")
    assert ran.code == 0, ran.err
    assert len(slack.shown()[0].blocks) == 3


@pytest.mark.slow
def test_a_run_that_is_killed_between_posting_and_recording_posts_nothing_twice(
    watching: Command, slack: FakeSlack
) -> None:
    slack.hold_reply("chat.postMessage")
    killed = subprocess.Popen(RUN, env=dict(os.environ))
    assert wait_until(lambda: bool(slack.shown()), 30)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    slack.release()
    assert watching("watch", "run").code == 0
    assert len(slack.shown()) == 1
    assert slack.methods().count("chat.postMessage") == 1


@pytest.mark.slow
def test_a_run_that_is_killed_before_it_posts_loses_nothing(watching: Command, slack: FakeSlack) -> None:
    slack.hold_reply("auth.test")
    killed = subprocess.Popen(RUN, env=dict(os.environ))
    assert wait_until(lambda: "auth.test" in slack.methods(), 30)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    slack.release()
    assert watching("watch", "run").code == 0
    assert len(slack.shown()) == 1


def test_a_post_whose_reply_was_lost_is_found_and_not_repeated(
    watching: Command, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.slack.posts._RETRY_SECONDS", (0.01, 0.01))
    slack.drop_reply("chat.postMessage")
    assert watching("watch", "run").code == 0
    assert len(slack.shown()) == 1


def test_a_digest_that_slack_refuses_is_told_and_posted_later(watching: Command, slack: FakeSlack) -> None:
    slack.fail("chat.postMessage", "not_in_channel")
    refused = watching("watch", "run")
    assert (refused.code, "not_in_channel; is the bot a member" in refused.err) == (1, True), refused.err
    assert slack.shown() == []
    assert watching("watch", "run").code == 0
    assert len(slack.shown()) == 1


def test_a_removed_watch_posts_nothing_more(
    watching: Command, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCHOLIAST_SLACK_BOT_TOKEN")
    (run,) = json.loads(watching("watch", "run", "--json").out)["runs"]
    assert len(run["found"]) == 1
    assert watching("watch", "remove", run["watch"]).code == 0
    monkeypatch.setenv("SCHOLIAST_SLACK_BOT_TOKEN", TOKEN)
    assert watching("watch", "run").code == 0
    assert slack.shown() == []
