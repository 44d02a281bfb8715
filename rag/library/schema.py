"""The tables of libraries and their papers, in SQL that SQLite and Postgres share."""

from sqlalchemy import JSON, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, LargeBinary, Table, Text

from rag.database import metadata

VERSION = 1
"""Written into every library; a change that older tables can't serve makes it the next number."""

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
