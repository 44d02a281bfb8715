"""Turns the abstract of a record into the plain text that is stored and quoted."""

import re

from rag.corpus.fields import UnusableFieldError, plain
from rag.text.tails import is_only_tail
from rag.text.vocabulary import pattern

_LETTERS = re.compile(r"[^\W\d_]{2}|[\u3040-\u9fff\uac00-\ud7af]")
_SECTIONS = (
    "Background|Introduction|Context|Importance|Objectives?|Aims?|Purpose|Materials and Methods|Methods|Design|Setting"
    "|Participants|Interventions?|Results|Findings|Conclusions?|Interpretation|Discussion|Significance|Limitations"
)
# A heading that lost its tag: `ResultsJet lag lasted ...`.
_GLUED_HEADING = re.compile(rf"(?P<words>{_SECTIONS}):?(?=[A-Z][a-z]|[A-Z0-9] )")
_SENTENCE_ENDS = (".", "!", "?", ")", "]")
_STARTERS = (
    "We|The|This|These|Those|In|Here|Our|Many|Most|Although|While|Recent|Recently|To|It|An?|Is|For|With|As|On|By|There"
    "|Despite|Both|Several|Objective|Background"
)
# The word itself, unless it begins the sentence, as in "Abstract Meaning Representation is ...".
_OWN_HEADING = re.compile(
    rf"\W*(?:abstract|summary)(?:\s*[:.–—-]\s*|\s+(?=(?:{_STARTERS}|{_SECTIONS})\b))|A(?:bstract|BSTRACT)(?=[A-Z][a-z])",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """The abstract as plain text without the word Abstract before it; headings become `HEADING: `.

    Raises UnusableFieldError for a text that is none: a placeholder, a number, a copyright line.
    """
    cleaned = plain(text)
    if own := _OWN_HEADING.match(cleaned):
        cleaned = cleaned[own.end() :]
    if len({found["words"] for found in _GLUED_HEADING.finditer(cleaned)}) > 1:  # one may be a name: ContextNet
        cleaned = _GLUED_HEADING.sub(_heading, cleaned)
    if pattern("paper.placeholder").match(cleaned) or is_only_tail(cleaned):
        raise UnusableFieldError(f"no abstract: {cleaned[:60]!r} stands in its place")
    if not _LETTERS.search(cleaned):
        raise UnusableFieldError(f"abstract {cleaned[:60]!r} has no words")
    return cleaned


def labelled(sections: list[tuple[str, str]]) -> str:
    """One text of sections with their labels; an empty label is left out."""
    return " ".join(f"{label.strip(' :').upper()}: {text}" if label.strip(" :") else text for label, text in sections)


def _heading(found: re.Match[str]) -> str:
    """The heading set apart, if it begins a sentence; else the words as they are."""
    before = found.string[: found.start()]
    if before and not before.rstrip().endswith(_SENTENCE_ENDS):
        return found[0]
    return f"{'' if before[-1:] in ('', ' ') else ' '}{found['words'].upper()}: "
