"""An author's name in parts: what stands before the family name, particles, and groups, which have only one part."""

import re
from typing import NamedTuple

from rag.corpus.names import INITIALS, PARTICLES, SUFFIX

_GROUP = re.compile(
    r"^the\b|\d|[,;&/()]"
    r"|\b(?:groups?|consortium|collaborat\w+|teams?|investigators|committee|association|society|network|university"
    r"|institutes?|initiative|project|study|trial|authors|foundation|agency|ministry|organi[sz]ation|for|of|and)\b",
    re.IGNORECASE,
)


class Name(NamedTuple):
    """A name in parts. That of a group, and any that can't be divided, is a family name alone."""

    family: str
    given: str = ""
    particle: str = ""
    suffix: str = ""

    @property
    def last(self) -> str:
        """The family name with its particles, as it is sorted by."""
        return f"{self.particle} {self.family}".strip()


def divide(name: str) -> Name:
    """The parts of a name that is written with the family name last.

    `Wren A.`, as some indexes write it, stays whole: turned round, it would come in again as another name.
    """
    words = name.split()
    suffix = words.pop() if len(words) > 2 and SUFFIX.fullmatch(words[-1]) else ""
    if len(words) < 2 or _GROUP.search(name) or INITIALS.fullmatch(words[-1]):
        return Name(" ".join(name.split()))
    start = len(words) - 1
    while start > 1 and _is_particle(words[start - 1], last=start == len(words) - 1):
        start -= 1
    return Name(words[-1], " ".join(words[:start]), " ".join(words[start:-1]), suffix)


def _is_particle(word: str, *, last: bool) -> bool:
    """Whether it is one; the last before the name is written small, as `Hung Van Nguyen` has a middle name."""
    return (word if last else word.lower()) in PARTICLES
