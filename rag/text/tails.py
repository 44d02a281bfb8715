"""What stands behind an abstract without being part of it: copyright, registration, funding, keywords."""

import re
from functools import lru_cache

from rag.text.vocabulary import pattern

# A line such as a copyright notice is short; a section runs until the next heading.
_LONGEST_LINE = 300
_LONGEST_SECTION = 1500
_SENTENCE_START = re.compile(r"""(?:\A|[.!?)\]”"])\s*(?=\S)|(?<!\S)(?=©)""")


@lru_cache(maxsize=4096)
def evidence_end(abstract: str) -> int:
    """Where the tail of an abstract begins, as an offset: a sentence that begins there or later is no evidence.

    The length of the abstract if it has no tail, or if nothing else would be left.
    """
    section = _tail_start(abstract, "paper.tail_section", _LONGEST_SECTION)
    line = _tail_start(abstract, "paper.tail_line", _LONGEST_LINE)
    return min(section, line) or len(abstract)


def is_only_tail(abstract: str) -> bool:
    """Whether a text says nothing but what usually stands behind an abstract."""
    return bool(pattern("paper.tail_line").match(abstract)) and len(abstract) <= _LONGEST_LINE


def _tail_start(abstract: str, name: str, longest: int) -> int:
    """The first match of the pattern that begins a sentence and runs to the end without a section of the paper."""
    tail, section = pattern(name), pattern("paper.section")
    for start in _SENTENCE_START.finditer(abstract, max(0, len(abstract) - longest)):
        found = tail.match(abstract, start.end())
        if found and not section.search(abstract, found.end()):
            return len(abstract[: found.start()].rstrip())
    return len(abstract)
