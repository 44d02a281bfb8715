"""Everything that can go wrong and that a caller can act on. A message says which value, what was found, what to do.

ScholiastError
├── ConfigError          a setting, or a part that is not installed
├── CorpusError          a file that can't be read as papers
├── RequestError         a question or a parameter that can't be used
├── NotFoundError        no such library, paper, ...
├── BusyError            a conversation is being answered; the same request can succeed a moment later
├── LibraryError         the stored library is damaged or does not fit the configuration
│   ├── LockedError      another process owns the library
│   └── UnavailableError it can't be read or written just now: a full disk, another program's lock, too little memory
└── BackendError         an embedder, a model or a source of papers failed; `retryable`: a retry may succeed
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from json import JSONDecodeError
from typing import NamedTuple

_NOT_RETRYABLE = (ValueError, TypeError, LookupError, AttributeError, ImportError)


class ScholiastError(Exception):
    """Base of all our errors; its text says what was found and what to do, to the user of this machine.

    `public` is what anybody else may be told of it: no path, no address and no process of this machine.
    """

    default_public = "the request failed; the log of the service says why"
    """`public` where none is given; empty for the text itself, which then has to be fit for anybody."""

    def __init__(self, message: str, *, public: str = "") -> None:
        super().__init__(message)
        self.public = public or self.default_public or message


class ConfigError(ScholiastError):
    """A setting is wrong, or something it needs is not installed."""

    default_public = "the service is not set up as it should be; its log says what to do"


class CorpusError(ScholiastError):
    """A whole file can't be read as papers; nothing of it was stored."""

    default_public = ""


class RequestError(ScholiastError):
    """A question or a parameter can't be used as it is."""

    default_public = ""


class NotFoundError(ScholiastError):
    """The thing that was named does not exist."""

    default_public = ""


class BusyError(ScholiastError):
    """The request has to wait for another one; retry in a moment."""

    default_public = ""


class LibraryError(ScholiastError):
    """The stored library is damaged, or was built with another configuration."""

    default_public = "the library can't be used as it is; the log of the service says why and what to do"


class OwnerDoor(NamedTuple):
    """Where the process that owns a library works for others: a port of this machine, and the key that it asks for."""

    port: int
    key: str


class LockedError(LibraryError):
    """Another process owns the library; `door` is where it works for others, if it does."""

    default_public = "the library is in use by another process; try again in a moment"

    def __init__(self, message: str, door: OwnerDoor | None = None) -> None:
        super().__init__(message)
        self.door = door


class UnavailableError(LibraryError):
    """The stored data are sound but can't be read or written just now; the same request can succeed later."""

    default_public = "what the service stores can't be reached just now; try again later"


class BackendError(ScholiastError):
    """An embedder, a model or a source of papers failed. `reason` says why in a few words that any user may see."""

    def __init__(self, message: str, *, retryable: bool, reason: str = "it failed", public: str = "") -> None:
        super().__init__(message, public=public or f"an embedder, a model or a source can't be used: {reason}")
        self.retryable = retryable
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        """It also crosses from one process to another."""
        make = partial(type(self), retryable=self.retryable, reason=self.reason, public=self.public)
        return make, (str(self),)


def retryable(error: Exception) -> bool:
    """Whether the same request may succeed later, after a provider's error.

    An account without credit gets status 429 too, but a retry can't help it, nor a bug or a missing package.
    """
    status = http_status(error)
    if status is not None:
        return (status in (408, 409, 429) or status >= 500) and getattr(error, "code", "") != "insufficient_quota"
    return isinstance(error, JSONDecodeError) or not isinstance(error, _NOT_RETRYABLE)


def http_status(error: Exception) -> int | None:
    """The HTTP status that a provider's error carries, on itself or on its response; None when it carries none."""
    found = getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", None)
    return found if isinstance(found, int) else None


_SHORTAGES = (
    (
        re.compile(
            r"no space left|disk is full|disk full|disk quota|file too large|os error (?:27|28|122)\b", re.IGNORECASE
        ),
        "the disk is full: free some disk space",
    ),
    (
        re.compile(r"too many open files|os error 24\b", re.IGNORECASE),
        "too many files are open: raise the limit on open files (`ulimit -n`)",
    ),
    (
        re.compile(r"read-?only (?:file ?system|database)|os error 30\b", re.IGNORECASE),
        "the disk is read-only: make the disk writable",
    ),
    (
        re.compile(r"cannot allocate memory|out of memory|bad_?alloc|memory allocation|os error 12\b", re.IGNORECASE),
        "the memory is full: free some memory",
    ),
)


def how_to_make_room(reason: str) -> str:
    """What the machine lacks and what to do, where nothing is damaged; empty for any other reason."""
    return next(
        (f"{remedy} and try again; nothing is damaged" for known, remedy in _SHORTAGES if known.search(reason)), ""
    )


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turn an OSError of a full or read-only disk into an UnavailableError about `what` can't be stored."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if room := how_to_make_room(reason):
            raise UnavailableError(f"{what} can't be stored ({error}); {room}", public=room) from error
        raise


def how_to_rebuild(library: str) -> str:
    """The command that recreates the indexes. It always names the library: without a name it may mean the demo's."""
    return f"run `scholiast rebuild --library {library}`"


def how_to_embed_again(library: str) -> str:
    """The command that recreates the vectors too."""
    return f"run `scholiast rebuild --embed --library {library}` to embed every paper again"


def how_to_list_papers(library: str) -> str:
    """The command that shows which ids there are."""
    return f"`scholiast papers list --library {library}` shows what it has"
