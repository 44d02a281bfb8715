"""Which papers of the catalog pass the filters of a question."""

from rag.library.catalog import Byline, Catalog
from rag.text.names import is_same_person, is_same_venue
from rag.types import Filters


def passing(catalog: Catalog, library: str, filters: Filters) -> set[str] | None:
    """The ids of those that pass the bounds on years, the venues and the authors; None where there are no such.

    Blocks; for venues and authors it reads the byline of every paper. Raises LibraryError.
    """
    found: list[set[str]] = []
    if filters.year_from is not None or filters.year_to is not None:
        found.append(catalog.of_years(library, filters.year_from, filters.year_to))
    if filters.venues or filters.authors:
        found.append({line.id for line in catalog.bylines(library) if _passes(line, filters)})
    return set.intersection(*found) if found else None


def _passes(line: Byline, filters: Filters) -> bool:
    by = (is_same_person(said, name) for said in filters.authors for name in line.authors)
    there = not filters.venues or any(is_same_venue(said, line.venue) for said in filters.venues)
    return there and (not filters.authors or any(by))
