"""Reads JSON of any length one entry or member at a time, so that only one of them is in memory."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.corpus import textfile

MAX_ENTRY_CHARACTERS = 4_000_000

_PIECE_CHARACTERS = 1 << 16
_BLANKS = re.compile(r"[ \t\n\r]+")


class NotJsonError(ValueError):
    """The text is not JSON; `line` says where, and the message why."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.line = line


def check(path: Path) -> None:
    """Raise NotJsonError unless the whole file is JSON."""
    for _ in entries(path):
        pass


def entries(path: Path) -> Iterator[tuple[int, object]]:
    """The entries of a list, each with its line; a value that is no list is its only entry. Raises NotJsonError."""
    with opened(path) as reader:
        if reader.next_character() != "[":
            yield reader.line, reader.value()
        else:
            for line in reader.entries():
                yield line, reader.value()
        reader.end()


@contextmanager
def opened(path: Path) -> Iterator["Reader"]:
    """A reader at the beginning of a file."""
    with textfile.opened(path) as file:
        yield Reader(file.read)


class Reader:
    """A window on the text: it begins at the next character that was not read yet."""

    def __init__(self, read: Callable[[int], str]) -> None:
        self._read = read
        self._text = ""
        self._place = 0
        self._at_end = False
        self._decode = json.JSONDecoder().raw_decode
        self.line = 1

    def next_character(self) -> str:
        """The next one that is not a blank, which stays the next; empty at the end of the text."""
        while True:
            blanks = _BLANKS.match(self._text, self._place)
            self._pass_over(blanks.end() if blanks else self._place)
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._more():
                return ""

    def skip(self) -> None:
        self._pass_over(self._place + 1)

    def value(self) -> object:
        """The value that begins here. What is at the end of the window may go on, so more is read before it counts."""
        while True:
            try:
                value, end = self._decode(self._text, self._place)
            except (ValueError, RecursionError) as error:
                if isinstance(error, RecursionError) or not self._more():
                    raise self._fault(error) from error
                continue
            if end < len(self._text) or not self._more():
                self._pass_over(end)
                return value

    def entries(self) -> Iterator[int]:
        """The line of each entry of the list that begins here, which the caller reads before it asks for the next."""
        self.skip()
        if self.next_character() == "]":
            self.skip()
            return
        while True:
            self.next_character()
            yield self.line
            if self._is_last("]"):
                return

    def members(self) -> Iterator[tuple[int, str]]:
        """The line and the key of each member of the object that begins here; the caller reads the value, as above."""
        self.skip()
        if self.next_character() == "}":
            self.skip()
            return
        while True:
            if self.next_character() != '"':
                raise NotJsonError("Expecting property name enclosed in double quotes", self.line)
            line, key = self.line, self.value()
            if self.next_character() != ":":
                raise NotJsonError("Expecting ':' delimiter", self.line)
            self.skip()
            self.next_character()
            yield line, str(key)
            if self._is_last("}"):
                return

    def end(self) -> None:
        """Raise NotJsonError unless the text ends here."""
        if self.next_character():
            raise NotJsonError("something follows after its end", self.line)

    def _is_last(self, end: str) -> bool:
        following = self.next_character()
        if following not in (end, ","):
            raise NotJsonError("Expecting ',' delimiter", self.line)
        self.skip()
        return following == end

    def _more(self) -> bool:
        """Read on, twice as much each time a value turns out to be longer. False at the end of the text."""
        if self._at_end:
            return False
        self._text, self._place = self._text[self._place :], 0
        if len(self._text) > MAX_ENTRY_CHARACTERS:
            raise NotJsonError(f"an entry is longer than {MAX_ENTRY_CHARACTERS:,} characters", self.line)
        piece = self._read(max(_PIECE_CHARACTERS, len(self._text)))
        self._text += piece
        self._at_end = not piece
        return bool(piece)

    def _pass_over(self, place: int) -> None:
        self.line += self._text.count("\n", self._place, place)
        self._place = place

    def _fault(self, error: Exception) -> NotJsonError:
        if isinstance(error, RecursionError):
            return NotJsonError("nested too deeply", self.line)
        if isinstance(error, json.JSONDecodeError):
            line = self.line + self._text.count("\n", self._place, error.pos)
            return NotJsonError(f"{error.msg} at column {error.colno}", line)
        return NotJsonError(str(error), self.line)
