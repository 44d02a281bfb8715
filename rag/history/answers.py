"""Stored answers, each with all that is needed to ask its question again, and the feedback on them."""

import asyncio
import itertools
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal, ParamSpec, TypeVar

import anyio
from sqlalchemy import Connection, Row, delete, insert, select, update

from rag import serialize, threads
from rag.database import Database
from rag.engine import Done, Engine, Event
from rag.errors import ConfigError, LibraryError, NotFoundError, RequestError
from rag.history import spending
from rag.history.schema import answers, feedback, timestamp
from rag.library.schema import libraries
from rag.types import EVERYTHING, Answer, Effort, Filters, Turn

FeedbackVerdict = Literal["good", "bad"]

MAX_COMMENT = 4_000
KEPT_ANSWERS = 20_000
"""How many answers without a conversation and without feedback are kept."""

MAX_TURNS = 20
MAX_HISTORY_CHARACTERS = 32_000
MAX_TURN_CHARACTERS = 8_000

SAVE_SECONDS = 2.0
"""How long a finished answer waits until it is stored; then it is given all the same, with a notice."""

SAVE_BUSY_SECONDS = 5.0
"""How long what writes to the history waits for another program that writes to the same SQLite file."""

NOT_STORED = "This answer could not be stored: it takes no feedback, and nobody finds it again by its id."
STORED_LATE = "This answer is not stored yet, as the database is busy; feedback on it may have to wait, or fail."

_SAVES_BETWEEN_CLEARINGS = 500

log = logging.getLogger("scholiast")

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class AskRequest:
    """A question as a door received it. `caller` is who asked, as far as the door can tell."""

    question: str
    history: tuple[Turn, ...] = ()
    filters: Filters = EVERYTHING
    top_k: int
    effort: Effort = "quick"
    door: str
    caller: str
    answer_id: str = ""
    """For a door that tells the id before the answer is there; a new one unless given."""

    def ask(self, engine: Engine) -> AsyncGenerator[Event]:
        """The engine's events. Raises as the engine does."""
        return engine.stream(self.question, self.history, self.filters, self.top_k, self.effort)


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """A caller's verdict on an answer."""

    answer_id: str
    verdict: FeedbackVerdict
    comment: str
    created: str
    updated: str


class Answers:
    """The answers of a database, which several processes may share and which is opened at first use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._saves = itertools.count(1)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    async def ask(self, engine: Engine, request: AskRequest) -> AsyncGenerator[Event]:
        """Yield the engine's events; the answer is stored before Done is yielded, so that it can be given feedback.

        Where it can't be stored, or not soon, its notice says so. The engine gets the last turns of the history. Raises
        as the engine does.
        """
        request = replace(request, history=recent_turns(request.history))
        async with aclosing(metered(self._database, engine, request)) as events:
            async for event in events:
                if isinstance(event, Done):
                    answer = replace(event.answer, id=request.answer_id or event.answer.id)
                    notice = await stored_soon(answer.id, self._insert, request, answer)
                    event = Done(with_notice(answer, notice))
                yield event

    async def get(self, id: str) -> Mapping[str, Any]:
        """The Answer as it was shown, in JSON. Raises NotFoundError."""
        return await threads.read(self._get, id)

    async def turns(self, id: str, caller: str) -> tuple[Turn, ...]:
        """The turns up to an answer that a caller was given, itself the last. Raises NotFoundError for another's."""
        return await threads.read(self._turns, id, caller)

    async def judge(self, id: str, caller: str, verdict: FeedbackVerdict, comment: str = "") -> Feedback:
        """Store a caller's feedback on an answer; it replaces the same caller's earlier feedback.

        Raises NotFoundError, and RequestError for a comment that is too long.
        """
        if len(comment) > MAX_COMMENT:
            raise RequestError(f"the comment has {len(comment):,} characters; {MAX_COMMENT:,} is the most")
        return await threads.save(self._judge, id, caller, verdict, comment.strip())

    async def feedback(self) -> list[dict[str, Any]]:
        """All feedback, oldest first, each with all that is needed to ask the question again."""
        return await threads.read(self._feedback)

    def clear(self, kept: int = KEPT_ANSWERS) -> None:
        """Of the answers without a conversation and without feedback, delete all but the newest `kept`. Blocks."""
        plain = answers.c.conversation.is_(None) & answers.c.id.not_in(select(feedback.c.answer))
        newest = select(answers.c.id).where(plain).order_by(answers.c.created.desc()).limit(kept)
        with self._database.writing() as connection:
            connection.execute(delete(answers).where(plain, answers.c.id.not_in(newest)))

    def _insert(self, request: AskRequest, answer: Answer) -> None:
        with self._database.writing() as connection:
            insert_answer(connection, request, answer)
        if next(self._saves) % _SAVES_BETWEEN_CLEARINGS == 0:
            self.clear()

    def _get(self, id: str) -> Mapping[str, Any]:
        with self._database.reading() as connection:
            found = connection.execute(select(answers.c.answer).where(answers.c.id == id)).scalar_one_or_none()
        if found is None:
            raise _no_answer(id)
        return dict(found)

    def _turns(self, id: str, caller: str) -> tuple[Turn, ...]:
        theirs = select(answers).where(answers.c.id == id, answers.c.caller == caller)
        with self._database.reading() as connection:
            row = connection.execute(theirs).one_or_none()
        if row is None:
            raise _no_answer(id)
        said = (Turn(role="user", content=row.question), Turn(role="assistant", content=row.answer["text"]))
        return (*(Turn(**turn) for turn in row.history), *said)

    def _judge(self, id: str, caller: str, verdict: FeedbackVerdict, comment: str) -> Feedback:
        now, values = timestamp(), {"verdict": verdict, "comment": comment}
        theirs = (feedback.c.answer == id) & (feedback.c.caller == caller)
        with self._database.writing() as connection:
            change = update(feedback).where(theirs).values(**values, updated=now).returning(feedback.c.created)
            created = connection.execute(change).scalar_one_or_none()
            if created is None:
                if connection.execute(select(answers.c.id).where(answers.c.id == id)).one_or_none() is None:
                    raise _no_answer(id)
                row = {"answer": id, "caller": caller, **values, "created": now, "updated": now}
                connection.execute(insert(feedback).values(row))
        return Feedback(answer_id=id, verdict=verdict, comment=comment, created=created or now, updated=now)

    def _feedback(self) -> list[dict[str, Any]]:
        columns = (feedback.c.verdict, feedback.c.comment, feedback.c.created.label("judged"))
        query = select(answers, *columns).join(feedback, feedback.c.answer == answers.c.id)
        with self._database.reading() as connection:
            return [_exported(row) for row in connection.execute(query.order_by(feedback.c.updated, answers.c.id))]


async def metered(database: Database, engine: Engine, request: AskRequest) -> AsyncGenerator[Event]:
    """The engine's events. Where they end without an answer, what it has cost until then counts as spent."""
    meter = spending.Meter(engine.writer.name, " ".join([*(t.content for t in request.history), request.question]))
    done = False
    try:
        async with aclosing(request.ask(engine)) as events:
            async for event in events:
                meter.note(event)
                done = isinstance(event, Done)
                yield event
    finally:
        if not done:
            with suppress(LibraryError):
                await run_to_end(_record_broken_off, database, request.caller, meter)


def _record_broken_off(database: Database, caller: str, meter: spending.Meter) -> None:
    if (usage := meter.usage()).total_tokens:
        with database.writing() as connection:
            spending.record(connection, caller, usage)


def recent_turns(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The last turns, oldest first, without empty ones and with long ones cut, so that clients need not trim theirs."""
    trimmed = [replace(turn, content=turn.content.strip()[:MAX_TURN_CHARACTERS]) for turn in turns]
    newest_first = reversed([turn for turn in trimmed if turn.content][-MAX_TURNS:])
    return tuple(reversed(list(_within_limit(newest_first))))


def insert_answer(connection: Connection, request: AskRequest, answer: Answer, conversation: str | None = None) -> None:
    """Write an answer within a transaction."""
    library = libraries.c.name == answer.library
    row = {
        "id": answer.id,
        "conversation": conversation,
        "door": request.door,
        "caller": request.caller,
        "created": timestamp(),
        "library": answer.library,
        "outcome": answer.outcome,
        "model": answer.model,
        "prompt": answer.prompt,
        "question": answer.question,
        "history": [asdict(turn) for turn in request.history],
        "filters": {**asdict(request.filters), "papers": list(request.filters.papers)},
        "top_k": request.top_k,
        "passages": [
            {"number": p.number, "paper": p.paper.id, "start": p.start, "end": p.end} for p in answer.passages
        ],
        "embedder": select(libraries.c.embedder).where(library).scalar_subquery(),
        "chunker": select(libraries.c.chunker).where(library).scalar_subquery(),
        "revision": select(libraries.c.revision).where(library).scalar_subquery(),
        "answer": serialize.answer(answer),
    }
    connection.execute(insert(answers).values(row))
    spending.record(connection, request.caller, answer.usage)


async def run_to_end(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Run work that saves. A cancelled caller still waits for its end, as a thread can't be stopped."""
    task = asyncio.create_task(threads.save(work, *arguments, **named))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with anyio.CancelScope(shield=True):
            await asyncio.wait([task])
        raise


async def stored_soon(id: str, work: Callable[P, object], *arguments: P.args, **named: P.kwargs) -> str:
    """Run work that stores the answer with this id; returns the notice for an answer that is not stored in time.

    The work then goes on. A failure is logged, as the answer itself is good; only a NotFoundError is raised.
    """
    task = asyncio.create_task(run_to_end(work, *arguments, **named))
    task.add_done_callback(partial(_log_failure, id))
    try:
        await asyncio.wait([task], timeout=SAVE_SECONDS)
    except asyncio.CancelledError:
        task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([task])
        raise
    if not task.done():
        return STORED_LATE
    if isinstance(error := task.exception(), (LibraryError, ConfigError)):
        return NOT_STORED
    if error:
        raise error
    return ""


def with_notice(answer: Answer, notice: str) -> Answer:
    """The answer with something more that its reader should know."""
    return replace(answer, notice=" ".join(filter(None, (answer.notice, notice))))


def _log_failure(id: str, task: "asyncio.Task[object]") -> None:
    if not task.cancelled() and isinstance(error := task.exception(), (LibraryError, ConfigError)):
        log.error("answer %s could not be stored: %s", id, error)


def _within_limit(newest_first: Iterable[Turn]) -> Iterator[Turn]:
    left = MAX_HISTORY_CHARACTERS
    for turn in newest_first:
        left -= len(turn.content)
        if left < 0:
            return
        yield turn


def _exported(row: Row[Any]) -> dict[str, Any]:
    cited = (citation["paper"]["id"] for citation in row.answer["citations"])
    return {
        "answer_id": row.id,
        "question": row.question,
        "history": row.history,
        "library": row.library,
        "outcome": row.outcome,
        "verdict": row.verdict,
        "comment": row.comment,
        "passages": list(dict.fromkeys(passage["paper"] for passage in row.passages)),
        "cited": list(dict.fromkeys(cited)),
        "model": row.model,
        "effort": row.answer.get("effort", "quick"),
        "created": row.judged,
    }


def _no_answer(id: str) -> NotFoundError:
    return NotFoundError(f"no answer {id!r}; the id is the one that the answer came with")
