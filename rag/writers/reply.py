"""What comes from a chat model, kept within bounds: no thoughts, no endless repetition, no megabytes."""

from dataclasses import dataclass

MOST_CHARACTERS = 8_000
"""A longer answer is cut off; the prompt asks for a few sentences."""

MOST_CHARACTERS_WITH_THOUGHTS = 200_000
_TIMES = 4
_LONGEST_PERIOD = 300
_LOOK_EVERY = 100
_OPEN, _CLOSE = "<think>", "</think>"


@dataclass
class Reply:
    """Takes the pieces as they come and gives back what belongs to the answer.

    Thoughts that a local model writes before its answer, between <think> and </think>, do not. `cut` says why the rest
    of the reply is not wanted any more; empty as long as it is.
    """

    cut: str = ""
    text: str = ""
    _received: int = 0
    _looked: int = 0
    _start: str | None = ""
    _thinking: bool = False

    def take(self, piece: str) -> str:
        """The part of the piece that belongs to the answer."""
        self._received += len(piece)
        shown = self._without_thoughts(piece)[: MOST_CHARACTERS - len(self.text)]
        self.text += shown
        if len(self.text) >= MOST_CHARACTERS or self._received > MOST_CHARACTERS_WITH_THOUGHTS:
            self.cut = f"the answer was cut off at {len(self.text):,} characters"
        elif len(self.text) >= self._looked + _LOOK_EVERY:
            self._looked = len(self.text)
            self.cut = "the model began to repeat itself" if _repeats(self.text) else ""
        return shown

    def _without_thoughts(self, piece: str) -> str:
        if self._start is None:
            return piece
        self._start += piece
        start = self._start.lstrip()
        self._thinking = self._thinking or start.startswith(_OPEN)
        if self._thinking and _CLOSE in start:
            return self._answer(start.partition(_CLOSE)[2].lstrip())
        if self._thinking or _OPEN.startswith(start):
            return ""
        return self._answer(self._start)

    def _answer(self, begun: str) -> str:
        self._start = None
        return begun


def _repeats(text: str) -> bool:
    """Whether the text ends with the same words several times over."""
    periods = range(1, min(_LONGEST_PERIOD, len(text) // _TIMES) + 1)
    return any(text.endswith(text[-period:] * _TIMES) and text[-period:].strip(" .-_=*\n|") for period in periods)
