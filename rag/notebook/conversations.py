"""Conversations in the database: begun, found, listed, forgotten. Every method blocks."""

from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from rag.errors import LibraryError, NotFoundError, RequestError
from rag.library.database import Database
from rag.library.schema import conversations, messages
from rag.notebook.receipts import timestamp

MAX_TITLE = 200

LOCAL = "local"
"""The owner where nobody has to say who they are: whoever is at this machine."""


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """What a list shows of a conversation. `key` is what a door calls it; `messages` counts them."""

    id: str
    key: str | None
    library: str
    title: str
    created: str
    updated: str
    messages: int


class Conversations:
    """The conversations of a database; `messages.py` has what was said in them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, owner: str, library: str, title: str = "", key: str | None = None) -> Conversation:
        """An empty conversation. With a `key`, the one that has it already if there is one, whoever began it.

        Without a title its first question becomes the title. Raises RequestError for one that is too long.
        """
        if len(title) > MAX_TITLE:
            raise RequestError(f"the title has {len(title)} characters; {MAX_TITLE} is the most")
        if key and (known := self.find(key)):
            return known
        now, id = timestamp(), f"conv_{uuid4().hex}"
        row = {"id": id, "key": key, "owner": owner, "library": library, "title": title.strip()}
        try:
            with self._database.writing() as connection:
                connection.execute(insert(conversations).values({**row, "created": now, "updated": now}))
        except LibraryError as error:
            # Another process may have begun it since we looked.
            known = self.find(key) if key and isinstance(error.__cause__, IntegrityError) else None
            if known is None:
                raise
            return known
        return self.conversation(id)

    def find(self, key: str) -> Conversation | None:
        """The conversation that a door calls so, or None."""
        with self._database.reading() as connection:
            row = connection.execute(_DESCRIBED.where(conversations.c.key == key)).one_or_none()
        return None if row is None else Conversation(**row._asdict())

    def conversation(self, id: str) -> Conversation:
        """One of them. Raises NotFoundError."""
        with self._database.reading() as connection:
            row = connection.execute(_DESCRIBED.where(conversations.c.id == id)).one_or_none()
        if row is None:
            raise unknown(id)
        return Conversation(**row._asdict())

    def page(self, owner: str, offset: int, limit: int) -> tuple[list[Conversation], int]:
        """Some of an owner's conversations, the one that was used last first; and how many there are in all."""
        theirs = conversations.c.owner == owner
        page = _DESCRIBED.where(theirs).order_by(conversations.c.updated.desc(), conversations.c.id)
        with self._database.reading() as connection:
            rows = connection.execute(page.offset(offset).limit(limit)).all()
            total = connection.execute(select(func.count()).select_from(conversations).where(theirs)).scalar_one()
        return [Conversation(**row._asdict()) for row in rows], total

    def remove(self, id: str) -> None:
        """Forget a conversation, its messages, its answers and what was said of them. Raises NotFoundError."""
        with self._database.writing() as connection:
            if not connection.execute(delete(conversations).where(conversations.c.id == id)).rowcount:
                raise unknown(id)


def unknown(id: str) -> NotFoundError:
    """What to raise for an id that no conversation has."""
    return NotFoundError(f"no conversation {id!r}; it may have been removed")


_DESCRIBED = select(
    conversations.c.id,
    conversations.c.key,
    conversations.c.library,
    conversations.c.title,
    conversations.c.created,
    conversations.c.updated,
    select(func.count()).where(messages.c.conversation == conversations.c.id).scalar_subquery().label("messages"),
)
