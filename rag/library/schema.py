"""The tables of the database, in SQL that SQLite and Postgres share: the libraries, then what was asked of them."""

from sqlalchemy import (
    JSON,
    Column,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

VERSION = 1
"""Written into every library; a change that older tables can't serve makes it the next number."""

metadata = MetaData()

libraries = Table(
    "libraries",
    metadata,
    Column("name", Text, primary_key=True),
    Column("embedder", Text, nullable=False),
    Column("dimension", Integer, nullable=False),  # 0 until the first vector is stored
    Column("chunker", Text, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),  # counts changes; every changed paper carries the number of its change
    Column("generation", Text, nullable=False),  # names the folders of the indexes; `rebuild` makes the next one
    Column("chroma_revision", Integer, nullable=False),  # up to which change Chroma has followed
)

# One row holds everything about a paper, so that no reader can meet half of one.
papers = Table(
    "papers",
    metadata,
    Column("library", ForeignKey("libraries.name", ondelete="CASCADE"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("year", Integer),
    Column("chunk_count", Integer, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("url", Text),
    Column("authors", JSON, nullable=False),
    Column("venue", Text),
    Column("abstract", Text, nullable=False),
    Column("chunks", JSON, nullable=False),  # [[start, end], ...] in characters of the abstract
    Column("sentences", JSON, nullable=False),
    Column("chunk_vectors", LargeBinary, nullable=False),  # float16, (chunks, dimension)
    Column("sentence_vectors", LargeBinary, nullable=False),
)
# Rows are wide because of their vectors; what is counted, filtered or followed is answered from these alone.
Index("papers_by_year", papers.c.library, papers.c.year, papers.c.id, papers.c.chunk_count)
Index("papers_by_revision", papers.c.library, papers.c.revision, papers.c.id)

sources = Table(
    "sources",
    metadata,
    Column("library", Text, primary_key=True),
    Column("paper", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("line", Integer, primary_key=True),
    ForeignKeyConstraint(["library", "paper"], ["papers.library", "papers.id"], ondelete="CASCADE"),
)

# What followers have to forget: papers that are gone, and the change that took them away.
removals = Table(
    "removals",
    metadata,
    Column("library", ForeignKey("libraries.name", ondelete="CASCADE"), primary_key=True),
    Column("paper", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
)


class _Words(TypeDecorator[str]):
    """Text from outside, without what databases refuse: NUL, and halves of surrogate pairs."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """What is stored, or looked for."""
        return None if value is None else value.replace("\0", "").encode("utf-8", "replace").decode()


# What was asked outlives the library that it was asked of, so these name it without referring to it.
# Times are UTC in ISO 8601, which sorts.
conversations = Table(
    "conversations",
    metadata,
    Column("id", _Words, primary_key=True),
    Column("key", _Words, unique=True),  # what a door calls it, such as a Slack thread
    Column("owner", _Words, nullable=False),  # the caller in whose list it stands
    Column("library", Text, nullable=False),
    Column("title", _Words, nullable=False),
    Column("created", Text, nullable=False),
    Column("updated", Text, nullable=False),
    Column("busy_with", Text),  # the message that is being answered
    Column("busy_until", Float, nullable=False, default=0.0),  # seconds since 1970; whoever answers puts it off
)
Index("conversations_by_owner", conversations.c.owner, conversations.c.updated)

# The receipt of an answer: what it takes to ask again, and what came of it.
answers = Table(
    "answers",
    metadata,
    Column("id", _Words, primary_key=True),
    Column("conversation", ForeignKey("conversations.id", ondelete="CASCADE"), index=True),
    Column("door", Text, nullable=False),
    Column("caller", _Words, nullable=False),
    Column("created", Text, nullable=False, index=True),
    Column("library", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt", Text, nullable=False),  # the version of the prompt; empty where no model was asked
    Column("question", _Words, nullable=False),
    Column("history", JSON, nullable=False),  # [{role, content}, ...]
    Column("filters", JSON, nullable=False),
    Column("top_k", Integer, nullable=False),
    Column("passages", JSON, nullable=False),  # [{number, paper, start, end}, ...]
    Column("embedder", Text),  # what the library was built with, and its change by then
    Column("chunker", Text),
    Column("revision", Integer),
    Column("answer", JSON, nullable=False),  # the whole Answer, as every door shows it
)

messages = Table(
    "messages",
    metadata,
    Column("id", _Words, primary_key=True),
    Column("conversation", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("role", Text, nullable=False),
    Column("content", _Words, nullable=False),
    Column("created", Text, nullable=False),
    Column("status", Text, nullable=False),  # of a question: pending, answered or failed
    Column("error", _Words, nullable=False),  # why it failed
    Column("answer", ForeignKey("answers.id", ondelete="SET NULL"), index=True),
    UniqueConstraint("conversation", "position"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("answer", ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("caller", _Words, primary_key=True),
    Column("verdict", Text, nullable=False),
    Column("comment", _Words, nullable=False),
    Column("created", Text, nullable=False),
    Column("updated", Text, nullable=False),
)

# What a door has taken in and must answer exactly once; `rag/notebook/inbox.py` says how. Times are seconds since 1970.
jobs = Table(
    "jobs",
    metadata,
    Column("key", _Words, primary_key=True),  # such as a Slack message
    Column("thread", _Words, nullable=False, index=True),
    Column("created", Float, nullable=False),
    Column("status", Text, nullable=False),  # open or done
    Column("worker", Text),  # who works on it, if anybody
    Column("leased_until", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("payload", JSON, nullable=False),  # what the door needs to answer
    Column("posted", JSON, nullable=False),  # what of the answer is shown
)
Index("jobs_by_status", jobs.c.status, jobs.c.created)
