"""Names of the abstracts in a prompt, such as `p7f3`, and the stage that turns them into marks `[n]`.

A number could be a year, a figure or a mark of an abstract's own; a key is none of them, and whoever writes an abstract
can't know its key: it is made from the paper's id with a secret of this process. The same abstract has the same key in
every prompt, so that a provider's cache may hold what it has read before.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from secrets import token_bytes

from rag.types import Passage

_SECRET = token_bytes(16)
_LETTERS = "abcdefghjkmnqrstuvwxyz"

_KEY = r"p\d[a-z]\d(?:[a-z]\d){0,6}+(?![a-z0-9])"
_LABEL = r"(?:[a-z]{2,12}\.?[ :#=]{1,3}|[\"'#^@])?"
_ONE = rf"{_LABEL}{_KEY}[\"']?+"
_JOIN = r"(?: ?[,;&/+|‐‑–—-] ?| and | ?)"
_KEYS = rf"{_ONE}(?:{_JOIN}{_ONE}){{0,15}}+"
_OPEN, _CLOSE = r"(?:<cite>|##|\\?[\[({【〔［<`*^]{1,3})", r"(?:</cite>|\$\$|\\?[\])}】〕］>`*]{1,3})"
_TAIL = r"(?: ?[:†|,–—-][^\]】〕］)}<>`*$\n]{0,80})?"
_LINK = r"(?:\(https?:[^)\s]{0,200}\))?"
_GROUP = re.compile(
    rf"{_OPEN} ?(?P<opened>{_KEYS})(?:{_TAIL} ?(?P<close>{_CLOSE}){_LINK})?"
    rf"|(?P<bare>{_KEY}(?:{_JOIN}{_KEY}){{0,15}}+)",
    re.IGNORECASE,
)
_START = re.compile(r"<cite>|##|[\\\[({【〔［<`*^#]|(?<![a-z0-9])p(?=\d|\Z)", re.IGNORECASE)
_FIND = re.compile(rf"(?<![a-z0-9]){_KEY}", re.IGNORECASE)
_TO_THE_FIRST_KEY, _TO_THE_NEXT_KEY, _TO_THE_END = 64, 48, 400
"""Characters after which it is certain that no (further) key, or no end of a group, can come."""


class CitationKeys:
    """The keys of the passages of a prompt."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._numbers: dict[str, int] = {}
        self._keys: dict[int, str] = {}
        for passage in passages:
            if passage.number not in self._keys:
                key = _new_key(passage.paper.id, self._numbers)
                self._numbers[key] = passage.number
                self._keys[passage.number] = key

    def of(self, number: int) -> str:
        """The key of the passage with this number."""
        return self._keys[number]

    def numbers(self, text: str) -> list[int]:
        """The passages whose keys stand in a text, in order."""
        found = (self._numbers.get(key.lower()) for key in _FIND.findall(text))
        return list(dict.fromkeys(number for number in found if number is not None))

    def without(self, text: str) -> str:
        """The text with the keys left out, for words that cite nothing."""
        return _FIND.sub("", text)


class KeyFilter:
    """A stage from text in which keys cite to text with `[n]`, in whatever way a model writes a key.

    A key in brackets that names nothing becomes `[0]`, which no passage has. The result does not depend on where the
    text was cut.
    """

    def __init__(self, keys: CitationKeys) -> None:
        self._keys = keys
        self._before = ""
        self._held = ""

    def feed(self, item: str) -> list[str]:
        """What can be shown now."""
        self._held += item
        return self._shown(final=False)

    def flush(self) -> list[str]:
        """The rest."""
        return self._shown(final=True)

    def _shown(self, *, final: bool) -> list[str]:
        text, done = self._before + self._held, len(self._before)
        out: list[str] = []
        place = done
        while start := _START.search(text, place):
            group = _GROUP.match(text, start.start())
            if not final and not _is_decided(text, start.start(), group):
                break
            if group:
                out += [text[done : start.start()], self._marks(group)]
                done = place = group.end()
            else:
                place = start.start() + 1
        end = start.start() if start else len(text)
        out.append(text[done:end])
        self._before, self._held = text[max(0, end - 1) : end], text[end:]
        shown = "".join(out)
        return [shown] if shown else []

    def _marks(self, group: re.Match[str]) -> str:
        numbers = self._keys.numbers(group[0])
        if not numbers:
            return group[0] if group["bare"] else "[0]"
        return "".join(f"[{number}]" for number in numbers)


def _is_decided(text: str, start: int, group: re.Match[str] | None) -> bool:
    """Whether more text can't change what stands at `start`."""
    if text.find("\n", start) >= 0:
        return True
    if group is None:
        return len(text) - start >= _TO_THE_FIRST_KEY
    after = len(text) - group.end()
    if group["bare"]:
        return after >= _TO_THE_NEXT_KEY
    return after >= (_TO_THE_NEXT_KEY if group["close"] and not text.startswith("(", group.end()) else _TO_THE_END)


def whole(text: str, keys: CitationKeys) -> str:
    """A whole text with marks in the place of keys."""
    stage = KeyFilter(keys)
    return "".join([*stage.feed(text), *stage.flush()])


def _new_key(paper_id: str, used: Mapping[str, int]) -> str:
    """The key of a paper; a longer one where that is taken."""
    digest = blake2b(paper_id.encode("utf-8", "replace"), key=_SECRET, digest_size=16).digest()
    key = f"p{digest[0] % 10}"
    for letter, digit in _pairs(digest[1:]):
        key += f"{_LETTERS[letter % len(_LETTERS)]}{digit % 10}"
        if key not in used:
            break
    return key


def _pairs(values: bytes) -> Iterator[tuple[int, int]]:
    return zip(values[::2], values[1::2], strict=False)
