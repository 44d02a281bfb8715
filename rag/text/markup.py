"""HTML and JATS tags and character entities in an abstract, shown as the text that they stand for."""

import html
import re

_BLANKS = ("\u00a0", "\u2002", "\u2003", "\u2009", "\u202f")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_ATTRIBUTES = r"""(?:\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*\s*/?"""
_NAMED = (
    "a|abstract|b|big|bold|break|br|center|div|em|font|h[1-6]|i|inline-formula|italic|li|list|list-item|monospace|ol|p"
    "|sans-serif|sc|sec|section|small|span|strong|styled-content|tt|u|ul|underline|xref"
)
_SUB = re.compile(rf"<((?:\w+:)?(?:sub|inf)){_ATTRIBUTES}>([^<>]{{0,40}})</\1\s*>", re.IGNORECASE)
_SUP = re.compile(rf"<((?:\w+:)?sup){_ATTRIBUTES}>([^<>]{{0,40}})</\1\s*>", re.IGNORECASE)
_HEADING_END = re.compile(r"[.:]?\s*</(?:\w+:)?title\s*>\s*", re.IGNORECASE)
_HEADING = re.compile(rf"<(?:\w+:)?title{_ATTRIBUTES}>", re.IGNORECASE)
_TAG = re.compile(rf"</?(?:\w+:)?(?:{_NAMED}){_ATTRIBUTES}>", re.IGNORECASE)
_BLOCK = re.compile(r"</?(?:\w+:)?(?:abstract|br|break|div|h|li|list|ol|p|sec|section|ul)", re.IGNORECASE)
_CHARGE = re.compile(r"\d*[+–−-]")


def plain(text: str) -> str:
    """Without tags, and with characters for entities; an inequality such as a<b stays, and so does an unknown tag.

    A superscript is written with ^ where it would be read as another number: 10<sup>6</sup> is 10^6.
    """
    while "&" in text and (decoded := _ENTITY.sub(_character, text)) != text:
        text = decoded  # "&amp;lt;" was encoded twice
    if "<" not in text:
        return text
    text = _SUP.sub(lambda m: _superscript(text[: m.start()], m[2].strip()), text)
    text = _SUB.sub(lambda m: m[2].strip(), text)
    text = _HEADING.sub("", _HEADING_END.sub(": ", text))
    return _TAG.sub(lambda m: " " if _BLOCK.match(m[0]) else "", text)


def _character(found: re.Match[str]) -> str:
    """What the entity stands for, where that is one character that can be shown."""
    shown = html.unescape(found[0])
    return shown if shown in _BLANKS or (shown.isprintable() and shown not in ("", "\ufffd")) else found[0]


def _superscript(before: str, raised: str) -> str:
    is_charge = before[-1:].isalpha() and _CHARGE.fullmatch(raised)
    return raised if is_charge or not before[-1:].isalnum() else f"^{raised}"
