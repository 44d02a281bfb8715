"""Finds stored answers again, and the feedback on them: a caller's own, by words, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, true

from rag import threads
from rag.database import Database
from rag.history.answers import FeedbackVerdict
from rag.history.schema import answers, feedback
from rag.types import Effort, Outcome

_MAX_WORDS = 20


@dataclass(frozen=True, kw_only=True)
class AnswerSummary:
    """What a list shows of an answer; `conversation` is None for one that was asked outside of any."""

    id: str
    question: str
    text: str
    outcome: Outcome
    library: str
    model: str
    effort: Effort
    created: str
    conversation: str | None


@dataclass(frozen=True, kw_only=True)
class FeedbackSummary:
    """A verdict with the answer that it is on; `user` is who gave it, where several share a key, else empty."""

    answer_id: str
    question: str
    outcome: Outcome
    library: str
    verdict: FeedbackVerdict
    comment: str
    user: str
    created: str
    updated: str


class Archive:
    """The answers and the feedback of a database. All methods raise LibraryError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def answers(
        self, caller: str, words: str = "", library: str = "", offset: int = 0, limit: int = 100
    ) -> tuple[list[AnswerSummary], int]:
        """A page of a caller's answers, and how many there are in all.

        Only those with each of the words in the question or the text, and of the library; empty means any.
        """
        conditions = [answers.c.caller == caller, _has(words)]
        if library:
            conditions.append(answers.c.library == library)
        columns = [answers.c[name] for name in AnswerSummary.__dataclass_fields__ if name in answers.c]
        query = select(*columns, _TEXT.label("text"), _EFFORT.label("effort")).where(*conditions)
        rows, total = await threads.read(
            self._page, query.order_by(answers.c.created.desc(), answers.c.id), offset, limit
        )
        return [AnswerSummary(**row._asdict()) for row in rows], total

    async def feedback(
        self, caller: str, words: str = "", verdict: FeedbackVerdict | None = None, offset: int = 0, limit: int = 100
    ) -> tuple[list[FeedbackSummary], int]:
        """A page of the feedback that was given with a caller's key, and how much there is in all.

        Only that on answers with each of the words in the question or the text, or with them in the comment.
        """
        given = or_(feedback.c.caller == caller, feedback.c.caller.startswith(f"{caller}:", autoescape=True))
        conditions = [given, or_(_has(words), _each(words, feedback.c.comment))]
        if verdict:
            conditions.append(feedback.c.verdict == verdict)
        of_answer = answers.c.question, answers.c.outcome, answers.c.library
        query = select(feedback, *of_answer).join(answers, answers.c.id == feedback.c.answer).where(*conditions)
        rows, total = await threads.read(
            self._page, query.order_by(feedback.c.updated.desc(), feedback.c.answer, feedback.c.caller), offset, limit
        )
        return [_summary(row._asdict(), caller) for row in rows], total

    def _page(self, query: Select[Any], offset: int, limit: int) -> tuple[Sequence[Row[Any]], int]:
        with self._database.reading() as connection:
            rows = connection.execute(query.offset(offset).limit(limit)).all()
            total = connection.execute(select(func.count()).select_from(query.order_by(None).subquery())).scalar_one()
        return rows, total


_TEXT = answers.c.answer["text"].as_string()
_EFFORT = func.coalesce(answers.c.answer["effort"].as_string(), "quick")  # older answers do not have it


def _has(words: str) -> ColumnElement[bool]:
    return _each(words, answers.c.question, _TEXT)


def _each(words: str, *texts: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether each word is in one of the texts, in any case."""
    one = (or_(*(text.icontains(word, autoescape=True) for text in texts)) for word in words.split()[:_MAX_WORDS])
    return and_(true(), *one)


def _summary(row: dict[str, Any], caller: str) -> FeedbackSummary:
    user = row.pop("caller").removeprefix(caller).removeprefix(":")
    return FeedbackSummary(answer_id=row.pop("answer"), user=user, **row)
