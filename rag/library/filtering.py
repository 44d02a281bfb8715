"""Which papers of a library pass the filters of a question, from columns that are kept in memory."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np
from sqlalchemy import Row

from rag.library.followed import Chosen, Followed
from rag.text.names import folded, is_same_person, is_same_venue, surname
from rag.types import Filters

_NO_YEAR = -1


class Selection(Set[str]):
    """The ids of some papers. To count them, or to look for one, costs the same for ten as for a million."""

    def __init__(self, ids: Sequence[str], position: Mapping[str, int], chosen: Chosen) -> None:
        """Of `ids` those that are chosen; what is appended to `ids` later is not among them."""
        self._ids = ids
        self._position = position
        self._chosen = chosen
        self._count = int(np.count_nonzero(chosen))

    def __contains__(self, id: object) -> bool:
        at = self._position.get(id, len(self._chosen)) if isinstance(id, str) else len(self._chosen)
        return at < len(self._chosen) and bool(self._chosen[at])

    def __len__(self) -> int:
        return self._count

    @classmethod
    def _from_iterable(cls, ids: Iterable[str]) -> Set[str]:  # type: ignore[override]  # what `&` and the like give
        return set(ids)

    def __iter__(self) -> Iterator[str]:
        return (self._ids[at] for at in np.flatnonzero(self._chosen).tolist())


class Columns(Followed):
    """Year, venue and authors of every paper; a question brings them up to date. Thread-safe.

    About 150 bytes a paper, and 200 more with bylines, which are read once a question names people or venues.
    """

    _with_bylines = False

    def passing(self, filters: Filters, revision: int) -> Selection | None:
        """Those that pass the bounds on years, the venues and the authors; None where there are no such filters.

        `revision` is the library's. Blocks. Raises LibraryError.
        """
        has_years = filters.year_from is not None or filters.year_to is not None
        has_bylines = bool(filters.venues or filters.authors)
        if not has_years and not has_bylines:
            return None
        with self._lock:
            if has_bylines and not self._with_bylines:
                self._with_bylines = True
                self._empty()
            self._follow(revision)
            chosen: Chosen = np.array(self._is_there, np.bool_)
            if has_years:
                chosen &= self._within(filters.year_from, filters.year_to)
            if filters.venues:
                chosen &= self._in_venues(filters.venues)
            if filters.authors:
                chosen &= self._by_authors(filters.authors)
            return Selection(self._ids, self._position, chosen)

    def having(self, ids: Iterable[str], revision: int) -> Selection:
        """Those with one of these as their `Paper.id`. Blocks. Raises LibraryError."""
        with self._lock:
            self._follow(revision)
            return Selection(self._ids, self._position, self._chosen(ids))

    def _empty(self) -> None:
        super()._empty()
        self._years = array("i")
        self._venue_of = array("i")
        self._venues: dict[str, int] = {}
        self._by_word: dict[str, array[int]] = {}  # the positions of papers that have the word in an author's name

    def _start(self, revision: int) -> None:
        if not self._with_bylines:
            self._take(self._catalog.year_rows(self._library), ())
            self._revision = revision  # what has changed since is read again

    def _changed(self, after: int, upto: int) -> tuple[Sequence[Row[Any]], Sequence[str]]:
        columns = ("year", "authors", "venue") if self._with_bylines else ("year",)
        return self._catalog.changed_columns(self._library, columns, after=after, upto=upto)

    def _append(self, changed: Sequence[Row[Any]]) -> None:
        self._years.extend(_NO_YEAR if row.year is None else row.year for row in changed)
        if self._with_bylines:
            self._venue_of.extend(self._venues.setdefault(row.venue or "", len(self._venues)) for row in changed)
            for at, row in enumerate(changed, start=len(self._ids) - len(changed)):
                for word in {word for name in row.authors for word in folded(name).split()}:
                    self._by_word.setdefault(word, array("i")).append(at)

    def _within(self, first: int | None, last: int | None) -> Chosen:
        """A paper without a year is in no range of them."""
        years = np.array(self._years, np.int32)
        chosen: Chosen = years != _NO_YEAR
        if first is not None:
            chosen &= years >= first
        if last is not None:
            chosen &= years <= last
        return chosen

    def _in_venues(self, said: Sequence[str]) -> Chosen:
        matching = [code for venue, code in self._venues.items() if any(is_same_venue(name, venue) for name in said)]
        return np.isin(np.array(self._venue_of, np.int32), matching)

    def _by_authors(self, said: Sequence[str]) -> Chosen:
        chosen = np.zeros(len(self._ids), np.bool_)
        for name in said:
            ids = [self._ids[at] for at in self._by_word.get(surname(name), ()) if self._is_there[at]]
            for line in self._catalog.bylines(self._library, ids):
                chosen[self._position[line.id]] |= any(is_same_person(name, author) for author in line.authors)
        return chosen
