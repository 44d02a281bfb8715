"""How many tokens of chat models each caller has used today, over all doors and processes of a database."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from rag import threads
from rag.database import Database
from rag.history.schema import spending
from rag.types import Usage

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


def record(connection: Connection, caller: str, usage: Usage) -> None:
    """Note what an answer used, within a transaction; extractive answers use nothing. Deletes what is out of date."""
    if tokens := usage.prompt_tokens + usage.completion_tokens:
        connection.execute(insert(spending).values(caller=caller, day=_day(), tokens=tokens))
        connection.execute(delete(spending).where(spending.c.day < _day(_KEPT_DAYS)))


def _day(ago: int = 0) -> str:
    return (datetime.now(UTC) - timedelta(days=ago)).date().isoformat()
