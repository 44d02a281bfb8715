"""A query is embedded once while it is kept, documents each time."""

import numpy as np

from rag.embedders.cached import CachedQueries
from tests.support.stand_ins import WordsEmbedder


async def test_a_query_is_embedded_once_and_nobody_can_change_its_vector() -> None:
    words = WordsEmbedder()
    cached = CachedQueries(words)
    first = await cached.embed_query("otters")
    assert np.array_equal(await cached.embed_query("otters"), first)
    assert (words.texts, cached.name, first.flags.writeable) == (1, words.name, False)
    await cached.embed(["otters", "otters"])
    assert words.texts == 3


async def test_of_more_queries_than_are_kept_the_one_asked_for_longest_ago_goes() -> None:
    words = WordsEmbedder()
    cached = CachedQueries(words, most=2)
    for query in ("a", "b", "a", "c", "a"):
        await cached.embed_query(query)
    assert words.texts == 3
    await cached.embed_query("b")
    assert words.texts == 4
