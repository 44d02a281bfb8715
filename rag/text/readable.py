"""A sentence of an abstract as it reads in an answer: in the third person, in print, tied to no other sentence."""

import re
from functools import lru_cache

from rag.text import latex, markup, third_person
from rag.text.entities import names, numbers
from rag.text.vocabulary import pattern

_FIRST_WORD = re.compile(r"(?:[a-z]{2,}|a)(?=[\s,;:]|\Z)")
_BRACKETED_NUMBER = re.compile(r"[\[［【〔(](?:\^|[\w.# ]{0,12}?)\d")


def readable(sentence: str) -> str:
    """The sentence as another tells it: "CONCLUSIONS: Here we show that" becomes "The authors show that".

    Numbers, names and negations stay as they are. What is readable already stays the same.
    """
    return third_person.rewrite(without_opening(in_print(sentence)))


@lru_cache(maxsize=4096)  # one sentence is read by the writer, the attribution and the verifier
def in_print(sentence: str) -> str:
    """Without tags, entities and LaTeX, on one line.

    A text in which that would make what looks like a mark of a citation keeps them.
    """
    shown = latex.plain(markup.to_text(sentence))
    if shown != sentence and len(_BRACKETED_NUMBER.findall(shown)) > len(_BRACKETED_NUMBER.findall(sentence)):
        shown = sentence
    return " ".join(shown.split())


def without_opening(sentence: str) -> str:
    """Without a section's label and the words that tie it to a sentence before, which is not shown."""
    text = _with_capital(sentence)
    while True:
        shorter = pattern("sentence.section_label").sub("", text, count=1)
        connective = pattern("sentence.connective").match(shorter)
        if connective and not numbers(connective[0]) and not names(connective[0]):
            shorter = shorter[connective.end() :]
        if not shorter.strip() or shorter == text:
            return text
        text = _with_capital(shorter)


def _with_capital(text: str) -> str:
    """With a capital at the start; a name such as mRNA or k-means stays as it is."""
    return text[0].upper() + text[1:] if _FIRST_WORD.match(text) else text
