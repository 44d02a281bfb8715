"""Markup of abstracts (HTML, JATS, MathML, entities) as plain text; an inequality such as a<b is no tag and stays."""

import html
import re
from collections.abc import Iterator

_INLINE = (
    "i|b|u|s|em|strong|tt|sc|small|big|span|font|a|q|bold|italic|monospace|roman|sans-serif|underline|overline|strike"
    "|named-content|styled-content|ext-link|xref|inline-formula|inline-graphic|tex-math|alternatives|inf|sub|sup"
)
_MATH = (
    "math|mrow|mi|mn|mo|msub|msup|msubsup|mfrac|msqrt|mroot|mtext|mspace|mstyle|mover|munder|munderover|mfenced"
    "|mtable|mtr|mtd|mpadded|mphantom|menclose|mmultiscripts|mprescripts|none|semantics|annotation|annotation-xml"
)
_BLOCK = "abstract|abstracttext|p|div|br|hr|ul|ol|li|list|list-item|def-list|h[1-6]|sec|section|disp-formula|label"
_ATTRIBUTES = r"""(?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*"""
_TAG = re.compile(
    rf"</?(?:(?:jats|mml|m|html|xhtml):)?(?P<name>{_INLINE}|{_MATH}|{_BLOCK}|title){_ATTRIBUTES}/?>", re.I
)
_COMMENT = re.compile(r"<!--.*?-->|<!\[CDATA\[|\]\]>|<\?[^<>]*\?>", re.DOTALL)
_HEADING = re.compile(r"<(?P<tag>(?:jats:)?(?:title|h[1-6]))\b[^<>]*>(?P<words>[^<]*)</(?P=tag)\s*>", re.I)
_POWER = re.compile(r"(?<=[0-9])<(?P<tag>(?:jats:)?sup)>\s*(?P<power>[-−–+]?[0-9]+)\s*</(?P=tag)>", re.I)
_TEX = re.compile(r"<(?P<tag>(?:jats:)?tex-math)\b[^<>]*>.*?</(?P=tag)>", re.DOTALL | re.I)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_NO_HEADING = frozenset({"", "abstract", "summary"})
_BLOCK_NAME = re.compile(rf"(?:{_BLOCK}|title)", re.I)
_RAISED = str.maketrans("0123456789-−–+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁻⁺")
# Exports escape what was escaped already: &amp;lt; is <.
_ESCAPED_AT_MOST = 3


def to_text(text: str) -> str:
    """The text without tags and entities. A heading becomes `HEADING: `, an exponent of a number is raised (10⁻³).

    Tags that stood escaped in the text (`&lt;sub&gt;`) are tags only where they come in pairs.
    """
    if "<" in text:
        text = _without_tags(text)
    for _ in range(_ESCAPED_AT_MOST):
        if "&" not in text or not _ENTITY.search(text):
            return text
        text = _ENTITY.sub(_character, text)
        if "<" in text and any(_paired_tags(text)):
            text = _without_tags(text)
    return text


def _character(entity: re.Match[str]) -> str:
    """What the entity stands for, where that can be shown: no control character."""
    shown = html.unescape(entity[0])
    printable = shown.isspace() or shown.isprintable()
    return shown if printable and shown not in ("", "\ufffd") else entity[0]


def _without_tags(text: str) -> str:
    text = _TEX.sub("", _COMMENT.sub("", text))
    text = _HEADING.sub(_heading, _POWER.sub(lambda found: found["power"].translate(_RAISED), text))
    return _TAG.sub(lambda tag: " " if _BLOCK_NAME.fullmatch(tag["name"]) else "", text)


def _heading(found: re.Match[str]) -> str:
    words = " ".join(found["words"].split()).rstrip(":. ")
    return " " if words.lower() in _NO_HEADING else f" {words.upper()}: "


def _paired_tags(text: str) -> Iterator[str]:
    tags = list(_TAG.finditer(text))
    closed = {tag["name"].lower() for tag in tags if tag[0].startswith("</")}
    return (tag["name"] for tag in tags if tag["name"].lower() in closed)
