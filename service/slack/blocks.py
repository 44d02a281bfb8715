"""An answer as Slack's blocks: the text, then its sources with their quotes, what to know of it, and two buttons."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from service.slack.render import SECTION, escape, link, mrkdwn, parts, shortened

Block = dict[str, Any]
Shown = Mapping[str, Any]
"""An Answer in the JSON shape that every door shows."""

FEEDBACK = "scholiast_feedback"
_MOST_SOURCES = 20
_QUOTE = 400
_TITLE = 200
_NEAREST = 3

_ABOUT = {
    "answered": "",
    "partial": ":large_yellow_circle: The abstracts answer only part of this.",
    "not_in_abstracts": ":white_circle: The abstracts don't say. The nearest papers:",
    "out_of_scope": ":white_circle: No paper in library `{library}` is about this; `library:NAME` asks another one.",
    "empty_library": ":white_circle: Library `{library}` holds no papers yet; `scholiast ingest` puts some in.",
}


def text(markdown: str) -> list[Block]:
    """The words, in as many blocks as they take. Nothing that only looks like a link or a name becomes one."""
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn(part) or " ", "verbatim": True}}
        for part in parts(markdown, SECTION)
    ]


def foot(answer: Shown, *, plain: bool = False) -> list[Block]:
    """What stands below the words. `plain` is for workspaces that refuse links or the newer buttons."""
    about = [_context(line) for line in _about(answer)]
    listed = answer["citations"] or (answer["passages"] if answer["outcome"] == "not_in_abstracts" else ())
    papers = _sources(listed, plain) if answer["citations"] else _nearest(listed, plain)
    return [*about, *papers, _buttons(answer["id"], plain)]


def _about(answer: Shown) -> list[str]:
    lines = [_ABOUT[answer["outcome"]].format(library=escape(answer["library"])), escape(answer["notice"])]
    shaky = [sentence["text"] for sentence in answer["sentences"] if sentence["support"] == "unsupported"]
    if answer["outcome"] in ("answered", "partial"):
        lines += [f":warning: No abstract bears this out: “{escape(shortened(one, _QUOTE))}”" for one in shaky[:3]]
    return [line for line in lines if line]


def _sources(citations: Sequence[Shown], plain: bool) -> list[Block]:
    blocks = []
    for number, cited in groupby(sorted(citations, key=_number), key=_number):
        entries = list(cited)
        quotes = list(dict.fromkeys(shortened(entry["quote"], _QUOTE) for entry in entries))
        lines = [_titled(number, entries[0]["paper"], plain), *(f"“{escape(quote)}”" for quote in quotes)]
        while len("\n".join(lines)) > SECTION:
            lines.pop()
        blocks.append(_context("\n".join(lines)))
    return blocks[:_MOST_SOURCES]


def _nearest(passages: Sequence[Shown], plain: bool) -> list[Block]:
    papers = {passage["number"]: passage["paper"] for passage in reversed(passages)}
    lines = [_titled(number, papers[number], plain) for number in sorted(papers)[:_NEAREST]]
    return [_context("\n".join(lines))] if lines else []


def _titled(number: int, paper: Shown, plain: bool) -> str:
    title = link(None if plain else paper["url"], shortened(paper["title"], _TITLE))
    return f"*[{number}]* {title}" + (f" ({paper['year']})" if paper["year"] else "")


def _number(entry: Shown) -> int:
    return int(entry["number"])


def _context(line: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": line, "verbatim": True}]}


def _buttons(answer: str, plain: bool) -> Block:
    good, bad = (_text("Helpful"), f"good:{answer}"), (_text("Not helpful"), f"bad:{answer}")
    if plain:
        buttons = [
            {"type": "button", "action_id": f"{FEEDBACK}_{value.partition(':')[0]}", "text": label, "value": value}
            for label, value in (good, bad)
        ]
        return {"type": "actions", "elements": buttons}
    both = {
        "type": "feedback_buttons",
        "action_id": FEEDBACK,
        "positive_button": {"text": good[0], "value": good[1]},
        "negative_button": {"text": bad[0], "value": bad[1]},
    }
    return {"type": "context_actions", "elements": [both]}


def _text(words: str) -> Block:
    return {"type": "plain_text", "text": words}
