"""The real engine over a few passages, and writers that say their lines."""

from collections.abc import AsyncGenerator, Sequence

from rag.engine import Delta, Engine, Event
from rag.protocols import Writer
from rag.types import EVERYTHING, Filters, GenerationInfo, Passage, Turn
from tests.support.passages import Flat, passage

QUESTION = "How does caffeine affect the sleep of shift workers?"
CAFFEINE = passage(
    "Caffeine and the sleep of shift workers",
    "Many people work at night.",
    "Caffeine shortens the sleep of shift workers by 34% in a trial with 120 nurses.",
    similarity=[0.3, 0.9],
)
TEA = passage("Tea ceremonies", "Green tea calms the guests of a ceremony within 20 minutes.", number=2, score=0.8)
CLAIM = "Caffeine shortens the sleep of shift workers by 34%"


class Found:
    """Finds the same passages whatever is asked, and remembers what was."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        self.asked: list[str] = []

    async def retrieve(self, question: str, limit: int, filters: Filters = EVERYTHING) -> Sequence[Passage]:
        self.asked.append(question)
        return self._passages[:limit]


class Says:
    """Says its pieces; one that is an error is raised."""

    name = "script"

    def __init__(self, *pieces: str | GenerationInfo | Exception) -> None:
        self.pieces = pieces
        self.shown: Sequence[Passage] = ()
        self.closed = False

    async def write(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn] = ()
    ) -> AsyncGenerator[str | GenerationInfo]:
        self.shown = passages
        try:
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.closed = True


def engine(writer: Writer, *passages: Passage, backup: Writer | None = None) -> Engine:
    """With the caffeine and the tea paper unless others are given."""
    found = Found(passages or (CAFFEINE, TEA))
    return Engine(library="default", retriever=found, vocabulary=Flat(), writer=writer, backup=backup)


async def events(engine: Engine, question: str = QUESTION, history: Sequence[Turn] = ()) -> list[Event]:
    """All of a stream."""
    return [event async for event in engine.stream(question, history)]


def text(events: Sequence[Event]) -> str:
    """The deltas joined."""
    return "".join(event.text for event in events if isinstance(event, Delta))
