"""Which papers of a library are about a topic: an exhaustive pass over their words, and those that lie near it."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from rag.library.library import Library
from rag.text.analysis import content_stems
from rag.types import Vectors

NEAR = 0.5
"""Cosine of a chunk and the topic from which on a paper is near it. Of 17 topics of two fields, papers without the
words that reached it were about the topic in most cases; at 0.45 there were four times as many, most of them not.
"""

MOST_NEAR = 100
AROUND = 24
_OR = re.compile(r"\s+(?:or|and/or)\s+", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class TopicPapers:
    """What a library has on a topic.

    `mentioned` are the ids of all papers with all words of the topic in title or abstract, the nearest to it first as
    far as they are ranked; `near` those without that have a chunk of at least NEAR, best first, at most MOST_NEAR, and
    `around` the AROUND nearest of those left.
    `years` has the year of every paper searched; `vector`, shape (dimension,), is the topic's.
    """

    topic: str
    mentioned: tuple[str, ...]
    near: tuple[str, ...]
    around: tuple[str, ...]
    years: dict[str, int | None]
    vector: Vectors

    @property
    def searched(self) -> int:
        """How many papers were looked at."""
        return len(self.years)

    @property
    def found(self) -> tuple[str, ...]:
        """Those that mention it, or if there are none, those near it."""
        return self.mentioned or self.near

    @property
    def described(self) -> str:
        """ "that mention “bees”", "near “bees”", or nothing for all papers."""
        if not self.topic:
            return "in this library"
        mention = "mentions" if len(self.mentioned) == 1 else "mention"
        return f"that {mention} {self.quoted}" if self.mentioned else f"near {self.quoted}"

    @property
    def quoted(self) -> str:
        """The topic in quotes, or each of its alternatives."""
        return " or ".join(f"“{part}”" for part in _OR.split(self.topic))

    @property
    def rule(self) -> str:
        """What counts as mentioning it, for the reader; empty where it needs no explanation."""
        several = any(len(content_stems(part)) > 1 for part in _OR.split(self.topic))
        return "A paper mentions it if its title or abstract has all of these words." if several else ""


async def topic_papers(library: Library, topic: str, allowed: Collection[str] | None) -> TopicPapers:
    """The papers on a topic, of those allowed; all of them for an empty topic."""
    years = await library.years()
    if allowed is not None:
        years = {id: year for id, year in years.items() if id in allowed}
    vector = await library.embedder.embed_query(topic)
    if not content_stems(topic):
        return TopicPapers(topic="", mentioned=tuple(sorted(years)), near=(), around=(), years=years, vector=vector)
    mentioned: set[str] = set()
    for part in _OR.split(topic):
        mentioned |= set(await library.having_all(content_stems(part), allowed))
    nearest = await library.nearest(vector, MOST_NEAR, allowed)
    near = tuple(id for id, cosine in nearest if cosine >= NEAR and id not in mentioned)
    around = tuple(id for id, cosine in nearest if cosine < NEAR and id not in mentioned)[:AROUND]
    ranked = await library.nearest(vector, MOST_NEAR, mentioned) if mentioned else []
    first = [id for id, _ in ranked]
    rest = sorted(mentioned.difference(first))
    return TopicPapers(topic=topic, mentioned=(*first, *rest), near=near, around=around, years=years, vector=vector)
