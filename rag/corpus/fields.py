"""Cleans the values of one record (text, year, authors, URL), and rejects what can't be used with the reason."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from math import isnan
from reprlib import repr as short
from urllib.parse import quote, urlsplit

_MAX_URL = 2000
_WORDS_FOR_MISSING = frozenset({"", "nan", "none", "null", "n/a"})
_NAME_PARTS = ("first", "given", "middle", "last", "family", "suffix")
# Control characters other than white space, and byte-order marks, which joined files have inside.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufeff]")
# From 1500 to 2099, alone or at the start of a date written 20240131.
_YEAR = re.compile(r"(?<![0-9])(?:1[5-9]|20)[0-9]{2}(?=(?:[01][0-9][0-3][0-9])?(?![0-9]))")
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?:[/?#]|$)", re.IGNORECASE)
_URL_PUNCTUATION = "%/:=&?~#+!$,;'@()*[]"


class UnusableFieldError(ValueError):
    """A value that can't be used, and why."""


def is_missing(value: object) -> bool:
    """Whether the value is missing: null, blank, an empty list, NaN as a number, or a word such as n/a."""
    if isinstance(value, str):
        return value.strip().lower() in _WORDS_FOR_MISSING
    return value is None or value == [] or (isinstance(value, float) and isnan(value))


def text(name: str, value: object, longest: int | None = None) -> str:
    """One line of text: a string, strings joined, or the name of an object. Runs of white space become one space.

    Control characters are removed and accents composed (NFC); every other character stays as it is.
    """
    if isinstance(value, Mapping):
        value = value.get("name", value)
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        value = " ".join(value)
    if not isinstance(value, str):
        raise UnusableFieldError(f"{name} is {short(value)}, not text")
    cleaned = _cleaned(name, value)
    if longest is not None and len(cleaned) > longest:
        raise UnusableFieldError(f"{name} has {len(cleaned)} characters; {longest} is the most")
    return cleaned


def year(value: object) -> int:
    """The year of a number, a date, or arXiv's list of versions (the first counts)."""
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        value = value[0].get("created")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    whole_number = isinstance(value, int) and not isinstance(value, bool)
    found = _YEAR.match(f"{value:d}") if whole_number else _YEAR.search(value) if isinstance(value, str) else None
    if found is None:
        raise UnusableFieldError(
            f"year {short(value)} is no year between 1500 and 2099; write it as 2024 or 2024-01-31"
        )
    return int(found[0])


def authors(value: object) -> tuple[str, ...]:
    """Names in order, from a list (of strings, objects, or `[last, first]`) or from one string."""
    if isinstance(value, str):
        names = _split_names(_cleaned("authors", value))
    elif isinstance(value, list | tuple):
        names = [_author(entry) for entry in value]
    else:
        raise UnusableFieldError(f"authors is {short(value)}; give a list of names")
    return tuple(name for name in names if name)


def url(value: object) -> str:
    """A web address, its unsafe characters percent-encoded; `https` where it names no scheme."""
    if not isinstance(value, str):
        raise UnusableFieldError(f"url is {short(value)}, not text")
    address = f"https://{value.strip()}" if _HOST.match(value.strip()) else value.strip()
    if not _is_web_address(address) or len(address) > _MAX_URL:
        raise UnusableFieldError(f"url {short(value)} is no web address; it must begin with http:// or https://")
    return quote(address, safe=_URL_PUNCTUATION)


def _cleaned(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        half = f"U+{ord(value[error.start]):04X}"
        raise UnusableFieldError(f"{name} has half a character ({half}) at {error.start}; fix its encoding") from error
    return " ".join(unicodedata.normalize("NFC", _CONTROL.sub("", value)).split())


def _author(entry: object) -> str:
    if isinstance(entry, str):
        return _cleaned("authors", entry)
    if isinstance(entry, Mapping):
        return _joined(entry.get(part) for part in (("name",) if "name" in entry else _NAME_PARTS))
    if isinstance(entry, list | tuple) and entry:
        last, *before = entry[:3]  # arXiv: [last, first, suffix]
        return _joined([*before[:1], last, *before[1:]])
    raise UnusableFieldError(f"authors has {short(entry)}, which is no name")


def _joined(parts: Iterable[object]) -> str:
    return _cleaned("authors", " ".join(part for part in parts if isinstance(part, str)))


def _split_names(names: str) -> list[str]:
    """By semicolons if there are any; else by `and` and commas, unless every name reads `Last, First` (BibTeX)."""
    names = re.sub(r"\([^()]*\)", "", names)  # affiliations
    if ";" in names:
        return [name.strip() for name in names.split(";")]
    by_and = re.split(r",?\s+and\s+", names)
    if len(by_and) > 1 and all(name.count(",") == 1 for name in by_and):
        return [" ".join(reversed([part.strip() for part in name.split(",")])) for name in by_and]
    return [name.strip() for part in by_and for name in part.split(",")]


def _is_web_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and address.isprintable()
    except ValueError:  # brackets that hold no IPv6 address
        return False
