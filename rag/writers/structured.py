"""An answer as JSON: the schema that providers hold a model to, and a reader that gives sentences as they are whole."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SENTENCE = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "description": "One sentence, or one line of a list, without any key."},
        "abstracts": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The keys of the abstracts that say so.",
        },
    },
    "required": ["text", "abstracts"],
    "additionalProperties": False,
}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "outcome": {"type": "string", "enum": ["answered", "partial", "not_in_abstracts"]},
        "sentences": {"type": "array", "items": _SENTENCE},
        "missing": {"type": "string", "description": "What of the question the abstracts do not say, or nothing."},
    },
    "required": ["outcome", "sentences", "missing"],
    "additionalProperties": False,
}

_TEXTS = ("text", "sentence", "answer", "response", "content", "final_answer", "output", "message")
_KEYS = ("abstracts", "abstract", "citations", "citation", "sources", "source", "keys", "key", "references", "ids")
_INSIDE = ("arguments", "parameters", "input", "function", "answer", "response")
_DEEPEST = 4


@dataclass(frozen=True)
class WrittenSentence:
    """A sentence as the model gave it, and the text in which it names what it rests on."""

    text: str
    rests_on: str


class JsonReader:
    """Reads one JSON value that arrives in pieces; what follows it is kept in `rest`."""

    def __init__(self) -> None:
        self._text = ""
        self._read = 0
        self._starts: list[int] = []
        self._in_string = self._escaped = False
        self._given = 0
        self.ended = False

    def feed(self, item: str) -> Iterator[WrittenSentence]:
        """The sentences that the piece completes."""
        self._text += item
        while self._read < len(self._text) and not self.ended:
            self._read += 1
            if self._closes(self._text[self._read - 1]):
                start = self._starts.pop()
                self.ended = not self._starts
                whole = self._text[start : self._read]
                if not self.ended and whole.startswith("{") and (sentence := _sentence(_object(whole))):
                    self._given += 1
                    yield sentence
        if self.ended and not self._given:
            for sentence in _anywhere(self.value):
                self._given += 1
                yield sentence

    @property
    def value(self) -> Mapping[str, Any]:
        """The whole object; empty when it is no object, or broken."""
        return _object(self._text[: self._read])

    @property
    def rest(self) -> str:
        """What follows the value."""
        return self._text[self._read :] if self.ended else ""

    @property
    def outcome(self) -> str:
        """What the model says the answer is, as far as it has said so; else empty."""
        if not self.ended:
            head, _, tail = self._text[: self._read].partition('"outcome"')
            return tail.split('"')[1] if head and tail.count('"') > 1 else ""
        return _field(self.value, "outcome")

    @property
    def missing(self) -> str:
        """What the model says the abstracts leave open; else empty."""
        return _field(self.value, "missing") if self.ended else ""

    def _closes(self, letter: str) -> bool:
        """Whether the letter ends an object or a list."""
        if self._in_string:
            self._in_string = self._escaped or letter != '"'
            self._escaped = letter == "\\" and not self._escaped
        elif letter == '"':
            self._in_string = True
        elif letter in "{[":
            self._starts.append(self._read - 1)
        return not self._in_string and letter in "}]" and bool(self._starts)


def _object(text: str) -> Mapping[str, Any]:
    if not text.startswith(("{", "[")):
        return {}
    try:
        found = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {"sentences": found}


def _sentence(found: Mapping[str, Any]) -> WrittenSentence | None:
    """Of an object that has a text and nothing but plain values and lists beside it."""
    text = next((found[name] for name in _TEXTS if isinstance(found.get(name), str)), "")
    if not text.strip() or "outcome" in found:
        return None
    return WrittenSentence(text, " ".join(str(found[name]) for name in _KEYS if found.get(name)))


def _anywhere(found: Mapping[str, Any], depth: int = 0) -> Iterator[WrittenSentence]:
    """The text of an answer that is not a list of sentences, also within the call of a tool."""
    inner: Sequence[object] = [found[name] for name in _INSIDE if name in found]
    nested = [
        _object(value.strip()) if isinstance(value, str) else value for value in inner if isinstance(value, dict | str)
    ]
    deeper = [value for value in nested if isinstance(value, dict) and value]
    if deeper and depth < _DEEPEST:
        for value in deeper:
            yield from _anywhere(value, depth + 1)
            listed = value.get("sentences")
            for item in listed if isinstance(listed, list) else ():
                if isinstance(item, dict) and (sentence := _sentence(item)):
                    yield sentence
    elif sentence := _sentence({name: value for name, value in found.items() if name != "outcome"}):
        yield sentence


def _field(found: Mapping[str, Any], name: str, depth: int = 0) -> str:
    if isinstance(found.get(name), str):
        return str(found[name])
    inner = (found[key] for key in _INSIDE if isinstance(found.get(key), dict))
    return next((text for value in inner if depth < _DEEPEST and (text := _field(value, name, depth + 1))), "")
