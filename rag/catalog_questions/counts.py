"""How many papers are on a topic, per year, since when; the newest and the oldest; who and what has most of them."""

from collections import Counter
from collections.abc import Sequence

from rag.catalog_questions.composition import (
    SHOWN,
    CatalogAnswer,
    Statement,
    by_name,
    compose,
    decline,
    in_print,
    joined,
    list_of,
    papers,
    passages_of,
    title,
    years_of,
)
from rag.catalog_questions.evidence import NEAR, TopicPapers
from rag.catalog_questions.recognition import CatalogQuestion
from rag.library.library import Library
from rag.types import Passage

_MOST_YEARS = 40
_NAMED = 5


async def answer(asked: CatalogQuestion, found: TopicPapers, library: Library) -> CatalogAnswer:
    """The answer to a question of one of these kinds, from all papers on its topic."""
    if not found.found:
        return decline("out_of_scope", _none(found))
    if asked.kind == "count":
        return await _count(found, library)
    if asked.kind in ("most_author", "most_venue"):
        return await _most(asked, found, library)
    dated = {id: year for id in found.found if (year := found.years[id])}
    if not dated:
        reason = f"The library does not hold the year of any of the {_of_them(found)}."
        return decline("not_in_abstracts", reason, await _first(found.found, found, library))
    if asked.kind in ("per_year", "peak"):
        return await _per_year(asked, found, Counter(dated.values()), library)
    return await _by_date(asked, found, dated, library)


async def _count(found: TopicPapers, library: Library) -> CatalogAnswer:
    """How many mention it, with the first of them, and how many more lie near it."""
    years = years_of(found.years[id] for id in found.found)
    when = f" (of {years})" if years else ""
    if found.mentioned:
        verb = "mentions" if len(found.mentioned) == 1 else "mention"
        text = f"{len(found.mentioned):,} of {found.searched:,} abstracts {verb} {found.quoted}{when}:"
    else:
        text = f"{_none(found).rstrip('.')}; {papers(len(found.near))} near it{when}, without its words:"
    passages = await _first(found.found, found, library)
    more = len(found.found) - len(passages)
    statements = [Statement(text=text), *list_of(passages, found.topic)]
    if more:
        statements.append(Statement(text=f"And {more:,} more.", listed=True))
    near = _near(found) if found.mentioned and found.near else ""
    return compose("answered", statements, passages, notice=f"{found.rule} {near}".strip())


async def _per_year(
    asked: CatalogQuestion, found: TopicPapers, counts: Counter[int], library: Library
) -> CatalogAnswer:
    """The number of papers of each year, or the year that has most."""
    told = ", ".join(f"{year}: {counts[year]:,}" for year in sorted(counts)[-_MOST_YEARS:])
    undated = len(found.found) - counts.total()
    without = f"; {undated:,} without a year" if undated else ""
    statements = [Statement(text=f"Of the {_of_them(found)}, by year: {told}{without}.")]
    passages = await _first(found.found, found, library)
    if asked.kind == "peak":
        most = max(counts.values())
        best = [year for year in sorted(counts) if counts[year] == most]
        each = " each" if len(best) > 1 else ""
        head = f"{joined([str(year) for year in best])}: {papers(most)} {found.described}{each}."
        statements.insert(0, Statement(text=head))
        passages = await _first([id for id in found.found if found.years[id] in best], found, library)
    return compose("answered", [*statements, *list_of(passages, found.topic)], passages, notice=found.rule)


async def _by_date(
    asked: CatalogQuestion, found: TopicPapers, dated: dict[str, int], library: Library
) -> CatalogAnswer:
    """The newest or the oldest; those of the same year are named with it."""
    newest = asked.kind == "newest"
    edge = max(dated.values()) if newest else min(dated.values())
    order = {id: place for place, id in enumerate(found.found)}
    ranked = sorted(dated, key=lambda id: (-dated[id] if newest else dated[id], order[id]))
    chosen = ranked if asked.several else [id for id in ranked if dated[id] == edge]
    passages = await _first(chosen, found, library)
    undated = len(found.found) - len(dated)
    notice = f"{undated:,} of the {_of_them(found)} have no year here." if undated else ""
    adjective = "newest" if newest else "first"
    if len(passages) == 1:
        [only] = passages
        verb = "is from" if asked.kind == "since" else "is"
        named = f"{edge}: {title(only.paper)}" if asked.kind == "since" else f"{title(only.paper)} ({edge})"
        statements = [Statement(text=f"The {adjective} of the {_of_them(found)} {verb} {named}.", numbers=(1,))]
    elif asked.several:
        head = f"The {adjective} of the {_of_them(found)}:"
        statements = [Statement(text=head), *list_of(passages, found.topic)]
    else:
        more = f", {len(chosen):,} in number" if len(chosen) > len(passages) else ""
        head = f"The {adjective} of the {_of_them(found)} are from {edge}{more}:"
        statements = [Statement(text=head), *list_of(passages, found.topic)]
    return compose("answered", statements, passages, notice=f"{found.rule} {notice}".strip())


async def _most(asked: CatalogQuestion, found: TopicPapers, library: Library) -> CatalogAnswer:
    """The authors or venues with most of the papers."""
    wanted = frozenset(found.found)
    lines = await library.bylines(lambda line: line.id in wanted)
    authors = asked.kind == "most_author"
    counts = Counter(name for line in lines for name in (line.authors if authors else (line.venue,)) if name)
    noun = "authors" if authors else "venue"
    if not counts:
        return decline("not_in_abstracts", f"The library does not hold the {noun} of any of the {_of_them(found)}.")
    ranked = by_name(counts)
    best = [name for name, count in ranked if count == ranked[0][1]]
    named = joined([in_print(name) for name in best[:_NAMED]])
    others = f" and {len(best) - _NAMED:,} others" if len(best) > _NAMED else ""
    each = " each" if len(best) > 1 else ""
    where = "by" if authors else "in"
    theirs = [line.id for line in lines if best[0] in (line.authors if authors else (line.venue,))]
    passages = await _first(theirs, found, library)
    head = f"Most of the {_of_them(found)} are {where} {named}{others}: {ranked[0][1]:,}{each}."
    return compose("answered", [Statement(text=head), *list_of(passages, found.topic)], passages)


async def _first(ids: Sequence[str], found: TopicPapers, library: Library) -> list[Passage]:
    return await passages_of(library, ids[:SHOWN], found.vector)


def _of_them(found: TopicPapers) -> str:
    return f"{papers(len(found.found))} {found.described}"


def _none(found: TopicPapers) -> str:
    if found.searched == 1:
        return f"The only abstract does not mention {found.quoted}."
    return f"None of the {found.searched:,} abstracts mentions {found.quoted}."


def _near(found: TopicPapers) -> str:
    count = len(found.near)
    lie = "lies" if count == 1 else "lie"
    return f"{count:,} more {lie} near it without these words (cosine of at least {NEAR:.2f})."
