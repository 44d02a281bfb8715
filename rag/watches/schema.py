"""The tables of watches and what they found. They name a library without a foreign key, as they may outlive it."""

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from rag.history.schema import job_table
from rag.tables import CleanText, metadata

watches = Table(
    "watches",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", CleanText, nullable=False, index=True),
    Column("text", CleanText, nullable=False),
    Column("library", Text, nullable=False),
    Column("source", Text, nullable=False),  # empty where nothing is fetched
    Column("destination", Text, nullable=False),  # feed, slack: and a channel, or email: and an address
    Column("created", Text, nullable=False),
    Column("revision", Integer, nullable=False),  # the last change of the library that was looked at
    Column("fetched", Text, nullable=False),  # the day of the last fetch, YYYY-MM-DD
    Column("due", Float, nullable=False),  # when it runs next, in seconds since 1970
    Column("standing", JSON),  # the last answer to its question; null where it asks none
    Column("runner", Text),  # the run that holds the lease, if any
    Column("leased_until", Float, nullable=False),
)

findings = Table(
    "watch_findings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("watch", ForeignKey("watches.id", ondelete="CASCADE"), nullable=False),
    Column("subject", CleanText, nullable=False),  # the paper, or the answer: each is told once
    Column("found", Text, nullable=False),
    Column("content", JSON, nullable=False),
    UniqueConstraint("watch", "subject"),
)
Index("watch_findings_by_time", findings.c.watch, findings.c.found)

digests = job_table("watch_digests")
"""Digests that have to be posted to Slack, each once."""

mails = job_table("watch_mails")
"""Digests that have to be sent by e-mail."""
