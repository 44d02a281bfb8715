"""How much of a conversation the engine is given: its last turns, up to a size."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rag.types import Turn

TURNS = 20
CHARACTERS = 32_000
TURN_CHARACTERS = 8_000


def recent(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The last turns, oldest first; empty ones are left out and long ones cut, so that no client need trim its own."""
    spoken = [replace(turn, content=turn.content.strip()[:TURN_CHARACTERS]) for turn in turns if turn.content.strip()]
    return tuple(reversed(list(_that_fit(reversed(spoken[-TURNS:])))))


def _that_fit(newest_first: Iterable[Turn]) -> Iterable[Turn]:
    left = CHARACTERS
    for turn in newest_first:
        left -= len(turn.content)
        if left < 0:
            return
        yield turn
