"""Cleans the values of one record (text, year, URL, ...), and says why a value can't be used."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from reprlib import repr as short
from urllib.parse import quote, urlsplit

from rag.corpus import latex
from rag.text import markup

_MAX_URL = 2000
_MAX_PART = 100
_DASH = re.compile(r"\s*[-‐-―−]+\s*")
_MAX_KEYWORDS = 100
_WORDS_FOR_MISSING = frozenset({"", "nan", "none", "null", "n/a", "na", "[]", "{}"})
# Control characters other than white space, and byte-order marks, which joined files have inside.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufeff]")
# From 1500 to 2099, alone or at the start of a date written 20240131.
_YEAR = re.compile(r"(?<![0-9])(?:1[5-9]|20)[0-9]{2}(?=(?:[01][0-9][0-3][0-9])?(?![0-9]))")
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?:[/?#]|$)", re.IGNORECASE)
_URL_PUNCTUATION = "%/:=&?~#+!$,;'@()*[]"
_SEVERAL_URLS = re.compile(r"\s*;\s+|\s*[\s|]\s*(?=https?://)")
# A list of names for a thing, the first of which a reader knows: `{"name": ...}`, OpenAlex' and Zotero's.
_LABELS = ("name", "display_name", "title", "value", "keyword", "tag", "term", "text")
_DATE_KEYS = ("date-parts", "created", "year", "raw", "literal")
_MAX_NESTING = 4
_KEYWORD_ENDS = (";", "|", "\n")


class UnusableFieldError(ValueError):
    """A value that can't be used, and why."""


def is_missing(value: object) -> bool:
    """Whether the value is missing: null, blank, an empty list, NaN as a number, or a word such as n/a."""
    if isinstance(value, str):
        return (len(value) < 10 and value.strip().lower() in _WORDS_FOR_MISSING) or not value.strip()
    if isinstance(value, list | tuple | dict):
        return not value or (isinstance(value, list) and all(part is None or part == "" for part in value))
    return value is None or (isinstance(value, float) and isnan(value))


def text(name: str, value: object, longest: int | None = None) -> str:
    """One line of text: a string, strings joined, or the name of an object. Runs of white space become one space.

    Control characters are removed and accents composed (NFC); every other character stays as it is.
    """
    if isinstance(value, Mapping):
        value = next((value[label] for label in _LABELS if isinstance(value.get(label), str)), value)
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        value = " ".join(value)
    if not isinstance(value, str):
        raise UnusableFieldError(f"{name} is {short(value)}, not text")
    cleaned = one_line(name, value)
    if longest is not None and len(cleaned) > longest:
        raise UnusableFieldError(f"{name} has {len(cleaned)} characters; {longest} is the most")
    return cleaned


def plain(text: str) -> str:
    """Text without tags, entities and simple LaTeX, on one line."""
    if not _may_have_markup(text):
        return text
    return " ".join(unicodedata.normalize("NFC", latex.to_text(markup.to_text(text))).split())


def year(value: object) -> int:
    """The year of a number, a date, `{"date-parts": [[2021, 3]]}`, or arXiv's list of versions (the first counts)."""
    given = _innermost(value)
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    whole_number = isinstance(given, int) and not isinstance(given, bool)
    found = _YEAR.match(f"{given:d}") if whole_number else _YEAR.search(given) if isinstance(given, str) else None
    if found is None:
        raise UnusableFieldError(
            f"year {short(value)} is no year between 1500 and 2099; write it as 2024 or 2024-01-31"
        )
    return int(found[0])


def url(value: object) -> str:
    """A web address, its unsafe characters percent-encoded; `https` where it names no scheme. Of several the first."""
    if isinstance(value, list | tuple) and value:
        value = value[0]
    if isinstance(value, Mapping):
        value = next((value[key] for key in ("url", "URL", "value") if isinstance(value.get(key), str)), value)
    if not isinstance(value, str):
        raise UnusableFieldError(f"url is {short(value)}, not text")
    first = _SEVERAL_URLS.split(value.strip())[0].rstrip(";")
    address = f"https://{first}" if _HOST.match(first) else first
    if not _is_web_address(address) or len(address) > _MAX_URL:
        raise UnusableFieldError(f"url {short(value)} is no web address; it must begin with http:// or https://")
    return quote(address, safe=_URL_PUNCTUATION)


def keywords(value: object) -> tuple[str, ...]:
    """Keywords in order, each once, from a list (of strings or objects) or from one string."""
    if isinstance(value, Mapping):
        value = next((inner for inner in value.values() if isinstance(inner, list)), value)
    if isinstance(value, str):
        value = _split_keywords(value)
    if not isinstance(value, list | tuple):
        raise UnusableFieldError(f"keywords is {short(value)}; give a list of words")
    words = (plain(text("keywords", part)).strip(" *;,.") for part in value)
    return tuple(dict.fromkeys(word for word in words if word))[:_MAX_KEYWORDS]


def kind(value: object) -> str:
    """A publication type; several are joined by a semicolon."""
    if isinstance(value, Mapping):
        value = next((inner for inner in value.values() if isinstance(inner, list)), value)
    parts = value if isinstance(value, list | tuple) else [value]
    return "; ".join(dict.fromkeys(text("publication type", part) for part in parts))


def part(value: object) -> str:
    """A volume, an issue or a page: a number, or a short text such as `12`, `e17` or `Suppl 1`."""
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return plain(text("the volume, issue or page", value, _MAX_PART))


def pages(value: object) -> str:
    """Pages with a hyphen between the first and the last, however it is written; one page alone where both are same."""
    first, hyphen, last = _DASH.sub("-", part(value)).strip("- ").partition("-")
    return first if last in ("", first) else f"{first}{hyphen}{last}"


def flag(value: object) -> bool:
    """Whether a value says yes."""
    return value if isinstance(value, bool) else str(value).strip().lower() in ("1", "1.0", "true", "yes", "y")


def one_line(name: str, value: str) -> str:
    """The string as `text` cleans it."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        half = f"U+{ord(value[error.start]):04X}"
        raise UnusableFieldError(f"{name} has half a character ({half}) at {error.start}; fix its encoding") from error
    return " ".join(unicodedata.normalize("NFC", _CONTROL.sub("", value)).split())


def each(value: object) -> Iterator[Mapping[str, object]]:
    """The objects of a list; nothing if it is none."""
    if isinstance(value, Sequence):
        yield from (part for part in value if isinstance(part, Mapping))


def at(value: object, *path: str) -> object:
    """What lies under a path of names in nested objects; None where there is nothing."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _innermost(value: object) -> object:
    """The first part of nested lists and dates, `{"date-parts": [[2021, 3]]}`."""
    for _ in range(_MAX_NESTING):
        if isinstance(value, list | tuple) and value:
            value = value[0]
        elif isinstance(value, Mapping):
            value = next((value[key] for key in _DATE_KEYS if value.get(key)), None)
    return value


def _may_have_markup(text: str) -> bool:
    return "<" in text or "&" in text or "\\" in text or "$" in text


def _split_keywords(value: str) -> list[str]:
    mark = next((mark for mark in _KEYWORD_ENDS if mark in value), ",")
    return value.split(mark)


def _is_web_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and address.isprintable()
    except ValueError:  # brackets that hold no IPv6 address
        return False
