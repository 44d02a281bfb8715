"""Changes to stored conversations: a new title, and taking back the last questions so that they can be asked again."""

from sqlalchemy import and_, delete, func, select, update

from rag.database import Database
from rag.errors import BusyError, NotFoundError, RequestError
from rag.history.claims import no_conversation
from rag.history.schema import answers, conversations, messages

MAX_TITLE = 200


def check_title(title: str) -> None:
    """Raise RequestError for a title that is too long."""
    if len(title) > MAX_TITLE:
        raise RequestError(f"the title has {len(title)} characters; {MAX_TITLE} is the most")


def rename(database: Database, id: str, owner: str, title: str) -> None:
    """Give an owner's conversation a title. Blocks. Raises NotFoundError, RequestError."""
    if not title.strip():
        raise RequestError("the title is empty; give some words")
    check_title(title)
    theirs = and_(conversations.c.id == id, conversations.c.owner == owner)
    with database.writing() as connection:
        if not connection.execute(update(conversations).where(theirs).values(title=title.strip())).rowcount:
            raise no_conversation(id)


def rewind(database: Database, id: str, owner: str, message: str, now: float) -> int:
    """Delete a message of an owner's conversation and all after it, with their answers; returns how many. Blocks.

    `now` is in seconds since 1970. Raises NotFoundError, and BusyError while a question is being answered.
    """
    idle = and_(conversations.c.id == id, conversations.c.owner == owner, conversations.c.busy_until < now)
    with database.writing() as connection:
        if not connection.execute(update(conversations).where(idle).values(busy_with=None)).rowcount:
            there = and_(conversations.c.id == id, conversations.c.owner == owner)
            if connection.execute(select(conversations.c.id).where(there)).one_or_none() is None:
                raise no_conversation(id)
            raise BusyError(f"conversation {id!r} is answering a message; take it back when that is done")
        named = and_(messages.c.conversation == id, messages.c.id == message)
        position = connection.execute(select(messages.c.position).where(named)).scalar_one_or_none()
        if position is None:
            raise NotFoundError(f"conversation {id!r} has no message {message!r}; it may have been taken back")
        taken = and_(messages.c.conversation == id, messages.c.position >= position)
        number = connection.execute(select(func.count()).select_from(messages).where(taken)).scalar_one()
        theirs = select(messages.c.answer).where(taken, messages.c.answer.is_not(None))
        connection.execute(delete(answers).where(answers.c.id.in_(theirs)))
        connection.execute(delete(messages).where(taken))
    return int(number)
