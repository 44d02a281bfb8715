"""What a watch found as an Atom feed (RFC 4287)."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement, tostring

from rag.types import PaperReference
from rag.watches.findings import Finding, StandingAnswer
from rag.watches.store import Watch

MEDIA_TYPE = "application/atom+xml"
ENTRIES = 100
"""How many findings a feed has, the newest first."""

_NAMESPACE = "http://www.w3.org/2005/Atom"
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 can't have, however they are escaped."""


def feed(watch: Watch, found: Sequence[Finding], url: str) -> bytes:
    """The feed that is served at `url`; `found` has the newest first. The same input gives the same bytes."""
    root = Element("feed", xmlns=_NAMESPACE)
    _add(root, "id", f"urn:scholiast:watch:{watch.id}")
    _add(root, "title", f"New on “{watch.text}”")
    _add(root, "updated", found[0].found if found else watch.created)
    _add(SubElement(root, "author"), "name", "Scholiast")
    SubElement(root, "link", rel="self", type=MEDIA_TYPE, href=url)
    for finding in found:
        _entry(root, watch, finding)
    content: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def _entry(root: Element, watch: Watch, finding: Finding) -> None:
    entry = SubElement(root, "entry")
    _add(entry, "id", f"urn:scholiast:finding:{finding.id}")
    _add(entry, "updated", finding.found)
    if finding.paper:
        _add(entry, "title", f"{finding.paper.title}{finding.paper.suffix}")
        _link(entry, "alternate", finding.paper)
        for name in finding.paper.authors:
            _add(SubElement(entry, "author"), "name", name)
        _add(entry, "content", finding.sentence, type="text")
    elif finding.before and finding.after:
        _add(entry, "title", f"The answer has changed: {watch.text}")
        for paper in finding.after.papers:
            _link(entry, "related", paper)
        _add(entry, "content", f"Now {_said(finding.after)}\nBefore {_said(finding.before)}", type="text")


def _said(answer: StandingAnswer) -> str:
    return f"({answer.outcome}): {answer.sentence}"


def _link(entry: Element, rel: str, paper: PaperReference) -> None:
    """A link to a web address; any other may run something in a reader."""
    try:
        scheme = urlsplit(paper.url or "").scheme
    except ValueError:
        return
    if paper.url and scheme in ("http", "https"):
        SubElement(entry, "link", rel=rel, href=_NO_XML.sub("", paper.url))


def _add(parent: Element, name: str, text: str, **attributes: str) -> None:
    SubElement(parent, name, attributes).text = _NO_XML.sub("", text)
