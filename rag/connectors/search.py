"""What a source is asked for, and what it answers: a search, and pages of results."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from rag.errors import RequestError

T = TypeVar("T")
Parameters = Mapping[str, str | int]

MAX_QUERY_CHARACTERS = 1000
MAX_LIMIT = 10_000
DEFAULT_LIMIT = 100

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, kw_only=True)
class Search:
    """A query in the source's own syntax, for works published on or after `since`; at most `limit` of them."""

    query: str
    since: date | None = None
    limit: int = DEFAULT_LIMIT


class Page(NamedTuple):
    """A page of results, which lies in a file unless it is empty.

    `works` are on it, of `total` that match; `next` is where the following page begins, None after the last.
    """

    works: int
    total: int
    next: str | None


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What a source says of a work that it was asked for by id; values are as it writes them, None where it has none.

    `ids` are those under which the work can have been asked for, as `doi:...` or `pmid:...`, a DOI in lower case.
    """

    ids: Sequence[str]
    year: object = None
    venue: object = None
    retracted: bool = False


class RefusedError(RequestError):
    """The source does not take the request as it is: the query, or a place in its results that it has forgotten."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request. `form` makes it a POST, whose fields no log shows."""

    url: str
    params: Parameters = field(default_factory=dict)
    form: Parameters = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class Client(Protocol):
    """Asks one source, as `client.PoliteClient` does, which is loaded when something is first asked."""

    contact: str

    async def get(self, call: Call, file: Path, read: Callable[[Path], T]) -> T:
        """Write the reply to `file` and read it. Raises RefusedError, or BackendError when no attempt succeeds."""
        ...


class Connector(Protocol):
    """What the module of a source provides."""

    TITLE: str
    FORMAT: str
    """Of its pages, as `corpus.read` takes it."""
    FIRST: str
    """The place of the first page."""
    PAGE: int
    MOST: int
    """How many works a page, and one search, give at most."""
    KEY_NAME: str
    """The environment variable of its key; empty where there is none."""

    def seconds_between(self, key: str, contact: str) -> float:
        """How far apart requests have to be."""
        ...

    async def page(self, client: Client, search: Search, place: str, size: int, key: str, file: Path) -> Page:
        """Write the page of at most `size` works at a place to a file. Raises as `Client.get`."""
        ...


class Enricher(Protocol):
    """What the module of a source provides that knows works by their ids."""

    TITLE: str
    ID_KINDS: tuple[str, ...]
    """Which ids it knows: `doi`, `pmid`."""
    IDS_AT_ONCE: int

    def knows(self, doi: str) -> bool:
        """Whether the source can be asked for a bare DOI in lower case."""
        ...

    async def offers(self, client: Client, kind: str, ids: Sequence[str], key: str, file: Path) -> list[Offer]:
        """What it has of the works with these bare ids of one kind, at most `IDS_AT_ONCE`. Raises as `Client.get`."""
        ...


def make_search(query: str, since: str = "", limit: int = DEFAULT_LIMIT) -> Search:
    """A search from what a user wrote; `since` is empty or YYYY-MM-DD. Raises RequestError."""
    query = " ".join(query.split())
    if not query or len(query) > MAX_QUERY_CHARACTERS or not query.isprintable():
        raise RequestError(
            f"the query has {len(query):,} characters; give 1 to {MAX_QUERY_CHARACTERS:,} printable ones"
        )
    if not 1 <= limit <= MAX_LIMIT:
        raise RequestError(f"the limit is {limit}; give 1 to {MAX_LIMIT:,}")
    return Search(query=query, since=_date(since) if since else None, limit=limit)


def _date(text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise RequestError(f"since is {text!r}; write a date as YYYY-MM-DD")


def json_object(file: Path) -> Mapping[str, object]:
    """The object that a reply holds. Raises ValueError."""
    value = json.loads(file.read_bytes())
    if not isinstance(value, dict):
        raise ValueError(f"it is a JSON {type(value).__name__}, not an object")
    return value


def number(value: object, name: str) -> int:
    """A count that a reply gives, as a number or as text. Raises ValueError."""
    if isinstance(value, int) or (isinstance(value, str) and value.strip().isdecimal()):
        return int(value)
    raise ValueError(f"it has no {name}")


def listed(value: object, name: str) -> list[object]:
    """A list that a reply has to hold. Raises ValueError."""
    if not isinstance(value, list):
        raise ValueError(f"it has no {name}")
    return value


def next_cursor(cursor: object, place: str, count: int, size: int) -> str | None:
    """The cursor of the following page; None after a page that is not full, or without another cursor."""
    return cursor if isinstance(cursor, str) and cursor and cursor != place and count >= size else None
