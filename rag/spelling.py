"""Guesses what a misspelt word of a question means: a word of the papers found for it, or one that any question has."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from rag.protocols import NO_WORD, Vocabulary
from rag.text.analysis import stems
from rag.text.edits import one_edit_away, transposed
from rag.text.vocabulary import words

_WORD = re.compile(r"(?<![\w-])[^\W\d_]{3,40}(?![\w-])")
_LETTERS = 5
"""A shorter word has too many neighbours: only two letters in the wrong order are put right."""

_MAX_WORDS = 8


def unknown_words(question: str, vocabulary: Vocabulary) -> list[str]:
    """The words of the question that no paper has, as written, if a known word is one typing error away."""
    spelt_right = _question_words() | set(words("catalog")["known"].split())
    written = [word for word in dict.fromkeys(_WORD.findall(question)) if word.lower() not in spelt_right]
    of_word = {word: stems(word) for word in written}
    idf = vocabulary.idf([NO_WORD, *(stem for of in of_word.values() for stem in of)])
    unknown = [word for word, of in of_word.items() if of and all(idf[stem] >= idf[NO_WORD] for stem in of)]
    return [word for word in unknown[:_MAX_WORDS] if _has_neighbour(word.lower(), vocabulary)]


def guesses(unknown: Iterable[str], texts: Sequence[str]) -> dict[str, str]:
    """For each unknown word that has one, the word one typing error away that the texts have most often."""
    written_as = Counter(word for text in texts for word in _WORD.findall(text))
    counts = Counter[str]()
    for word, count in written_as.items():
        counts[word.lower()] += count
    written = {word.lower(): word for word in sorted(written_as, key=lambda word: (written_as[word], word))}
    found: dict[str, str] = {}
    for word in unknown:
        lowered = word.lower()
        plain = sorted(transposed(lowered) & _question_words())
        if len(lowered) >= _LETTERS:
            near = one_edit_away(lowered)
            plain = plain or sorted(near & _question_words())
            plain += sorted(near & counts.keys(), key=lambda other: (-counts[other], other))
        if plain and plain[0] != lowered:
            found[word] = _in_case_of(word, plain[0], written.get(plain[0], plain[0]))
    return found


def _has_neighbour(lowered: str, vocabulary: Vocabulary) -> bool:
    """Whether a paper or any question has a word one typing error away; it saves a search for most words."""
    near = one_edit_away(lowered) if len(lowered) >= _LETTERS else transposed(lowered)
    if not near.isdisjoint(_question_words()):
        return True
    idf = vocabulary.idf([NO_WORD, *stems(" ".join(near))])
    return min(idf.values()) < idf[NO_WORD]


def corrected(question: str, read_as: Mapping[str, str]) -> str:
    """The question with the guesses in the place of the words."""
    return _WORD.sub(lambda m: read_as.get(m[0], m[0]), question)


def notice(read_as: Mapping[str, str]) -> str:
    """What the reader is told; empty without a guess."""
    pairs = [f"“{word}” as “{guess}”" for word, guess in read_as.items()]
    return f"Read {', '.join(pairs)}." if pairs else ""


def _in_case_of(word: str, guess: str, written: str) -> str:
    """In capitals or with a first capital as the word, or as the papers write it if that is a name."""
    if word.isupper():
        return guess.upper()
    if not word[1:].islower() or not written[1:].islower():
        return written
    return guess.capitalize() if word[0].isupper() else guess


@cache
def _question_words() -> frozenset[str]:
    """Words of any question, whatever it is about."""
    lists = words("stop")
    return frozenset(f"{lists['index']} {lists['question']}".split())
