"""How many tokens of chat models each caller has used today, over all doors and processes of a database."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from rag import threads
from rag.database import Database
from rag.engine import Delta, Event, Sources
from rag.history.schema import spending
from rag.text import tokens
from rag.types import Usage
from rag.writers.extractive import ExtractiveWriter

_KEPT_DAYS = 2


class Spending:
    """What was used, answer by answer: the answer may be deleted, what it cost stays until the day is over."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def today(self, caller: str) -> int:
        """The tokens that a caller has used since midnight (UTC). Raises LibraryError."""
        return await threads.read(self._today, caller)

    def _today(self, caller: str) -> int:
        used = select(func.sum(spending.c.tokens)).where(spending.c.caller == caller, spending.c.day == _day())
        with self._database.reading() as connection:
            return int(connection.execute(used).scalar_one() or 0)


class Meter:
    """Estimates what an answer costs that is broken off: its model tells only at the end."""

    def __init__(self, writer: str, asked: str) -> None:
        """`writer` is the name of the engine's writer, `asked` the question with its history."""
        self._costs = writer != ExtractiveWriter.name
        self._asked, self._texts = asked, list[str]()

    def note(self, event: Event) -> None:
        """Count what is shown to the model, and what it has written."""
        if isinstance(event, Sources):
            self._texts = [self._asked, *(f"{p.paper.title} {p.paper.abstract}" for p in event.passages)]
        elif isinstance(event, Delta):
            self._texts.append(event.text)

    def usage(self) -> Usage:
        """Nothing before anything was shown, and for a writer that costs nothing. Blocks."""
        return Usage(prompt_tokens=tokens.count(" ".join(self._texts)) if self._costs and self._texts else 0)


def record(connection: Connection, caller: str, usage: Usage) -> None:
    """Note what an answer used, within a transaction; extractive answers use nothing. Deletes what is out of date."""
    if tokens := usage.prompt_tokens + usage.completion_tokens:
        connection.execute(insert(spending).values(caller=caller, day=_day(), tokens=tokens))
        connection.execute(delete(spending).where(spending.c.day < _day(_KEPT_DAYS)))


def _day(ago: int = 0) -> str:
    return (datetime.now(UTC) - timedelta(days=ago)).date().isoformat()
