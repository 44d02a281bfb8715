"""What papers are searched by: the stems of their words, and those of other spellings of the names among them."""

import re

from rag.text.analysis import normalise, stems
from rag.types import Paper

_COMPOUND = re.compile(r"\b[^\W_]++(?:(?:[-‐‑‒–_./=&:+][^\W_]++)++\+*+|\++)")  # phi-CTNL, K=20, PA&DA, DSI++
_MIXED = re.compile(r"\b(?:[^\W\d_]{3,}+\d|\d++[^\W\d_]{3})[^\W_]*+")  # EAGLE2, text2img
_LETTERS = re.compile(r"[^\W\d_]{3,}")


def fields_of(paper: Paper) -> dict[str, list[str]]:
    """The stems of each field of a paper, in order."""
    title, abstract = normalise(paper.title), normalise(paper.abstract)
    texts = {"text": f"{title} {abstract}", "title": title}
    return {name: stems(_with_aliases(text)) for name, text in texts.items()}


def aliases(text: str) -> list[str]:
    """Other spellings of names: GPT4 for GPT-4, DSIplusplus for DSI++, text and img for text2img."""
    suspects = " ".join(word for word in text.split() if not word.isalpha())  # the patterns are slow on ordinary words
    joined = [_joined(name) for name in _COMPOUND.findall(suspects)]
    runs = [run for name in _MIXED.findall(suspects) for run in _LETTERS.findall(name)]
    return [name for name in joined if not name.isdigit()] + runs


def _joined(name: str) -> str:
    base = name.rstrip("+")
    return re.sub(r"[\W_]", "", base) + "plus" * (len(name) - len(base))


def _with_aliases(text: str) -> str:
    return " ".join([text, *aliases(text)])
