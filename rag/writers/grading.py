"""A model grades abstracts by how much they help to answer, as PaperQA2 re-ranks its passages (Skarlinski, 2024)."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import prompts
from rag.errors import BackendError
from rag.grounding.inert import inert
from rag.text import tokens
from rag.types import Passage, Usage
from rag.writers import prompt_context, prompting
from rag.writers.client import ChatClient
from rag.writers.keys import CitationKeys

BATCH = 10
"""Abstracts that are graded in one call."""

AT_ONCE = 4
"""Calls that run at the same time."""

_PROMPT = "grade"
_HIGHEST = 10.0
_LONGEST_WHY = 200
_ENTRY: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "key": {"type": "string"},
        "grade": {"type": "number"},
        "why": {"type": "string"},
    },
    "required": ["key", "grade", "why"],
    "additionalProperties": False,
}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"grades": {"type": "array", "items": _ENTRY}},
    "required": ["grades"],
    "additionalProperties": False,
}
_OBJECT = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True)
class Grade:
    """How much a passage helps to answer, 0 to 10, and the model's reason in a few words."""

    passage: Passage
    grade: float
    why: str


def batches(passages: Sequence[Passage]) -> list[Sequence[Passage]]:
    """The passages as they are graded together."""
    return [passages[start : start + BATCH] for start in range(0, len(passages), BATCH)]


async def grade(client: ChatClient, question: str, passages: Sequence[Passage]) -> tuple[list[Grade], Usage]:
    """The passages that the model graded, in their order, by one call for each batch.

    Those of a call that fails have no grade. Raises BackendError if every call fails.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(batch: Sequence[Passage]) -> tuple[list[Grade], Usage]:
        async with gate:
            return await _grade_batch(client, question, batch)

    replies = await asyncio.gather(*(one(batch) for batch in batches(passages)), return_exceptions=True)
    failures = [reply for reply in replies if isinstance(reply, BaseException)]
    if unforeseen := [error for error in failures if not isinstance(error, BackendError)]:
        raise unforeseen[0]
    found = [reply for reply in replies if not isinstance(reply, BaseException)]
    if failures and not found:
        raise failures[0]
    return [grade for grades, _ in found for grade in grades], sum((usage for _, usage in found), Usage())


async def _grade_batch(client: ChatClient, question: str, batch: Sequence[Passage]) -> tuple[list[Grade], Usage]:
    keys = CitationKeys(batch)
    asked = prompt_context.quoted(question)
    room = prompting.room(client) - tokens.count(prompts.render(_PROMPT, abstracts="", question=asked))
    packed = prompt_context.pack(batch, room, prompt_context.STABLE_TAG, keys)
    prompt = prompts.render(_PROMPT, abstracts=packed.text, question=asked)
    text, usage = await client.ask([("user", prompt)], SCHEMA)
    given = {number: (grade, why) for number, grade, why in _entries(text, keys)}
    return [Grade(p, *given[p.number]) for p in batch if p.number in given], usage


def _entries(text: str, keys: CitationKeys) -> Iterator[tuple[int, float, str]]:
    """What each entry of a reply says, also of one that breaks off."""
    for found in _OBJECT.findall(text):
        try:
            entry = json.loads(found, strict=False)
        except ValueError:
            continue
        value = entry.get("grade", entry.get("score"))
        for number in keys.numbers(str(entry.get("key", "")))[:1]:
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield number, min(_HIGHEST, max(0.0, float(value))), _reason(entry.get("why"), keys)


def _reason(why: object, keys: CitationKeys) -> str:
    """On one line, short, without keys and markup."""
    text = " ".join(keys.without(why).split()) if isinstance(why, str) else ""
    return inert(text)[:_LONGEST_WHY]
