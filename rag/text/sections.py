"""The labelled sections of a structured abstract: "METHODS: ...", "Conclusions: ..."."""

from collections.abc import Sequence
from typing import Literal

from rag.text.vocabulary import pattern

Section = Literal["background", "methods", "results", "conclusion", "unknown"]

_SECTIONS: tuple[Section, ...] = ("conclusion", "results", "background", "methods")


def label(sentence: str) -> str:
    """The label with which a sentence begins, its colon included; empty if it begins with none."""
    found = pattern("sentence.section_label").match(sentence)
    return found[0] if found and _named(found[0]) else ""


def sections(sentences: Sequence[str]) -> list[Section]:
    """The section in which each sentence of an abstract stands; a label holds until the next."""
    found: list[Section] = []
    for sentence in sentences:
        found.append(_named(label(sentence)) or (found[-1] if found else "unknown"))
    return found


def _named(label: str) -> Section | None:
    return next((section for section in _SECTIONS if label and pattern(f"section.{section}").match(label)), None)
