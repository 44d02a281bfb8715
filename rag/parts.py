"""The parts of a question: several questions in one, and the sides of a comparison."""

from rag.text.analysis import content_stems
from rag.text.vocabulary import pattern

MAX_PARTS = 3
MAX_SIDES = 4
_FEWEST_WORDS = 3
_MOST_WORDS_OF_A_SIDE = 12
_EDGES = " ,;:.-–—"
_QUOTES = "?!\"'“”()"


def split(question: str) -> list[str]:
    """The questions that a question consists of, in order; itself where it is one."""
    cuts = list(pattern("question.next_part").finditer(question))
    starts, ends = [0, *(cut.end() for cut in cuts)], [*(cut.start() for cut in cuts), len(question)]
    parts = [question[start:end].strip(_EDGES) for start, end in zip(starts, ends, strict=True)]
    if not 1 < len(parts) <= MAX_PARTS or not all(map(_asks, parts)):
        return [question]
    return [part if part.endswith("?") else f"{part}?" for part in parts]


def whole(question: str) -> list[str]:
    """The question as one, for a writer that reads all of its parts itself."""
    return [question]


def sides(question: str) -> list[str]:
    """What a comparison may set side by side, as phrases to search for; most of them name one paper or none."""
    phrases = [phrase.strip(_EDGES + _QUOTES) for phrase in pattern("question.side_end").split(question)]
    short = [phrase for phrase in phrases if len(phrase.split()) <= _MOST_WORDS_OF_A_SIDE]
    return [phrase for phrase in short if content_stems(phrase)][:MAX_SIDES]


def _asks(part: str) -> bool:
    asking = pattern("question.open").search(part) or pattern("question.auxiliary_first").search(part)
    return asking is not None and len(part.split()) >= _FEWEST_WORDS
