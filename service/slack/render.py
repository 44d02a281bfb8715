"""Text and answers for Slack: escaped mrkdwn, split into messages, and an answer's blocks with sources and buttons."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from rag.grounding import highlight
from rag.types import PaperReference

Block = dict[str, Any]
AnswerJson = Mapping[str, Any]
"""An Answer in the JSON shape of `rag.serialize`."""

MESSAGE_CHARACTERS = 3_800
"""The most characters of a message's text as it is sent: `chat.update` takes 4,000."""

BLOCK_CHARACTERS = 2_900
"""The most characters of one block: Slack takes 3,000."""

FEEDBACK = "scholiast_feedback"
"""What the action ids of the feedback buttons begin with."""

REFERENCES = "scholiast_references"
"""The action id of the button that asks for an answer's references."""

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_FENCE = "```"
_ROOM_FOR_FENCES = 2 * len(f"{_FENCE}\n")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_BOLD = re.compile(r"\*\*(?=\S)([^\n]*?\S)\*\*")
_STRUCK = re.compile(r"~~(?=\S)([^\n]*?\S)~~")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_BREAKS = (("\n\n", 0.8), ("\n", 0.85), (". ", 0.9), (" ", 0.95))
"""Where a message may end, and the share of its limit from which on."""

_URL_SAFE = "/:?&=%#~+,;.@!$'()*[]-_"

_MORE = "_More from the abstracts_"
_NEAREST_STATEMENTS = "_The nearest statements, which may not answer this_"
_MAX_SOURCES = 20
_MAX_NEAREST = 3
_MAX_UNSUPPORTED = 3
_QUOTE_CHARACTERS = 400
_TITLE_CHARACTERS = 200

_OUTCOME_NOTES = {
    "answered": "",
    "partial": ":large_yellow_circle: The abstracts answer only part of this.",
    "not_in_abstracts": ":white_circle: The abstracts don't say. The nearest papers:",
    "out_of_scope": ":white_circle: No paper in library `{library}` is about this; `library:NAME` asks another one.",
    "empty_library": ":white_circle: Library `{library}` holds no papers yet; `scholiast ingest` adds some.",
}


def escape(text: str) -> str:
    """The text without any of Slack's markup: no mention such as `<!channel>` or `<@U1>`, no link under other words."""
    return "".join(_ESCAPES.get(character, character) for character in text)


def mrkdwn(markdown: str) -> str:
    """Markdown as Slack's mrkdwn, escaped: the same words and citation marks; bold stays bold, code stays code."""
    pieces, done = [], 0
    for code in _CODE.finditer(markdown):
        pieces += [_restyle(escape(markdown[done : code.start()])), escape(code[0])]
        done = code.end()
    return "".join([*pieces, _restyle(escape(markdown[done:]))])


def stream_markdown(markdown: str) -> str:
    """Markdown as Slack's streams take it, escaped. The form of a prefix does not depend on the text that follows."""
    return escape(markdown).replace("](", "]\\(")


def link(url: str | None, label: str) -> str:
    """The label as a link, if the URL is a web address; otherwise the label alone."""
    text = escape(" ".join(label.split()))
    return f"<{address}|{text}>" if (address := _address(url)) else text


def split(text: str, limit: int = MESSAGE_CHARACTERS) -> list[str]:
    """The text in messages of at most `limit` characters. When the text grows, only the last of them changes."""
    found: list[str] = []
    while 0 < (cut := _cut(text, limit - _ROOM_FOR_FENCES)) < len(text.rstrip()):
        head, text = text[:cut].rstrip(), text[cut:].lstrip("\n ")
        if head.count(_FENCE) % 2:
            head, text = f"{head}\n{_FENCE}", f"{_FENCE}\n{text}"
        found.append(head)
    return [*found, text.rstrip()]


def shorten(text: str, limit: int) -> str:
    """One line of at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def text_blocks(markdown: str) -> list[Block]:
    """The text in as many blocks as it needs. Nothing that only looks like a link or a name becomes one."""
    return [section(mrkdwn(part) or " ", verbatim=True) for part in split(markdown, BLOCK_CHARACTERS)]


def section(text: str, **options: bool) -> Block:
    """A block of text that is in mrkdwn already."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, **options}}


def footer(answer: AnswerJson, *, plain: bool = False) -> list[Block]:
    """The blocks below an answer's text: notes, then sources with quotes, or the nearest papers, then the buttons.

    `plain` is for workspaces that refuse links or the newer buttons.
    """
    notes = [_context_block(line) for line in _notes(answer)]
    listed = answer["citations"] or (answer["passages"] if answer["outcome"] == "not_in_abstracts" else ())
    papers = _sources(answer, plain) or _nearest(listed, plain)
    return [*notes, *papers, *_more(answer), *_references_button(answer), _feedback_buttons(answer["id"], plain)]


def _restyle(escaped: str) -> str:
    escaped = _HEADING.sub(r"*\1*", escaped)
    return _STRUCK.sub(r"~\1~", _BOLD.sub(r"*\1*", escaped))


def _cut(text: str, limit: int) -> int:
    """Where a message ends: at the first good break near its limit, so that the place is fixed as soon as it streams.

    Zero for no text.
    """
    lengths = _sent_lengths(text)
    fits = bisect_right(lengths, limit)
    cuts = [fits]
    for ending, share in _BREAKS:
        place = text.find(ending, bisect_left(lengths, share * limit), fits)
        if place > 0:
            cuts.append(place + len(ending))
    return max(1, min(cuts)) if text else 0


def _sent_lengths(text: str) -> list[int]:
    """For each character the most characters that are sent up to it, as mrkdwn or to a stream."""
    lengths, length, before = [], 0, ""
    for character in text:
        length += len(_ESCAPES.get(character, character)) + (character == "(" and before == "]") + 2 * (before == "\n")
        before = character
        lengths.append(length)
    return lengths


def _address(url: str | None) -> str:
    """A web address that can't end the link early; empty for anything else."""
    try:
        parsed = urlsplit((url or "").strip())
    except ValueError:
        return ""
    if parsed.scheme not in ("http", "https") or not parsed.netloc:
        return ""
    return escape(quote(parsed.geturl(), safe=_URL_SAFE))


def _notes(answer: AnswerJson) -> list[str]:
    """On the outcome, on how the answer was made, and on sentences that are contradicted or have no support."""
    lines = [_OUTCOME_NOTES[answer["outcome"]].format(library=escape(answer["library"])), escape(answer["notice"])]
    if answer["outcome"] in ("answered", "partial"):
        contradicted = [s for s in answer["sentences"] if s["support"] == "contradicted"]
        lines += [
            f":rotating_light: *Contradicted by the abstracts:* “{escape(shorten(s['text'], _QUOTE_CHARACTERS))}” "
            f"({escape(s['reason'])})"
            for s in contradicted[:_MAX_UNSUPPORTED]
        ]
        unsupported = [sentence["text"] for sentence in answer["sentences"] if sentence["support"] == "unsupported"]
        lines += [
            f":warning: No abstract supports this: “{escape(shorten(sentence, _QUOTE_CHARACTERS))}”"
            for sentence in unsupported[:_MAX_UNSUPPORTED]
        ]
    return [line for line in lines if line]


def _sources(answer: AnswerJson, plain: bool) -> list[Block]:
    """Each cited paper, with the quotes that the answer does not repeat; the words that support it are bold."""
    blocks = []
    numbers = {number for sentence in answer["sentences"] for number in sentence["citations"]}
    papers = {entry["number"]: entry["paper"] for entry in answer["passages"] if entry["number"] in numbers}
    papers |= {entry["number"]: entry["paper"] for entry in answer["citations"]}
    for number, paper in sorted(papers.items()):
        entries = [entry for entry in answer["citations"] if entry["number"] == number]
        said = [(answer["sentences"][entry["sentence"]], entry["quote"]) for entry in entries]
        quotes = [_quote(sentence["text"], quote) for sentence, quote in said if not _repeats(sentence, quote)]
        lines = [_paper_line(number, paper, plain), *dict.fromkeys(quotes)]
        while len("\n".join(lines)) > BLOCK_CHARACTERS:
            lines.pop()
        blocks.append(_context_block("\n".join(lines)))
    return blocks[:_MAX_SOURCES]


def _repeats(sentence: AnswerJson, quote: str) -> bool:
    return sentence["support"] == "supported" and highlight.says_it_all(sentence["text"], quote)


def _quote(sentence: str, quote: str) -> str:
    """On one line, with the supporting words in bold; a long one, which would have to be cut, in plain."""
    line = shorten(quote, _QUOTE_CHARACTERS)
    if line != quote:
        return f"“{escape(line)}”"
    marked, done = "", 0
    for start, end in highlight.supporting(sentence, quote):
        bold = escape(quote[start:end])
        marked += escape(quote[done:start]) + (f"*{bold}*" if "*" not in bold else bold)
        done = end
    return f"“{marked}{escape(quote[done:])}”"


def _more(answer: AnswerJson) -> list[Block]:
    """What the abstracts say beyond the answer, small; statements that no longer fit into a block are left out."""
    statements = answer.get("more", ())  # an answer that an earlier version stored has none
    lines = [_MORE if answer["citations"] else _NEAREST_STATEMENTS] if statements else []
    for statement in statements:
        marks = "".join(f"[{number}]" for number in statement["citations"])
        line = f"• {escape(shorten(statement['text'], _QUOTE_CHARACTERS))} {marks}"
        if len("\n".join([*lines, line])) <= BLOCK_CHARACTERS:
            lines.append(line)
    return [_context_block("\n".join(lines))] if lines else []


def _nearest(passages: Sequence[AnswerJson], plain: bool) -> list[Block]:
    papers = {passage["number"]: passage["paper"] for passage in reversed(passages)}
    lines = [_paper_line(number, papers[number], plain) for number in sorted(papers)[:_MAX_NEAREST]]
    return [_context_block("\n".join(lines))] if lines else []


def _paper_line(number: int, paper: AnswerJson, plain: bool) -> str:
    title = link(None if plain else paper["url"], shorten(paper["title"], _TITLE_CHARACTERS))
    return f"*[{number}]* {title}{PaperReference(**paper).suffix}"


def _number(entry: AnswerJson) -> int:
    return int(entry["number"])


def _context_block(line: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": line, "verbatim": True}]}


def _references_button(answer: AnswerJson) -> list[Block]:
    """Where the answer or a further statement cites papers."""
    if not answer["citations"] and not answer.get("more"):
        return []
    button = {"type": "button", "action_id": REFERENCES, "text": _plain_text("References"), "value": answer["id"]}
    return [{"type": "actions", "elements": [button]}]


def _feedback_buttons(answer_id: str, plain: bool) -> Block:
    good, bad = (_plain_text("Helpful"), f"good:{answer_id}"), (_plain_text("Not helpful"), f"bad:{answer_id}")
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


def _plain_text(label: str) -> Block:
    return {"type": "plain_text", "text": label}
