"""What watches found as a mail: in plain text, and in HTML whose only markup is ours."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import urlsplit

_MAX_FINDINGS = 100
_TITLE_CHARACTERS = 300
_SENTENCE_CHARACTERS = 2000
_SUBJECT_CHARACTERS = 120


def mail(key: str, created: float, digest: Mapping[str, Any], sender: str) -> EmailMessage:
    """The mail of a digest: `text`, `findings` and `address`, as a job's payload has them.

    The same digest, by its key, always makes the same mail, with the same Message-ID.
    """
    found, watch = digest["findings"], key.partition(":")[0]
    message = EmailMessage(policy=SMTP)
    watched = _shortened(digest["text"], _SUBJECT_CHARACTERS)
    message["Subject"] = f"New on “{watched}”: {len(found)}"
    message["From"] = Address("Scholiast", addr_spec=sender)
    message["To"] = Address(addr_spec=digest["address"])
    message["Date"] = format_datetime(datetime.fromtimestamp(created, UTC))
    message["Message-ID"] = f"<{sha256(key.encode()).hexdigest()[:32]}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    more = len(found) - _MAX_FINDINGS
    told = [f"And {more} more, in the feed of the watch."] if more > 0 else []
    end = [*told, f"You get this because of the watch {watch}: scholiast watch remove {watch} ends it."]
    title = f"New on “{digest['text']}”"
    message.set_content("\n\n".join([title, *map(_text, found[:_MAX_FINDINGS]), *end]) + "\n")
    blocks = [f"<h2>{escape(title)}</h2>", *map(_html, found[:_MAX_FINDINGS])]
    blocks += [f"<p>{escape(line)}</p>" for line in end]
    message.add_alternative("<!doctype html>\n<meta charset=utf-8>\n" + "\n".join(blocks) + "\n", subtype="html")
    return message


def _text(finding: Mapping[str, Any]) -> str:
    if finding["kind"] == "paper":
        url = _web_address(finding["paper"])
        return "\n".join([_title(finding["paper"]), *([url] if url else []), f"> {_sentence(finding)}"])
    return "\n".join(["The answer has changed.", *(f"{when}: {text}" for when, text in _answers(finding))])


def _html(finding: Mapping[str, Any]) -> str:
    if finding["kind"] == "paper":
        title, url = escape(_title(finding["paper"])), _web_address(finding["paper"])
        named = f'<a href="{escape(url)}">{title}</a>' if url else title
        return f"<h3>{named}</h3>\n<blockquote>{escape(_sentence(finding))}</blockquote>"
    lines = "<br>\n".join(f"<b>{when}:</b> {escape(text)}" for when, text in _answers(finding))
    return f"<h3>The answer has changed</h3>\n<p>{lines}</p>"


def _answers(finding: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for when, name in (("Now", "after"), ("Before", "before")):
        answer = finding[name]
        yield when, f"({answer['outcome']}) {_sentence(answer)}"


def _title(paper: Mapping[str, Any]) -> str:
    facts = [str(paper["year"])] if paper["year"] else []
    facts += ["retracted"] if paper["retracted"] else []
    return _shortened(paper["title"], _TITLE_CHARACTERS) + (f" ({', '.join(facts)})" if facts else "")


def _sentence(told: Mapping[str, Any]) -> str:
    return _shortened(told["sentence"], _SENTENCE_CHARACTERS)


def _shortened(text: str, most: int) -> str:
    """One line without control characters."""
    line = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _web_address(paper: Mapping[str, Any]) -> str:
    """The address of a paper if it leads to the web; any other may run something in a reader."""
    url = paper["url"] or ""
    try:
        return url if urlsplit(url).scheme in ("http", "https") and url.isascii() and url.isprintable() else ""
    except ValueError:
        return ""
