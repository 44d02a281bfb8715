"""Text for Slack: escaped so that nothing in it can call anybody or lead anywhere, and cut to what a message holds."""

import re
from bisect import bisect_left, bisect_right
from urllib.parse import quote, urlsplit

PART = 3_800
"""The most characters of a message's text as it is sent: `chat.update` takes 4,000."""

SECTION = 2_900
"""The most characters of one block: Slack takes 3,000."""

_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_FENCE = "```"
_ROOM_FOR_FENCES = 2 * len(f"{_FENCE}\n")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_BOLD = re.compile(r"\*\*(?=\S)([^\n]*?\S)\*\*")
_STRUCK = re.compile(r"~~(?=\S)([^\n]*?\S)~~")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_BREAKS = (("\n\n", 0.8), ("\n", 0.85), (". ", 0.9), (" ", 0.95))
"""After which share of what fits a part may end there."""

_URL_SAFE = "/:?&=%#~+,;.@!$'()*[]-_"


def escape(text: str) -> str:
    """The text itself, and nothing else: no mention of `<!channel>` or `<@U1>`, no link under other words."""
    return "".join(_ESCAPED.get(character, character) for character in text)


def mrkdwn(markdown: str) -> str:
    """What a message says, in Slack's own markup: the same words and marks; bold stays bold, code stays code."""
    pieces, done = [], 0
    for code in _CODE.finditer(markdown):
        pieces += [_restyled(escape(markdown[done : code.start()])), escape(code[0])]
        done = code.end()
    return "".join([*pieces, _restyled(escape(markdown[done:]))])


def streamed(markdown: str) -> str:
    """What a stream says, in the Markdown that Slack's streams take; what follows a text never changes how it looks."""
    return escape(markdown).replace("](", "]\\(")


def link(url: str | None, label: str) -> str:
    """The label, leading to a web address if there is one."""
    text = escape(" ".join(label.split()))
    return f"<{address}|{text}>" if (address := _address(url)) else text


def parts(text: str, limit: int = PART) -> list[str]:
    """The text in as many messages as it takes. Those but the last stay as they are when the text grows."""
    found: list[str] = []
    while 0 < (cut := _cut(text, limit - _ROOM_FOR_FENCES)) < len(text.rstrip()):
        head, text = text[:cut].rstrip(), text[cut:].lstrip("\n ")
        if head.count(_FENCE) % 2:
            head, text = f"{head}\n{_FENCE}", f"{_FENCE}\n{text}"
        found.append(head)
    return [*found, text.rstrip()]


def shortened(text: str, limit: int) -> str:
    """One line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def _restyled(escaped: str) -> str:
    escaped = _HEADING.sub(r"*\1*", escaped)
    return _STRUCK.sub(r"~\1~", _BOLD.sub(r"*\1*", escaped))


def _cut(text: str, limit: int) -> int:
    """Where a part ends: at the first good place after most of what fits, so that it is known as soon as it comes."""
    lengths = _lengths(text)
    fits = bisect_right(lengths, limit)
    cuts = [fits]
    for ending, share in _BREAKS:
        place = text.find(ending, bisect_left(lengths, share * limit), fits)
        if place > 0:
            cuts.append(place + len(ending))
    return max(1, min(cuts)) if text else 0


def _lengths(text: str) -> list[int]:
    """For each character how much is sent up to it, in whichever markup."""
    lengths, length, before = [], 0, ""
    for character in text:
        length += len(_ESCAPED.get(character, character)) + (character == "(" and before == "]") + 2 * (before == "\n")
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
