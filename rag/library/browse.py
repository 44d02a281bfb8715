"""The papers of a library as a list that can be sorted, filtered and counted, and their vectors for a map."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sqlalchemy import ColumnElement, and_, func, select

from rag import threads
from rag.database import Database, in_parts
from rag.library.schema import DESCRIPTION, paper_from_row, papers, vectors_from_bytes
from rag.types import Paper, Vectors

Order = Literal["newest", "oldest", "title"]

MAX_VENUES = 50
"""How many venues are counted, the most frequent ones."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which papers of a library are listed. Years are inclusive; a paper without a year fails any bound on them."""

    year_from: int | None = None
    year_to: int | None = None
    venue: str = ""


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many papers have a value; it is None where they have none."""

    value: int | str | None
    papers: int


@dataclass(frozen=True, kw_only=True)
class Facets:
    """How many papers there are of each year, the newest first, and of each venue, the most frequent first."""

    years: tuple[Count, ...]
    venues: tuple[Count, ...]


@dataclass(frozen=True, kw_only=True)
class MapPaper:
    """What a map shows of a paper."""

    id: str
    title: str
    year: int | None
    venue: str | None


class Browse:
    """Reads the catalog alone and locks no library."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, library: str, selection: Selection, order: Order, offset: int, limit: int
    ) -> tuple[list[Paper], int]:
        """A page of the selected papers without their sources, and how many are selected; undated papers come last."""
        return await threads.read(self._page, library, selection, order, offset, limit)

    async def facets(self, library: str, selection: Selection) -> Facets:
        """The years and the venues of the selected papers."""
        return await threads.read(self._facets, library, selection)

    async def ids(self, library: str, selection: Selection) -> list[str]:
        """The ids of the selected papers, in order."""
        return await threads.read(self._ids, library, selection)

    async def vectors(self, library: str, most: int) -> tuple[list[MapPaper], Vectors]:
        """At most that many papers, spread evenly over the ids, and the mean vector of each, shape (papers, dimension).

        Papers without a vector are left out.
        """
        return await threads.read(self._vectors, library, most)

    def _page(
        self, library: str, selection: Selection, order: Order, offset: int, limit: int
    ) -> tuple[list[Paper], int]:
        chosen = _where(library, selection)
        query = select(*DESCRIPTION).where(chosen).order_by(*_ORDERS[order]).offset(offset).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            total = connection.execute(select(func.count()).select_from(papers).where(chosen)).scalar_one()
        return [paper_from_row(row, ()) for row in rows], total

    def _facets(self, library: str, selection: Selection) -> Facets:
        chosen, number = _where(library, selection), func.count().label("papers")
        years = select(papers.c.year, number).where(chosen).group_by(papers.c.year)
        venues = select(papers.c.venue, number).where(chosen, papers.c.venue.is_not(None)).group_by(papers.c.venue)
        with self._database.reading() as connection:
            by_year = [Count(value=row.year, papers=row.papers) for row in connection.execute(years)]
            most = venues.order_by(number.desc(), papers.c.venue).limit(MAX_VENUES)
            by_venue = [Count(value=row.venue, papers=row.papers) for row in connection.execute(most)]
        return Facets(years=newest_first(by_year), venues=tuple(by_venue))

    def _ids(self, library: str, selection: Selection) -> list[str]:
        query = select(papers.c.id).where(_where(library, selection)).order_by(papers.c.id)
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def _vectors(self, library: str, most: int) -> tuple[list[MapPaper], Vectors]:
        ids = self._ids(library, Selection())
        some = ids[:: -(-len(ids) // most)] if len(ids) > most else ids
        columns = (papers.c.id, papers.c.title, papers.c.year, papers.c.venue, papers.c.chunk_count)
        query = select(*columns, papers.c.chunk_vectors).where(papers.c.library == library, papers.c.chunk_count > 0)
        found: list[MapPaper] = []
        means: list[Vectors] = []
        with self._database.reading() as connection:
            for part in in_parts(some):
                for row in connection.execute(query.where(papers.c.id.in_(part)).order_by(papers.c.id)):
                    found.append(MapPaper(id=row.id, title=row.title, year=row.year, venue=row.venue))
                    means.append(vectors_from_bytes(row.chunk_vectors, row.chunk_count, row.id, library).mean(axis=0))
        return found, np.stack(means) if means else np.zeros((0, 1), np.float32)


def count(found: Sequence[Paper]) -> Facets:
    """The years and the venues of these papers."""
    years: dict[int | None, int] = {}
    venues: dict[str, int] = {}
    for paper in found:
        years[paper.year] = years.get(paper.year, 0) + 1
        if paper.venue:
            venues[paper.venue] = venues.get(paper.venue, 0) + 1
    by_venue = sorted((Count(value=venue, papers=number) for venue, number in venues.items()), key=_most_first)
    return Facets(
        years=newest_first([Count(value=year, papers=number) for year, number in years.items()]),
        venues=tuple(by_venue[:MAX_VENUES]),
    )


def newest_first(years: Sequence[Count]) -> tuple[Count, ...]:
    """By year, the newest first; those without one last."""
    return tuple(sorted(years, key=lambda count: -int(count.value or -1)))


def in_order(found: Sequence[Paper], order: Order) -> list[Paper]:
    """The papers in the order that `page` gives them."""
    if order == "title":
        return sorted(found, key=lambda paper: (paper.title.lower(), paper.id))
    sign = -1 if order == "newest" else 1
    return sorted(
        found, key=lambda paper: (paper.year is None, sign * (paper.year or 0), paper.title.lower(), paper.id)
    )


def _most_first(count: Count) -> tuple[int, str]:
    return -count.papers, str(count.value)


_BY_TITLE: tuple[ColumnElement[Any], ...] = (func.lower(papers.c.title), papers.c.id)
_ORDERS: dict[Order, tuple[ColumnElement[Any], ...]] = {
    "newest": (papers.c.year.is_(None), papers.c.year.desc(), *_BY_TITLE),
    "oldest": (papers.c.year.is_(None), papers.c.year, *_BY_TITLE),
    "title": _BY_TITLE,
}


def _where(library: str, selection: Selection) -> ColumnElement[bool]:
    conditions = [papers.c.library == library]
    if selection.year_from is not None:
        conditions.append(papers.c.year >= selection.year_from)
    if selection.year_to is not None:
        conditions.append(papers.c.year <= selection.year_to)
    if selection.venue:
        conditions.append(papers.c.venue == selection.venue)
    return and_(*conditions)
