"""Long answers: streams and their limits, workspaces without streams, failures half way; all of it arrives."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import BackendError
from rag.types import GenerationInfo
from service.slack import posts, reply
from tests.conftest import QUESTION
from tests.support.fake_slack import FakeSlack
from tests.support.running import Script, wait_until, writes
from tests.support.slack_requests import mention
from tests.support.slack_service import slack_service

pytestmark = pytest.mark.slow

WORDS = ("Hydra heads take the place of the usual heads & condition every guess on the guesses before it [1]. ",) * 40
WROTE = GenerationInfo(model="script")


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    monkeypatch.setattr(reply, "APPEND_SECONDS", 0.02)
    monkeypatch.setattr(reply, "UPDATE_SECONDS", 0.02)
    with FakeSlack().running() as fake:
        yield fake


class Slow(Script):
    """Yields a piece at a time, with pauses."""

    async def write(self, *arguments: object) -> object:  # type: ignore[override]
        import asyncio

        async for piece in super().write(*arguments):  # type: ignore[arg-type]
            await asyncio.sleep(0.01)
            yield piece


def whole(slack: FakeSlack, ts: str, seconds: float = 15) -> str:
    """The text of all messages of a thread, when the last is whole."""
    assert wait_until(lambda: any(slack.whole(m) for m in slack.shown(ts)[-1:]), seconds), slack.shown(ts)
    return " ".join(message.said for message in slack.shown(ts))


def same_words(said: str, text: str) -> bool:
    return said.split() == text.split()


@pytest.mark.parametrize("streams", [True, False])
def test_a_long_answer_grows_in_as_many_messages_as_it_takes(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch, streams: bool
) -> None:
    writes(monkeypatch, Slow(*WORDS, WROTE))
    slack.streams = streams
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        said = whole(slack, ts)
        assert same_words(said, service.ask(QUESTION)["text"])
    grew = "chat.appendStream" if streams else "chat.update"
    assert slack.methods().count(grew) > 3
    assert len(slack.shown(ts)) == 2
    assert not any(message.streaming for message in slack.shown(ts))


def test_one_enormous_word_is_split_too(home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    writes(monkeypatch, Script("Hydra&" * 3_000 + " heads [1].", WROTE))
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        said = whole(slack, ts)
        assert said.replace(" ", "") == service.ask(QUESTION)["text"].replace(" ", "")
    assert "msg_too_long" not in str(slack.calls)


def test_a_stream_that_expires_in_the_middle_becomes_a_message_that_is_updated(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes(monkeypatch, Slow(*WORDS[:20], WROTE))
    slack.stream_seconds = 0.08
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        assert same_words(whole(slack, ts), service.ask(QUESTION)["text"])
    assert len(slack.shown(ts)) == 1


def test_a_stream_is_ended_before_slack_ends_it(home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posts, "STREAM_SECONDS", 0.1)
    writes(monkeypatch, Slow(*WORDS[:20], WROTE))
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        assert same_words(whole(slack, ts), service.ask(QUESTION)["text"])
    assert slack.methods().count("chat.stopStream") == 1
    assert "chat.update" in slack.methods()


@pytest.mark.parametrize(
    ("method", "failure"),
    [
        ("chat.startStream", {"error": "ratelimited", "status": 429, "retry_after": "30"}),
        ("chat.startStream", {"error": "internal_error", "status": 500}),
        ("chat.startStream", {"error": "missing_scope"}),
        ("chat.appendStream", {"error": "message_not_in_streaming_state"}),
        ("chat.appendStream", {"error": "ratelimited", "status": 429, "retry_after": "1"}),
        ("chat.appendStream", {"status": 503}),
        ("chat.stopStream", {"error": "message_not_in_streaming_state"}),
        ("chat.stopStream", {"status": 502}),
        ("chat.stopStream", {"error": "invalid_blocks"}),
        ("assistant.threads.setStatus", {"error": "missing_scope"}),
    ],
)
def test_when_a_call_fails_once_the_answer_arrives_whole_and_once(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch, method: str, failure: dict[str, str | int]
) -> None:
    writes(monkeypatch, Slow(*WORDS[:15], WROTE))
    slack.fail(method, **failure)  # type: ignore[arg-type]
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        assert same_words(whole(slack, ts), service.ask(QUESTION)["text"])
    assert len(slack.shown(ts)) == 1


@pytest.mark.parametrize(
    ("method", "failure"),
    [
        ("chat.postMessage", {"error": "ratelimited", "status": 429, "retry_after": "1"}),
        ("chat.postMessage", {"status": 503}),
        ("chat.postMessage", {"error": "invalid_blocks"}),
        ("chat.update", {"error": "ratelimited", "status": 429, "retry_after": "1"}),
        ("chat.update", {"status": 500}),
    ],
)
def test_when_a_call_fails_once_without_streams_too(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch, method: str, failure: dict[str, str | int]
) -> None:
    writes(monkeypatch, Slow(*WORDS[:15], WROTE))
    slack.streams = False
    slack.fail(method, **failure)  # type: ignore[arg-type]
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        assert same_words(whole(slack, ts), service.ask(QUESTION)["text"])
    assert len(slack.shown(ts)) == 1


@pytest.mark.parametrize("method", ["chat.startStream", "chat.postMessage", "chat.stopStream"])
def test_a_call_that_slack_carried_out_but_answered_500_gives_no_second_message(
    home: Path, slack: FakeSlack, method: str
) -> None:
    slack.streams = method != "chat.postMessage"
    slack.drop_reply(method)
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        assert same_words(whole(slack, ts), service.ask(QUESTION)["text"])
    assert len(slack.shown(ts)) == 1


def test_retry_after_is_honoured(home: Path, slack: FakeSlack) -> None:
    slack.streams = False
    slack.fail("chat.postMessage", "ratelimited", status=429, retry_after="2")
    with slack_service(home, slack) as service:
        began = time.monotonic()
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        slack.answer(ts)
    assert time.monotonic() - began > 2
    assert slack.methods().count("chat.postMessage") == 2


def test_where_there_is_no_status_a_message_says_that_an_answer_is_coming(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reply, "PLACEHOLDER_AFTER_SECONDS", 0.05)
    script = writes(monkeypatch, Script(None, "Hydra heads condition every guess on the guesses before it [1].", WROTE))
    slack.streams = False
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        assert wait_until(lambda: any("Reading" in message.text for message in slack.shown(ts)))
        script.go.set()
        assert same_words(whole(slack, ts), service.ask(QUESTION)["text"])
    assert len(slack.shown(ts)) == 1


def test_a_failure_half_way_takes_the_place_of_what_was_shown(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes(monkeypatch, Slow(*WORDS[:5], RuntimeError("/secret/path: a bug")))
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        said = whole(slack, ts)
    assert said.startswith("I'm sorry: something broke on my side.")
    assert "/secret" not in said


def test_a_backend_that_is_down_is_retried_and_then_reported(
    home: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.slack.answer._BACKEND_RETRY_SECONDS", (0.01,))
    writes(monkeypatch, Script(BackendError("https://secret.example answered 503", retryable=True)))
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, ts := service.send.ts()))
        said = whole(slack, ts)
    assert said == "I'm sorry: what I need to answer isn't reachable just now. Please ask again in a minute."


def test_the_person_who_asked_is_told_when_the_bot_may_not_post(home: Path, slack: FakeSlack) -> None:
    slack.fail("chat.startStream", "not_in_channel")
    slack.fail("chat.postMessage", "not_in_channel")
    with slack_service(home, slack) as service:
        service.send.event(mention(QUESTION, service.send.ts()))
        assert wait_until(lambda: bool(slack.ephemeral))
    assert "not_in_channel" in slack.ephemeral[0]["text"]
    assert slack.messages == {}
