"""Receipts: every answer with what it takes to ask again, and what people said of it. Every method blocks."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, insert, select, update

from rag import wire
from rag.errors import NotFoundError
from rag.library.database import Database
from rag.library.schema import answers, feedback, libraries
from rag.types import EVERYTHING, Answer, Filters, Turn

Verdict = Literal["good", "bad"]

KEPT = 20_000
"""How many answers are kept that belong to no conversation and of which nobody said anything."""

_SAVES_BETWEEN_CLEARINGS = 500


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question as a door took it in. `caller` is who asked, as far as the door can tell."""

    question: str
    history: tuple[Turn, ...] = ()
    filters: Filters = EVERYTHING
    top_k: int
    door: str
    caller: str


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What a caller said of an answer."""

    answer_id: str
    verdict: Verdict
    comment: str
    created: str
    updated: str


class Receipts:
    """The answers of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._saves = itertools.count(1)

    def save(self, asked: Asked, answer: Answer) -> None:
        """Keep an answer that belongs to no conversation."""
        with self._database.writing() as connection:
            put(connection, asked, answer)
        if next(self._saves) % _SAVES_BETWEEN_CLEARINGS == 0:
            self.clear()

    def clear(self, kept: int = KEPT) -> None:
        """Forget the oldest answers that belong to no conversation and have no feedback, all but so many."""
        plain = answers.c.conversation.is_(None) & answers.c.id.not_in(select(feedback.c.answer))
        newest = select(answers.c.id).where(plain).order_by(answers.c.created.desc()).limit(kept)
        with self._database.writing() as connection:
            connection.execute(delete(answers).where(plain, answers.c.id.not_in(newest)))

    def answer(self, id: str) -> Mapping[str, Any]:
        """The Answer as it was shown. Raises NotFoundError."""
        with self._database.reading() as connection:
            found = connection.execute(select(answers.c.answer).where(answers.c.id == id)).scalar_one_or_none()
        if found is None:
            raise _no_answer(id)
        return dict(found)

    def judge(self, id: str, caller: str, verdict: Verdict, comment: str) -> Feedback:
        """Keep what a caller says of an answer, in the place of what it said before. Raises NotFoundError."""
        now, said = timestamp(), {"verdict": verdict, "comment": comment}
        ours = (feedback.c.answer == id) & (feedback.c.caller == caller)
        with self._database.writing() as connection:
            again = update(feedback).where(ours).values(**said, updated=now).returning(feedback.c.created)
            created = connection.execute(again).scalar_one_or_none()
            if created is None:
                if connection.execute(select(answers.c.id).where(answers.c.id == id)).one_or_none() is None:
                    raise _no_answer(id)
                row = {"answer": id, "caller": caller, **said, "created": now, "updated": now}
                connection.execute(insert(feedback).values(row))
        return Feedback(answer_id=id, verdict=verdict, comment=comment, created=created or now, updated=now)

    def feedback(self) -> list[dict[str, Any]]:
        """Everything that was said, the latest last, each with what it takes to ask again."""
        query = select(answers, *_SAID).join(feedback, feedback.c.answer == answers.c.id)
        with self._database.reading() as connection:
            return [_exported(row) for row in connection.execute(query.order_by(feedback.c.updated, answers.c.id))]


def put(connection: Connection, asked: Asked, answer: Answer, conversation: str | None = None) -> None:
    """Write a receipt within a transaction."""
    library = libraries.c.name == answer.library
    row = {
        "id": answer.id,
        "conversation": conversation,
        "door": asked.door,
        "caller": asked.caller,
        "created": timestamp(),
        "library": answer.library,
        "outcome": answer.outcome,
        "model": answer.model,
        "prompt": answer.prompt,
        "question": answer.question,
        "history": [asdict(turn) for turn in asked.history],
        "filters": {**asdict(asked.filters), "papers": list(asked.filters.papers)},
        "top_k": asked.top_k,
        "passages": [
            {"number": p.number, "paper": p.paper.id, "start": p.start, "end": p.end} for p in answer.passages
        ],
        "embedder": select(libraries.c.embedder).where(library).scalar_subquery(),
        "chunker": select(libraries.c.chunker).where(library).scalar_subquery(),
        "revision": select(libraries.c.revision).where(library).scalar_subquery(),
        "answer": wire.answer(answer),
    }
    connection.execute(insert(answers).values(row))


def timestamp() -> str:
    """Now, as every table writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_SAID = (feedback.c.verdict, feedback.c.comment, feedback.c.created.label("said"))


def _exported(row: Row[Any]) -> dict[str, Any]:
    return {
        "answer_id": row.id,
        "question": row.question,
        "history": row.history,
        "library": row.library,
        "outcome": row.outcome,
        "verdict": row.verdict,
        "comment": row.comment,
        "passages": list(dict.fromkeys(passage["paper"] for passage in row.passages)),
        "cited": list(dict.fromkeys(_cited(row.answer))),
        "model": row.model,
        "created": row.said,
    }


def _cited(answer: Mapping[str, Any]) -> Iterator[str]:
    return (citation["paper"]["id"] for citation in answer["citations"])


def _no_answer(id: str) -> NotFoundError:
    return NotFoundError(f"no answer {id!r}; the id is the one that the answer came with")
