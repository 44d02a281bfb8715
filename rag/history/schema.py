"""The tables of the history: conversations, their messages, answers, feedback, what was spent, uploads and jobs.

The history of a library outlives it, so these tables name a library without a foreign key. Times are UTC in ISO 8601,
which sorts, or seconds since 1970 where they are compared.
"""

from datetime import UTC, datetime

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from rag.tables import CleanText, metadata

conversations = Table(
    "conversations",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("key", CleanText, unique=True),  # a door's own id, such as that of a Slack thread
    Column("owner", CleanText, nullable=False),  # the caller who sees it in a list
    Column("library", Text, nullable=False),
    Column("title", CleanText, nullable=False),
    Column("created", Text, nullable=False),
    Column("updated", Text, nullable=False),
    Column("busy_with", Text),  # the message that is being answered
    Column("busy_until", Float, nullable=False, default=0.0),  # the end of that answer's lease
)
Index("conversations_by_owner", conversations.c.owner, conversations.c.updated)

answers = Table(
    "answers",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("conversation", ForeignKey("conversations.id", ondelete="CASCADE"), index=True),
    Column("door", Text, nullable=False),
    Column("caller", CleanText, nullable=False),
    Column("created", Text, nullable=False, index=True),
    Column("library", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt", Text, nullable=False),  # the version of the prompt; empty where no model was asked
    Column("question", CleanText, nullable=False),
    Column("history", JSON, nullable=False),  # [{role, content}, ...]
    Column("filters", JSON, nullable=False),
    Column("top_k", Integer, nullable=False),
    Column("passages", JSON, nullable=False),  # [{number, paper, start, end}, ...]
    Column("embedder", Text),  # how the library was built, and its revision at that time
    Column("chunker", Text),
    Column("revision", Integer),
    Column("answer", JSON, nullable=False),  # the whole Answer, as every door shows it
)

messages = Table(
    "messages",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("conversation", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("role", Text, nullable=False),
    Column("content", CleanText, nullable=False),
    Column("created", Text, nullable=False),
    Column("status", Text, nullable=False),  # of a question: pending, answered or failed
    Column("error", CleanText, nullable=False),  # why it failed
    Column("answer", ForeignKey("answers.id", ondelete="SET NULL"), index=True),
    UniqueConstraint("conversation", "position"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("answer", ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("caller", CleanText, primary_key=True),
    Column("verdict", Text, nullable=False),
    Column("comment", CleanText, nullable=False),
    Column("created", Text, nullable=False),
    Column("updated", Text, nullable=False),
)

spending = Table(
    "spending",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("caller", CleanText, nullable=False),
    Column("day", Text, nullable=False),  # in UTC, such as 2025-01-31
    Column("tokens", Integer, nullable=False),
)
Index("spending_by_caller", spending.c.caller, spending.c.day, spending.c.tokens)

uploads = Table(
    "uploads",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("caller", CleanText, nullable=False),
    Column("library", Text, nullable=False),
    Column("created", Text, nullable=False),
    Column("heard", Float, nullable=False),  # when its process last wrote here
    Column("state", Text, nullable=False),  # running, done or failed
    Column("done", Integer, nullable=False),  # papers
    Column("total", Integer, nullable=False),
    Column("error", CleanText, nullable=False),
    Column("report", JSON),
)


def job_table(name: str) -> Table:
    """A table of what must be done exactly once; `jobs.py` says how. Times are seconds since 1970."""
    table = Table(
        name,
        metadata,
        Column("key", CleanText, primary_key=True),  # such as the id of a Slack message
        Column("thread", CleanText, nullable=False, index=True),
        Column("created", Float, nullable=False),
        Column("status", Text, nullable=False),  # open or done
        Column("worker", Text),  # the one that holds the lease, if any
        Column("leased_until", Float, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("payload", JSON, nullable=False),  # what the door needs to answer
        Column("posted", JSON, nullable=False),  # what has been shown of the answer
    )
    Index(f"{name}_by_status", table.c.status, table.c.created)
    return table


jobs = job_table("jobs")


def timestamp() -> str:
    """The present time in UTC, such as `2025-01-31T12:00:00.000Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
