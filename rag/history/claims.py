"""Claims: leases by which one process at a time answers a conversation's next question. Every method blocks.

A question is claimed and becomes pending; then, in one transaction, it is answered, failed or withdrawn. The claim is
in the database, so it holds across processes, and it expires when the process that answers has died.
"""

import time
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection, Update, and_, case, delete, func, insert, select, update

from rag.database import Database
from rag.errors import BusyError, NotFoundError, RequestError
from rag.history.answers import MAX_TURNS, AskRequest, insert_answer
from rag.history.schema import conversations, messages, timestamp
from rag.types import Answer, Turn

MAX_MESSAGES = 400
LEASE_SECONDS = 30.0
"""How long a question counts as being answered after the last renewal of its claim."""

INTERRUPTED = "the service stopped before the answer was done"
_TITLE_CHARACTERS = 80


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to answer one question; `history` is what was said before it."""

    conversation: str
    message: str
    title: str
    history: tuple[Turn, ...]


class Claims:
    """The claims of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, conversation: str, question: str) -> Claim:
        """Add a question, which the caller then has to `finish`, `fail` or `withdraw`, and to `renew` until then.

        Raises NotFoundError, RequestError for a conversation that is full, BusyError while another question is being
        answered.
        """
        now, message = time.time(), f"msg_{uuid4().hex}"
        idle = and_(conversations.c.id == conversation, conversations.c.busy_until < now)
        take = update(conversations).where(idle).values(busy_with=message, busy_until=now + LEASE_SECONDS)
        with self._database.writing() as connection:
            if not connection.execute(take).rowcount:
                raise _refusal(connection, conversation)
            _settle(connection, conversation, status="failed", error=INTERRUPTED)
            history = _history(connection, conversation)
            position = _next_position(connection, conversation)
            if position + 2 > MAX_MESSAGES:
                raise RequestError(f"the conversation has {position} messages and can't take more; begin a new one")
            _add(connection, conversation, message, position, role="user", content=question, status="pending")
        return Claim(conversation=conversation, message=message, title=_title(question), history=history)

    def renew(self, claim: Claim) -> None:
        """Extend the lease: the answer is still being written."""
        with self._database.writing() as connection:
            connection.execute(_update_if_held(claim).values(busy_until=time.time() + LEASE_SECONDS))

    def release(self, conversation: str) -> None:
        """Let the next question be asked at once, when the process that answered the last one is known to have died."""
        with self._database.writing() as connection:
            stuck = update(conversations).where(conversations.c.id == conversation)
            connection.execute(stuck.values(busy_with=None, busy_until=0.0))

    def finish(self, claim: Claim, request: AskRequest, answer: Answer) -> None:
        """Add the answer. Raises NotFoundError when the conversation was removed meanwhile."""
        id = claim.conversation
        with self._database.writing() as connection:
            if not connection.execute(_release(claim)).rowcount:
                raise NotFoundError(f"conversation {id!r} was removed, or taken over, while it was being answered")
            insert_answer(connection, request, answer, id)
            _settle(connection, id, status="answered")
            reply = {"role": "assistant", "content": answer.text, "status": "answered", "answer": answer.id}
            _add(connection, id, f"msg_{uuid4().hex}", _next_position(connection, id), **reply)

    def fail(self, claim: Claim, reason: str) -> None:
        """Mark the question as failed, unless it is settled already."""
        with self._database.writing() as connection:
            if connection.execute(_release(claim)).rowcount:
                _settle(connection, claim.conversation, status="failed", error=reason)

    def withdraw(self, claim: Claim) -> None:
        """Delete the question, unless it is settled already."""
        with self._database.writing() as connection:
            if connection.execute(_update_if_held(claim).values(busy_with=None, busy_until=0.0)).rowcount:
                connection.execute(delete(messages).where(messages.c.id == claim.message))


def _update_if_held(claim: Claim) -> Update:
    """An update of the conversation that changes nothing once the claim is lost."""
    ours = and_(conversations.c.id == claim.conversation, conversations.c.busy_with == claim.message)
    return update(conversations).where(ours)


def _release(claim: Claim) -> Update:
    title = case((conversations.c.title == "", claim.title), else_=conversations.c.title)
    return _update_if_held(claim).values(busy_with=None, busy_until=0.0, updated=timestamp(), title=title)


def _refusal(connection: Connection, id: str) -> BusyError | NotFoundError:
    if connection.execute(select(conversations.c.id).where(conversations.c.id == id)).one_or_none() is None:
        return no_conversation(id)
    return BusyError(f"conversation {id!r} is answering another message; send this one again when that is done")


def no_conversation(id: str) -> NotFoundError:
    """The error for an id that no conversation has."""
    return NotFoundError(f"no conversation {id!r}; it may have been removed")


def _settle(connection: Connection, id: str, status: str, error: str = "") -> None:
    """Set the status of the last question, the only one that may be pending."""
    pending = and_(messages.c.conversation == id, messages.c.status == "pending")
    connection.execute(update(messages).where(pending).values(status=status, error=error))


def _next_position(connection: Connection, id: str) -> int:
    last = select(func.coalesce(func.max(messages.c.position), -1)).where(messages.c.conversation == id)
    return int(connection.execute(last).scalar_one()) + 1


def _add(connection: Connection, id: str, message: str, position: int, **values: str) -> None:
    row = {"id": message, "conversation": id, "position": position, "created": timestamp(), "error": "", **values}
    connection.execute(insert(messages).values(row))


def _history(connection: Connection, id: str) -> tuple[Turn, ...]:
    """The last turns that were answered, oldest first."""
    answered = and_(messages.c.conversation == id, messages.c.status == "answered")
    query = select(messages.c.role, messages.c.content).where(answered).order_by(messages.c.position.desc())
    rows = connection.execute(query.limit(MAX_TURNS)).all()
    return tuple(Turn(role=row.role, content=row.content) for row in reversed(rows))


def _title(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= _TITLE_CHARACTERS else f"{line[: _TITLE_CHARACTERS - 1].rstrip()}…"
