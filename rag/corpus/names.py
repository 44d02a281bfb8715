"""Author names as people write them, in the order first name, last name, whatever shape a record has them in."""

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from reprlib import repr as short

from rag.corpus import latex
from rag.corpus.fields import UnusableFieldError, one_line
from rag.text import markup

MAX_AUTHORS = 5000
_NAME_PARTS = (
    ("first", "given", "first_name", "firstName", "forename"),
    ("middle",),
    ("non-dropping-particle", "dropping-particle"),
    ("last", "family", "last_name", "lastName", "surname"),
    ("suffix",),
)
_WHOLE_NAMES = ("name", "literal", "full_name", "fullName", "display_name", "author", "collectiveName")
_OTHERS = re.compile(r"(?:and )?others|(?:\.\.\.|…)|et\.? al\.?", re.IGNORECASE)
_ET_AL = re.compile(r",?\s*(?:et\.? al\.?|and others)\s*$", re.IGNORECASE)
_NOTE_MARKS = re.compile(r"(?:[*†‡§¶#]|(?<=[a-zé*†‡§¶#])\d|^\d+)+$")
_IN_PARENTHESES = re.compile(r"\([^()]*\)")  # affiliations, numbers of authors
_AND = re.compile(r",?\s+(?:and|&)\s+|\s+&\s*|;\s*(?:and|&)\s+")
INITIALS = re.compile(r"(?:[A-ZÀ-Þ]\.?[\s-]?){1,4}")
SUFFIX = re.compile(r"(?:Jr|Sr)\.?|I{2,3}|IV", re.IGNORECASE)
_PARTICLE_WORDS = "van von der den de del della di da dos du la le el al bin ibn ter ten te zu zur af av"
PARTICLES = frozenset(_PARTICLE_WORDS.split())
_GROUP = re.compile(r"\{([^{}]*)\}")
_LIST_AS_TEXT = re.compile(r"\s*\[.*\]\s*", re.DOTALL)


def authors(value: object) -> tuple[str, ...]:
    """Names in order, from a list (of strings, objects, or `[last, first]`) or from one string.

    "et al." and the like are left out. Raises UnusableFieldError.
    """
    if isinstance(value, str) and _LIST_AS_TEXT.fullmatch(value):
        value = _list_in(value)
    if isinstance(value, Mapping):
        value = next((inner for inner in value.values() if isinstance(inner, list)), value)
    if isinstance(value, str):
        names = _split(one_line("authors", latex.to_text(markup.to_text(value))))
    elif isinstance(value, list | tuple):
        names = [_author(entry) for entry in value]
    else:
        raise UnusableFieldError(f"authors is {short(value)}; give a list of names")
    kept = (_without_marks(name) for name in names)
    return tuple(name for name in kept if name and not _OTHERS.fullmatch(name))[:MAX_AUTHORS]


def bibtex_authors(value: str) -> list[str]:
    """The names of a BibTeX field, as it is written: divided by ` and `, a whole name in braces is a group's."""
    names = []
    for part in _outside_braces(value):
        group = _GROUP.fullmatch(part.strip())
        name = one_line("authors", latex.from_bibtex(group[1] if group else part))
        names.append(name if group else _first_name_first(name))
    return names


def _outside_braces(value: str) -> list[str]:
    """The field cut at each ` and ` that stands in no braces."""
    parts, depth, start = [], 0, 0
    for found in re.finditer(r"[{}]|\s+and\s+", value):
        if found[0] in "{}":
            depth += 1 if found[0] == "{" else -1
        elif depth == 0:
            parts.append(value[start : found.start()])
            start = found.end()
    return [*parts, value[start:]]


def _list_in(value: str) -> object:
    """A list that was written into a cell as Python or JSON writes it; the string itself if it is none."""
    for parse in (json.loads, ast.literal_eval):
        try:
            found = parse(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, list | tuple):
            return found
    return [part.strip(" '\"") for part in value.strip().strip("[]").split(",")]


def _author(entry: object) -> str:
    if isinstance(entry, str):
        return _first_name_first(one_line("authors", latex.to_text(markup.to_text(entry))))
    if isinstance(entry, Mapping):
        return _of_object(entry)
    if isinstance(entry, list | tuple) and entry:
        last, *before = entry[:3]  # arXiv: [last, first, suffix]
        return _joined([*before[:1], last, *before[1:]])
    raise UnusableFieldError(f"authors has {short(entry)}, which is no name")


def _of_object(entry: Mapping[str, object]) -> str:
    for key in _WHOLE_NAMES:
        whole = entry.get(key)
        if isinstance(whole, Mapping):
            return _of_object(whole)
        if isinstance(whole, str) and whole.strip():
            return _author(whole)
    return _joined(entry.get(key) for keys in _NAME_PARTS for key in keys)


def _joined(parts: Iterable[object]) -> str:
    words = (" ".join(map(str, part)) if isinstance(part, list) else part for part in parts)
    return one_line("authors", " ".join(part for part in words if isinstance(part, str)))


def _split(names: str) -> list[str]:
    names = _ET_AL.sub("", _IN_PARENTHESES.sub("", names))
    for mark in (";", "|"):
        if mark in names:
            return [_first_name_first(name.strip()) for name in names.split(mark)]
    by_and = _AND.split(names)
    if len(by_and) > 1 and all(name.count(",") == 1 for name in by_and):
        return [_first_name_first(name) for name in by_and]
    return _of_commas([part.strip() for part in re.split(r",?\s+(?:and|&)\s+|,", names)])


def _of_commas(parts: Sequence[str]) -> list[str]:
    """Names between commas, or last and first names in turn: `Moe, A., Lund, P.`; two single words are one name."""
    parts = [part for part in parts if part]
    last, first = parts[::2], parts[1::2]
    in_turn = len(last) == len(first) and all(map(INITIALS.fullmatch, first)) and not any(map(INITIALS.fullmatch, last))
    if parts and (in_turn or (len(parts) == 2 and _may_be_last_name(parts[0]) and len(parts[1].split()) == 1)):
        return [f"{given} {family}" for family, given in zip(last, first, strict=True)]
    return list(parts)


def _may_be_last_name(words: str) -> bool:
    *before, _ = words.split()
    return all(word.lower() in PARTICLES for word in before)


def _first_name_first(name: str) -> str:
    """`Moe, Ann` and `Moe, Jr, Ann` as they are spoken; a name without a comma as it is."""
    last, *rest = [part.strip() for part in name.split(",")]
    if not rest or not last:
        return name.strip(" ,")
    if len(rest) == 2 and SUFFIX.fullmatch(rest[0]):
        return " ".join(filter(None, (rest[1], last, rest[0])))
    return " ".join(filter(None, (rest[0], last, *rest[1:])))


def _without_marks(name: str) -> str:
    return _NOTE_MARKS.sub("", name.strip(" ,;")).strip()
