"""Which papers of a library pass the filters of a question, from columns that are kept in memory."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from rag.library.catalog import Catalog
from rag.text.names import folded, is_same_person, is_same_venue, surname
from rag.types import Filters

Chosen = NDArray[np.bool_]
"""Whether the paper at each position is meant."""

_NO_YEAR = -1
_PAPERS_AT_ONCE = 5_000


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


class Columns:
    """Year, venue and authors of every paper by position, as of one revision; a question brings them up to date.

    A paper that changes gets another position, so that what is known of a position never changes. Thread-safe.
    """

    def __init__(self, catalog: Catalog, library: str) -> None:
        """Reads nothing until a question has a filter: years alone, or the bylines too where it names people or venues.

        About 150 bytes a paper, and 200 more with bylines.
        """
        self._catalog = catalog
        self._library = library
        self._lock = Lock()
        self._empty(with_bylines=False)

    def passing(self, filters: Filters, revision: int) -> Selection | None:
        """Those that pass the bounds on years, the venues and the authors; None where there are no such filters.

        `revision` is the library's. Blocks. Raises LibraryError.
        """
        has_years = filters.year_from is not None or filters.year_to is not None
        has_bylines = bool(filters.venues or filters.authors)
        if not has_years and not has_bylines:
            return None
        with self._lock:
            self._follow(revision, has_bylines)
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
            self._follow(revision, with_bylines=False)
            chosen: Chosen = np.zeros(len(self._ids), np.bool_)
            chosen[[at for id in ids if (at := self._position.get(id)) is not None]] = True
            return Selection(self._ids, self._position, chosen)

    def _empty(self, *, with_bylines: bool) -> None:
        self._with_bylines = with_bylines
        self._revision = 0
        self._ids: list[str] = []
        self._position: dict[str, int] = {}
        self._is_there = bytearray()
        self._years = array("i")
        self._venue_of = array("i")
        self._venues: dict[str, int] = {}
        self._by_word: dict[str, array[int]] = {}  # the positions of papers that have the word in an author's name

    def _follow(self, revision: int, with_bylines: bool) -> None:
        most_are_gone = len(self._ids) > 2 * len(self._position)
        if revision < self._revision or most_are_gone or (with_bylines and not self._with_bylines):
            self._empty(with_bylines=with_bylines or self._with_bylines)
        while self._revision < revision:
            upto = self._catalog.revision_after(self._library, self._revision, _PAPERS_AT_ONCE) or revision
            self._read(min(upto, revision))

    def _read(self, upto: int) -> None:
        changed, removed = self._catalog.changed_columns(
            self._library, after=self._revision, upto=upto, bylines=self._with_bylines
        )
        for id in (*removed, *(row.id for row in changed)):
            if (at := self._position.pop(id, None)) is not None:
                self._is_there[at] = False
        for row in changed:
            at = self._position[row.id] = len(self._ids)
            self._ids.append(row.id)
            self._is_there.append(True)
            self._years.append(_NO_YEAR if row.year is None else row.year)
            if self._with_bylines:
                self._venue_of.append(self._venues.setdefault(row.venue or "", len(self._venues)))
                for word in {word for name in row.authors for word in folded(name).split()}:
                    self._by_word.setdefault(word, array("i")).append(at)
        self._revision = upto

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
