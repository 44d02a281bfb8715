"""Words, numbers and phrases of a text, as the metrics see them.

It shares nothing with the product's own text analysis, on purpose: a fault there must not be repeated in the
measurement, and a change there must not change what older figures mean.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import log

_WORD = re.compile(r"\w+(?:[-.'’]\w+)*")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*")
_MARK = re.compile(r"\s?\[\d{1,4}\]")
_SPACE = re.compile(r"\s+")
_FUNCTION_WORDS_TEXT = """
a about all also an and any are as at be been but by can could did do does for from had has have how i if in into
is it its may more most no nor not of on one only or other our out over such than that the their them then there
these they this those through to too two under up use used uses using via was we were what when where which while
who whose why will with within without would you your
"""
_FUNCTION_WORDS = frozenset(_FUNCTION_WORDS_TEXT.split())


def tokens(text: str) -> list[str]:
    """The words and numbers of a text in lower case, in order; hyphenated words stay whole."""
    return _WORD.findall(text.lower())


def content_words(text: str) -> list[str]:
    """The tokens of a text without its function words."""
    return [token for token in tokens(text) if token not in _FUNCTION_WORDS]


def numbers(text: str) -> list[str]:
    """The numbers of a text without separators of thousands; `V2` and `GPT-4` hold none, `4.5%` holds `4.5`."""
    return [match.replace(",", "") for match in _NUMBER.findall(text) if match]


def without_marks(text: str) -> str:
    """The text without its citation marks `[n]`."""
    return _MARK.sub("", text)


def opening(text: str, words: int) -> str:
    """The first `words` words, split at white space."""
    return " ".join(text.split()[:words])


def says(text: str, phrase: str) -> bool:
    """Whether a text has a phrase: case and white space ignored, on word boundaries; `1.3` does not have `3`."""
    return _pattern(phrase).search(_folded(text)) is not None


def says_any(text: str, spellings: Iterable[str]) -> bool:
    """Whether a text has one of the accepted spellings of a fact."""
    return any(says(text, spelling) for spelling in spellings)


def rarity(texts: Iterable[str]) -> Mapping[str, float]:
    """Inverse document frequency of every token: ln((N + 1) / (df + 1)) + 1. The key "" holds that of an unseen one."""
    documents = [set(tokens(text)) for text in texts]
    frequency = Counter(token for document in documents for token in document)
    weights = {token: log((len(documents) + 1) / (df + 1)) + 1 for token, df in sorted(frequency.items())}
    return {**weights, "": log(len(documents) + 1) + 1}


def weigh(part: Sequence[str], idf: Mapping[str, float]) -> float:
    """The summed rarity of the tokens, repeats included."""
    return sum(idf.get(token, idf[""]) for token in part)


@lru_cache(maxsize=4096)
def _pattern(phrase: str) -> re.Pattern[str]:
    folded = _folded(phrase)
    before = r"(?<!\w)(?<!\d[.,])" if folded[:1].isdigit() else r"(?<!\w)"
    after = r"(?!\w)(?![.,]\d)" if folded[-1:].isdigit() else r"(?!\w)"
    return re.compile(before + re.escape(folded) + after)


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    return _SPACE.sub(" ", text).strip().lower()
