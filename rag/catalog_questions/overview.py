"""What a library holds: how many papers, of which years, by whom, from where, and a few typical titles."""

from collections import Counter
from collections.abc import Collection

from rag.catalog_questions.composition import (
    CatalogAnswer,
    Statement,
    by_name,
    compose,
    decline,
    in_print,
    item,
    joined,
    papers,
    passages_of,
    years_of,
)
from rag.catalog_questions.recognition import Kind
from rag.library.catalog import Byline
from rag.library.library import Library

_TYPICAL = 5
_NAMED = 8


async def answer(kind: Kind, library: Library, allowed: Collection[str] | None) -> CatalogAnswer:
    """What is asked about the library, or about the papers allowed."""
    years = await library.years()
    if allowed is not None:
        years = {id: year for id, year in years.items() if id in allowed}
    size = Statement(text=f"This library holds {papers(len(years))}{_when(years)}.")
    if kind == "library_size":
        return compose("answered", [size])
    if kind == "library_years":
        return _years(years)
    counts = await _counts(library, years)
    if kind in ("library_authors", "library_venues"):
        name = "authors" if kind == "library_authors" else "venues"
        if not counts[name]:
            return decline("not_in_abstracts", f"The library does not hold the {name} of its papers.")
        return compose("answered", [_names(name, counts[name])])
    chosen = sorted(years)[:: max(1, len(years) // _TYPICAL)][:_TYPICAL]
    vector = await library.embedder.embed_query("")
    passages = await passages_of(library, chosen, vector)
    known = [_names(name, counts[name]) for name in ("venues", "authors") if counts[name]]
    head = [Statement(text="Some of them:")] if passages else []
    return compose("answered", [size, *known, *head, *(item(passage, None) for passage in passages)], passages)


async def _counts(library: Library, years: Collection[str]) -> dict[str, Counter[str]]:
    """How many papers each author and each venue has."""
    authors, venues = Counter[str](), Counter[str]()

    def count(line: Byline) -> bool:
        if line.id in years:
            authors.update(line.authors)
            venues.update([line.venue] if line.venue else [])
        return False

    await library.bylines(count)
    return {"authors": authors, "venues": venues}


def _names(noun: str, counts: Counter[str]) -> Statement:
    ranked = by_name(counts)
    named = joined([f"{in_print(name)} ({count:,})" for name, count in ranked[:_NAMED]])
    if len(ranked) <= _NAMED:
        return Statement(text=f"Its {noun} are {named}.")
    return Statement(text=f"It has {len(ranked):,} {noun}; those with most papers are {named}.")


def _years(years: dict[str, int | None]) -> CatalogAnswer:
    counts = Counter(year for year in years.values() if year)
    if not counts:
        return decline("not_in_abstracts", "The library does not hold the years of its papers.")
    told = ", ".join(f"{year}: {counts[year]:,}" for year in sorted(counts))
    undated = len(years) - counts.total()
    without = f"; {undated:,} without a year" if undated else ""
    text = f"The papers are from {years_of(years.values())} ({told}{without})."
    return compose("answered", [Statement(text=text)])


def _when(years: dict[str, int | None]) -> str:
    known = years_of(years.values())
    undated = sum(year is None for year in years.values())
    return "" if not known else f" from {known}" + (f" ({undated:,} without a year)" if undated else "")
