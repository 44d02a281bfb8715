"""What shape of answer a question wants: one paper's word, two papers side by side, or a list of papers."""

import re
from typing import Literal

Intent = Literal["single", "comparison", "list"]

_PAPERS = r"(?:papers|works|studies|articles|publications|abstracts)"
_LIST = re.compile(
    rf"\b(?:which|what|any|all|list|name|show|find|give me|other|some|are there)\b(?: \w+){{0,3}} {_PAPERS}\b"
    rf"|^(?:list|{_PAPERS}|everything|anything)\b|\banything in there\b|\bwhich ones\b|\bwho (?:has |else )*worked on\b"
    r"|\bwhat (?:do|have) (?:we|you) (?:have|got)\b|\bwhat(?:'s| is)? (?:out )?(?:there|exists)\b",
    re.IGNORECASE,
)
_TWO = re.compile(r"\b(?:two|each|both)\b", re.IGNORECASE)
_COMPARISON = re.compile(
    r"\beach\b(?! (?:of (?:its|the|their|these)|step|time|other)\b)|\beither of\b|\bboth\b"
    r"|\brespectively\b|\bv(?:s|ersus)\b|\bdiffer(?:s|ence|ences)?\b"
    r"|\bcompar(?:e|ed|ison)\b|\bas opposed to\b|\bin contrast\b|\bwhich of the two\b|\bone \w+.*\bthe other\b"
    r"|\btwo (?:\w+ ){0,2}(?:papers|works|methods|models|approaches|systems|fixes|follow-ups|variants of)\b",
    re.IGNORECASE,
)


def intent(question: str) -> Intent:
    """Read off the wording alone."""
    if _LIST.search(question) and not _TWO.search(question):
        return "list"
    return "comparison" if _COMPARISON.search(question) else "single"
