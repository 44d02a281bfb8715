"""A model divides a question into parts, and finds words to search for each."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import prompts
from rag.grounding.inert import inert
from rag.types import Usage
from rag.writers import prompt_context
from rag.writers.client import ChatClient

MAX_PARTS = 4
MAX_SEARCHES = 3
"""Of each part."""

_PROMPT = "plan"
_LONGEST = 300
_PART: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "question": {"type": "string"},
        "searches": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["question", "searches"],
    "additionalProperties": False,
}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"parts": {"type": "array", "items": _PART}},
    "required": ["parts"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class PlannedPart:
    """A part of a question, and the words to search for it in."""

    question: str
    searches: tuple[str, ...]


async def plan(
    client: ChatClient, question: str, missing: Sequence[str] = (), tried: Sequence[str] = ()
) -> tuple[list[PlannedPart], Usage]:
    """The parts of the question; the question itself where the reply has none. Raises BackendError.

    In a second round `missing` are the parts of which nothing was found, and `tried` the searches that did not find it.
    """
    known = ""
    if missing:
        parts = "\n".join(f"- {prompt_context.quoted(part)}" for part in missing)
        words = "\n".join(f"- {prompt_context.quoted(search)}" for search in tried)
        known = f"Nothing was found yet on these parts:\n{parts}\nThese searches were tried; find others:\n{words}\n"
    asked = prompt_context.quoted(question)
    text, usage = await client.ask([("user", prompts.render(_PROMPT, known=known, question=asked))], SCHEMA)
    parts_found = list(_parts(text))[:MAX_PARTS]
    return parts_found or [PlannedPart(question, (question,))], usage


def _parts(text: str) -> Iterator[PlannedPart]:
    start, end = text.find("{"), text.rfind("}")
    try:
        found = json.loads(text[start : end + 1], strict=False)
    except ValueError:
        return
    for part in found.get("parts") or () if isinstance(found, dict) else ():
        if isinstance(part, dict) and (question := _line(part.get("question"))):
            given = part.get("searches")
            searches = [line for search in given if (line := _line(search))] if isinstance(given, list) else []
            yield PlannedPart(question, tuple(dict.fromkeys(searches[:MAX_SEARCHES])) or (question,))


def _line(text: object) -> str:
    """On one line, short and without markup; empty if it is no text."""
    line = " ".join(text.split())[:_LONGEST] if isinstance(text, str) else ""
    return inert(line) if re.search(r"\w", line) else ""
