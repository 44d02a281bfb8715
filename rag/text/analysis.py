"""The words of a text: the analyser that the keyword index and the rules share, and the stems that carry content."""

from collections.abc import Sequence
from functools import lru_cache
from unicodedata import normalize

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from rag.text.vocabulary import words

ANALYSER_NAME = "english_1"
"""A keyword index remembers this name and refuses one of another name, so change it with the analyser."""


def _make_analyser() -> TextAnalyzer:
    tokens = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.remove_long(64))
    folded = tokens.filter(Filter.lowercase()).filter(Filter.ascii_fold())
    stop_words = words("stop")["index"].split()
    return folded.filter(Filter.custom_stopword(stop_words)).filter(Filter.stemmer("english")).build()


ANALYSER = _make_analyser()


def stems(text: str) -> list[str]:
    """The words of the text as the keyword index knows them: stems in order, repeated as in the text, no stop words."""
    return ANALYSER.analyze(normalise(text))


def normalise(text: str) -> str:
    """Accents composed with their letters (NFC), and no lone surrogates."""
    return normalize("NFC", replace_surrogates(text))


def replace_surrogates(text: str) -> str:
    """A question mark for each lone surrogate, which UTF-8 can't encode; offsets stay as they are."""
    return text.encode("utf-8", "replace").decode()


_QUESTION_STEMS = frozenset(stems(words("stop")["question"]))


@lru_cache(maxsize=8192)  # whoever decides, writes and checks asks for those of the same sentences
def content_stems(text: str) -> tuple[str, ...]:
    """The distinct stems that say what a text is about, in order of appearance: not those that any question has."""
    return tuple(dict.fromkeys(stem for stem in stems(text) if stem not in _QUESTION_STEMS and len(stem) > 1))


def share(part: Sequence[str], whole: Sequence[str]) -> float:
    """How much of `part` stands in `whole`, 0 to 1; nothing is wholly contained in anything."""
    distinct = set(part)
    return len(distinct & set(whole)) / len(distinct) if distinct else 1.0
