"""Ranked papers for some words: what `/v1/search` and `scholiast search` share."""

from collections.abc import Sequence

from rag.engine import MAX_QUESTION_CHARACTERS, Engine
from rag.errors import RequestError
from rag.types import Passage

MAX_RESULTS = 100


async def ranked(engine: Engine, query: str, limit: int) -> Sequence[Passage]:
    """One passage for each of at most `limit` papers, best first. Raises RequestError."""
    query = query.strip()
    if not query:
        raise RequestError("the query is empty; give some words to look for")
    if len(query) > MAX_QUESTION_CHARACTERS:
        raise RequestError(f"the query has {len(query):,} characters; {MAX_QUESTION_CHARACTERS:,} is the most")
    if not 1 <= limit <= MAX_RESULTS:
        raise RequestError(f"limit is {limit}; it must be from 1 to {MAX_RESULTS}")
    return await engine.retriever.retrieve(query, limit)
