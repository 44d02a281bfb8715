"""In which language a text is written, by its script and its frequent words; English where nothing tells otherwise."""

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache, lru_cache

from rag.text.vocabulary import words

ENGLISH = "en"
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\u1100-\u11ff\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u3400-\u9fff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("el", re.compile(r"[\u0370-\u03ff](?=[\u0370-\u03ff])")),  # a single letter is a symbol
)
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_OF_SCRIPT = 0.3
"""The share of letters that tells a script: names and terms within it are often in Latin letters."""
_LEAST_LETTERS = 4
_LEAST_WORDS = 2
_OF_WORDS = 0.2
"""How many frequent words, and which share of all, tell a language in Latin letters."""


@lru_cache(maxsize=512)
def language_of(text: str) -> str:
    """The ISO 639-1 code of the text's language, such as `de`; `en` for English and for whatever is not clear."""
    return _by_script(text) or _by_words(text) or ENGLISH


def name_of(code: str) -> str:
    """The English name of a language that `language_of` gives, such as German."""
    name: str = words("language_names")[code]
    return name


def _by_script(text: str) -> str:
    if text.isascii():
        return ""
    letters = len(_LETTER.findall(text))
    counts = {code: len(pattern.findall(text)) for code, pattern in _SCRIPTS}
    counts["ja"] += counts["zh"] if counts["ja"] else 0  # Japanese has Chinese characters too
    code = max(counts, key=counts.__getitem__)
    return code if counts[code] >= max(_LEAST_LETTERS, _OF_SCRIPT * letters) else ""


def _by_words(text: str) -> str:
    """The language with most of the words, where there are enough of them and clearly more than English ones."""
    found = _WORD.findall(text.lower().replace("’", "'"))
    counts = Counter({code: sum(word in known for word in found) for code, known in _frequent().items()})
    english = counts.pop(ENGLISH)
    (code, most), *_ = counts.most_common(1)
    return code if most >= max(_LEAST_WORDS, _OF_WORDS * len(found)) and most > english else ""


@cache
def _frequent() -> Mapping[str, frozenset[str]]:
    return {code: frozenset(listed.split()) for code, listed in words("languages").items()}
