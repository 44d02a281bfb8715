"""Whether two words say the same, the opposite, or neither, by the lists in `rag/data/opposites.toml`."""

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from rag.text.analysis import stems

_LEAST_LETTERS = 4
"""How many letters two words must share before or behind a prefix that makes them opposites."""


class Row(NamedTuple):
    """Two sides of words that say the opposite of each other.

    `example` is a sentence and a claim that it contradicts, `counterexample` one and a claim that it does not.
    """

    left: frozenset[str]
    right: frozenset[str]
    example: tuple[str, str]
    counterexample: tuple[str, str]


@lru_cache(maxsize=32_768)
def root(word: str) -> str:
    """The stem of one word in lower case; a stop word is its own stem."""
    found = stems(word)
    return found[0] if len(found) == 1 else word


@cache
def rows() -> tuple[Row, ...]:
    """The lists of opposites, in the order of the file."""
    return tuple(
        Row(_roots(row["left"]), _roots(row["right"]), tuple(row["example"]), tuple(row["counterexample"]))
        for row in _data()["opposites"]
    )


@lru_cache(maxsize=32_768)
def are_opposites(one: str, other: str) -> bool:
    """Whether the words, in lower case, stand on two sides of a list or differ in a prefix that negates."""
    if root(one) == root(other):
        return False
    return root(other) in _opposites_of().get(root(one), ()) or _by_affix(one, other)


def opposites_of(stem: str) -> frozenset[str]:
    """The stems on the other side of the lists in which the stem stands."""
    return _opposites_of().get(stem, frozenset())


def negates_by_affix(word: str) -> bool:
    """Whether the word may negate by how it begins or ends, as `unable` and `useless` do."""
    return word.startswith(("un", "in", "im", "non", "dis")) or word.endswith(("less", "free"))


@lru_cache(maxsize=32_768)
def are_synonyms(one: str, other: str) -> bool:
    """Whether the words have one stem, nearly one spelling, or stand in one list or on one side of one."""
    a, b = root(one), root(other)
    if a == b or (b in _synonyms_of().get(a, ())):
        return True
    shorter = min(len(one), len(other))
    return not _by_affix(one, other) and _common_start(one, other) >= max(_LEAST_LETTERS, 0.7 * shorter)


@cache
def polarity(name: str) -> frozenset[str]:
    """A list of words about negation: `negating`, `failing` (as stems), `after` or `before`."""
    listed: str = _data()["polarity"][name]
    return _roots(listed) if name == "failing" else frozenset(listed.split())


@cache
def negating_phrases() -> Mapping[str, Sequence[tuple[str, ...]]]:
    """Phrases that negate what follows them, as words, by their last word."""
    found: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    for phrase in _data()["polarity"]["phrases"].split(", "):
        found[phrase.split()[-1]].append(tuple(phrase.split()))
    return found


def _by_affix(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) >= _LEAST_LETTERS and any(longer == prefix + shorter for prefix in _negating_prefixes()):
        return True
    return any(_differ_in(one, other, *pair) or _differ_in(other, one, *pair) for pair in _prefix_pairs()) or any(
        _differ_in(one[::-1], other[::-1], end[::-1], without[::-1])
        or _differ_in(other[::-1], one[::-1], end[::-1], without[::-1])
        for end, without in _suffix_pairs()
    )


def _differ_in(one: str, other: str, first: str, second: str) -> bool:
    rest = one.removeprefix(first)
    return one.startswith(first) and len(rest) >= _LEAST_LETTERS - 1 and other == second + rest


def _common_start(one: str, other: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


@cache
def _opposites_of() -> Mapping[str, frozenset[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows():
        for word in row.left:
            found[word] |= row.right
        for word in row.right:
            found[word] |= row.left
    return {word: frozenset(others) for word, others in found.items()}


@cache
def _synonyms_of() -> Mapping[str, frozenset[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for words in _sets_of_synonyms():
        for word in words:
            found[word] |= words
    return {word: frozenset(others - _opposites_of().get(word, frozenset())) for word, others in found.items()}


def _sets_of_synonyms() -> Iterator[frozenset[str]]:
    for row in rows():
        yield from (row.left, row.right)
    yield from map(_roots, _data()["synonyms"]["rows"])


def _roots(words: str) -> frozenset[str]:
    return frozenset(map(root, words.split()))


@cache
def _negating_prefixes() -> tuple[str, ...]:
    return tuple(_data()["prefixes"]["negating"].split())


@cache
def _prefix_pairs() -> tuple[tuple[str, str], ...]:
    return _pairs("pairs")


@cache
def _suffix_pairs() -> tuple[tuple[str, str], ...]:
    return _pairs("suffixes")


def _pairs(name: str) -> tuple[tuple[str, str], ...]:
    pairs = (pair.split("/") for pair in _data()["prefixes"][name].split())
    return tuple((first, second) for first, second in pairs)


@cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads(files("rag").joinpath("data/opposites.toml").read_text(encoding="utf-8"))
