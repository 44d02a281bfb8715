"""What shape of answer a question wants: one paper's word, two papers side by side, or a list of papers."""

import re
from typing import Literal

Intent = Literal["single", "comparison", "list"]

_PAPERS = r"(?:papers|works|studies|articles|publications|abstracts)"
_LIST = re.compile(
    rf"\b(?:which|what|any|all|list|name|show|find|the|are there|other)\b(?: \w+){{0,3}} {_PAPERS}\b"
    rf"|^list\b|\b(?:everything|anything|stuff) (?:on|about|that|in there|with)\b|\bwhat do (?:we|you) have\b"
    rf"|\bwhat(?:'s| is) (?:there|out there)\b|\bwhich ones\b|\banything\b.*\?*$",
    re.IGNORECASE,
)
_COMPARISON = re.compile(
    r"\beach\b|\bboth\b|\brespectively\b|\bv(?:s|ersus)\b|\bcompar(?:e|ed|ison)\b|\bdiffer(?:s|ence|ences|ent from)?\b"
    r"|\bas opposed to\b|\bin contrast\b|\bwhich of the two\b"
    r"|\btwo (?:\w+ ){0,2}(?:papers|works|methods|models|approaches|systems|fixes|follow-ups|variants of)\b",
    re.IGNORECASE,
)


def intent(question: str) -> Intent:
    """Read off the wording alone."""
    if _LIST.search(question) and not re.search(r"\btwo\b|\beach\b", question, re.IGNORECASE):
        return "list"
    return "comparison" if _COMPARISON.search(question) else "single"
