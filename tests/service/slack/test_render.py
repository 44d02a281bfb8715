"""Text from Slack and for Slack: how a question is parsed, an answer escaped, and a long answer split."""

import html

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.slack import events, render
from service.slack.events import IncomingMessage
from tests.support.fake_slack import ME
from tests.support.slack_requests import callback, mention, message


def parsed(text: str) -> tuple[str, str]:
    incoming = events.parse_message(callback(mention(text, "1.1")))
    assert incoming is not None
    return events.question(incoming)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("what is 1 &lt; 2 &amp; 3?", "what is 1 < 2 & 3?"),
        ("what did <@U0ANN|ann> and <@U0BOB> say?", "what did @ann and @U0BOB say?"),
        (
            "see <https://a.example/x?a=1&amp;b=2|the paper> or <https://b.example>",
            "see the paper or https://b.example",
        ),
        ("<!here> <#C01|general> <!subteam^S1|@team> why?", "@here #general @team why?"),
        ("what is `x_i &gt; 0`?\n```a = b[0]```", "what is `x_i > 0`?\n```a = b[0]```"),
        (":wave: is 10:20:30 a ratio? :tada::+1:", "is 10:20:30 a ratio?"),
        ("  library:bio   why newts? ", "why newts?"),
        ("nul\0 and \ud800 half", "nul and ? half"),
    ],
)
def test_a_question_becomes_plain_text(text: str, question: str) -> None:
    assert parsed(text)[0] == question


def test_a_library_may_be_named_anywhere() -> None:
    assert parsed("library:bio why?")[1] == "bio"
    assert parsed('why? library:"my papers"') == ("why?", "my papers")
    assert parsed("what is a library:?") == ("what is a", "?") or parsed("what is a library: this?")[1] == ""


def test_one_message_has_one_key_however_it_arrives() -> None:
    keys = {
        incoming.key
        for event in (mention("a?", "1.1"), message(f"<@{ME}> a?", "1.1"), mention("a?", "1.1", edited={"ts": "1.2"}))
        if (incoming := events.parse_message(callback(event)))
    }
    assert keys == {"slack:T01:C01:1.1"}


@pytest.mark.parametrize("text", ["thanks!", "Thank you so much :tada:", "ok, thanks", "👍", "<@U0BOB> look?", ":+1:"])
def test_small_talk_between_people_is_not_for_the_bot(text: str) -> None:
    assert events.is_for_others(follow_up(text))


@pytest.mark.parametrize("text", ["and on ImageNet?", "thanks, but why?", "what about <@U0BOB>?", "ok so how"])
def test_a_follow_up_question_is_for_the_bot(text: str) -> None:
    assert not events.is_for_others(follow_up(text))


@pytest.mark.parametrize("text", ["thanks everyone, see you tomorrow", "did you send the slides?", "I will read it"])
def test_what_people_tell_each_other_is_left_alone(text: str) -> None:
    assert events.is_for_others(follow_up(text)) or not events.reads_as_question(follow_up(text))


@pytest.mark.parametrize("text", ["more on the second", "ok so how", "hey, which loss", "does it work in mice"])
def test_a_follow_up_needs_no_question_mark(text: str) -> None:
    assert events.reads_as_question(follow_up(text))


def follow_up(text: str) -> IncomingMessage:
    incoming = events.parse_message(callback(message(text, "1.2", thread="1.1")))
    assert incoming is not None
    return incoming


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("**Bold** and `**code**` [1].", "*Bold* and `**code**` [1]."),
        ("# Title\n- one\n- two [2]", "*Title*\n- one\n- two [2]"),
        ("a <b> & c\n```\nx < y && **z**\n```", "a &lt;b&gt; &amp; c\n```\nx &lt; y &amp;&amp; **z**\n```"),
        ("~~no~~ 2 ** 3 ** 4", "~no~ 2 ** 3 ** 4"),
        ("unclosed ``` <!here>", "unclosed ``` &lt;!here&gt;"),
    ],
)
def test_markdown_becomes_slacks_own_markup(markdown: str, shown: str) -> None:
    assert render.mrkdwn(markdown) == shown


@pytest.mark.parametrize("url", ["javascript:alert(1)", "", None, "/etc", "https://", "mailto:a@b.c", "http://[bad"])
def test_only_a_web_address_becomes_a_link(url: str | None) -> None:
    assert render.link(url, "A <title>") == "A &lt;title&gt;"


texts = st.text(st.sampled_from("ab.&<>]( \n`#*"), max_size=600) | st.text(max_size=300)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(texts, st.integers(40, 200))
def test_split_text_fits_loses_nothing_and_only_its_last_part_grows(text: str, limit: int) -> None:
    parts = render.split(text, limit)
    assert all(len(render.stream_markdown(part)) <= limit and len(render.mrkdwn(part)) <= limit + 2 for part in parts)
    assert "".join("".join(parts).replace("```", "").split()) == "".join(text.replace("```", "").split())
    so_far = render.split(text[: len(text) // 2], limit)
    assert so_far[:-1] == parts[: len(so_far) - 1]
    assert render.stream_markdown(parts[len(so_far) - 1]).startswith(render.stream_markdown(so_far[-1]))


@settings(max_examples=100, deadline=None)
@given(texts)
def test_escaped_text_reads_the_same_and_holds_no_markup(text: str) -> None:
    escaped = render.escape(text)
    assert html.unescape(escaped) == text or "&" in text
    assert not set("<>") & set(escaped)


def test_a_contradicted_sentence_is_flagged_with_the_reason() -> None:
    answer = {
        "id": "ans_1", "library": "default", "outcome": "partial", "notice": "", "citations": [], "passages": [],
        "more": [],
        "sentences": [
            {"text": "Tea <b>wakes</b>.", "citations": [1], "support": "contradicted", "reason": "it says 'tea'"}
        ],
    }  # fmt: skip
    notes = [block["elements"][0]["text"] for block in render.footer(answer) if block["type"] == "context"]
    assert any("*Contradicted by the abstracts:* “Tea &lt;b&gt;wakes&lt;/b&gt;.” (it says 'tea')" in n for n in notes)
