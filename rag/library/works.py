"""Which records describe one work, and the one paper that they make together."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product

from rag.corpus.identity import is_preprint_doi, paper_id
from rag.library.likeness import is_telling, may_be_one
from rag.library.namesakes import is_other_work
from rag.types import Paper, Source

# The preferred id of a paper comes from the first of these that it has, as for a single record.
_KINDS = ("arxiv:", "doi:", "pmid:", "openalex.org/")
_TITLE = "title:"
_OF_NO_FILE = (*_KINDS, _TITLE)
# An abstract that is much shorter than another one of the same work was cut off, or is only its beginning.
_WHOLE = 0.6
_PREPRINT_VENUES = ("rxiv", "preprint", "ssrn", "research square", "openreview")
_FILLED = (
    "url", "year", "authors", "venue", "doi", "pmid", "arxiv_id", "keywords", "language", "publication_type", "volume",
    "issue", "pages", "publisher",
)  # fmt: skip

PartKey = tuple[str, str]
"""The id of a record, and its file."""

Stored = tuple[str, frozenset[str]]
"""The id of a paper, and the content hashes of those of its records that have one key."""

Pairs = Collection[frozenset[str]]
"""Pairs of ids that were split, and are never of one paper again."""


def part_key(record: Paper) -> PartKey:
    """What a record replaces when it is read again: all records of the same id and file.

    Several files may each describe the work of a public id or of a title; under any other id, which is a file's own,
    the last record counts, and the file is "".
    """
    is_described = record.id.startswith(_OF_NO_FILE)
    return record.id, record.sources[0].path if is_described and record.sources else ""


def ids(record: Paper) -> set[str]:
    """Every id of a record, in the form of `Paper.id`."""
    return {record.id, *record.ids} | _column_ids(record)


def keys(record: Paper) -> set[str]:
    """What another record of the same work may share: its ids and its title."""
    return ids(record) | _title_keys(record)


def by_file(paper: Paper) -> Iterator[Paper]:
    """The records of a paper for which none were kept: one for each file that can replace its own."""
    files: dict[str, list[Paper]] = defaultdict(list)
    for record in [replace(paper, sources=(source,)) for source in paper.sources] or [paper]:
        files[part_key(record)[1]].append(record)
    yield from map(_with_sources, files.values())


def clusters(records: Iterable[Paper], stored: Mapping[PartKey, str]) -> list[list[Paper]]:
    """The records that may be of one work, directly or through others: those that share a key.

    So do the records of one stored paper, whose id `stored` has by `part_key`.
    """
    found = _Sets(records)
    shared = _places(found.records, lambda record: keys(record) | {f"stored {stored.get(part_key(record), record.id)}"})
    for places in shared.values():
        for place in places[1:]:
            found.join(places[0], place)
    return found.groups()


def group(cluster: Iterable[Paper], apart: Pairs = frozenset()) -> list[list[Paper]]:
    """The records of each work; the order of the given ones does not matter.

    Records of one work share an id, unless their titles are clearly of different ones, or they share the title and
    nothing speaks against it. Where a title is that of several works, and it is not clear of which, it joins nothing.
    """
    found = _Sets(cluster, apart)
    if len(found.records) == 1:
        return found.groups()
    for read in (_own_id, _strong_ids):
        for _, places in sorted(_places(found.records, read).items()):
            for one, other in combinations(places, 2):
                if read is _own_id or not is_other_work(found.records[one].title, found.records[other].title):
                    found.join(one, other)
    for _, places in sorted(_places(found.records, _title_keys).items()):
        for roots in _same_works(sorted({found.root(place) for place in places}), found):
            for root in roots[1:]:
                found.join(roots[0], root)
    return found.groups()


def merge(records: Sequence[Paper]) -> Paper:
    """The paper of records of one work: the best abstract, the fields of the published one, filled from the others."""
    if len(records) == 1 and len(records[0].sources) <= 1:
        return records[0]
    if len({(record.id, record.content_hash) for record in records}) == 1:
        return _with_sources(records)
    ranked = sorted(records, key=lambda record: (not _is_published(record), -len(record.abstract), _order(record)))
    longest = max(len(record.abstract) for record in records)
    best = next(record for record in ranked if len(record.abstract) >= _WHOLE * longest)
    filled = {name: next(filter(None, (getattr(r, name) for r in ranked)), getattr(best, name)) for name in _FILLED}
    merged = replace(
        ranked[0],
        id=min((record.id for record in records), key=_preference),
        abstract=best.abstract,
        raw_abstract=best.raw_abstract,
        retracted=any(record.retracted for record in records),
        **filled,
    )
    every = {id for record in records for id in ids(record)}
    return replace(
        merged,
        ids=tuple(sorted(every - {merged.id} - _column_ids(merged))),
        sources=_with_sources(records).sources,
    )


def reason(record: Paper, others: Iterable[Paper]) -> str:
    """Why a record is of the same work as others: an id that they share, else their title."""
    theirs = {id for other in others for id in _strong_ids(other)}
    shared = sorted(theirs & _strong_ids(record), key=_preference)
    return f"same id {shared[0]!r}" if shared else "same title"


def merge_sources(known: Iterable[Source], read: Iterable[Source]) -> tuple[Source, ...]:
    """Where a record was read, in order: those in a file that was read again replace the known ones there."""
    new = set(read)
    again = {source.path for source in new}
    kept = {source for source in known if source.path not in again}
    return tuple(sorted(kept | new, key=lambda source: (source.path, source.line)))


def _strong_ids(record: Paper) -> set[str]:
    return {id for id in ids(record) if not id.startswith(_TITLE) or id == record.id}


def _column_ids(record: Paper) -> set[str]:
    columns = (("arxiv:", record.arxiv_id), ("doi:", record.doi), ("pmid:", record.pmid))
    return {kind + number for kind, number in columns if number}


def _order(record: Paper) -> tuple[str, str, str, str]:
    return (*part_key(record), record.abstract, record.content_hash)


def _own_id(record: Paper) -> set[str]:
    return {record.id}


def _title_keys(record: Paper) -> set[str]:
    """One key, or none: a title that tells little counts only together with a year, and if there is an author."""
    if is_telling(record.title):
        return {paper_id(record.title, None)}
    if record.year and record.authors:
        return {f"{paper_id(record.title, None)}:{record.year}"}
    return set()


def _places(records: Sequence[Paper], read: Callable[[Paper], set[str]]) -> dict[str, list[int]]:
    """The places of the records that have each key."""
    found: dict[str, list[int]] = defaultdict(list)
    for place, record in enumerate(records):
        for key in read(record):
            found[key].append(place)
    return found


def _same_works(roots: Sequence[int], found: "_Sets") -> list[list[int]]:
    """The sets with one title, by work: each of a work goes with each other one, and with none of another work."""
    fitting = {
        root: {other for other in roots if other == root or may_be_one(found.members(root), found.members(other))}
        for root in roots
    }
    return [
        sorted(fits) for root, fits in fitting.items() if root == min(fits) and all(fitting[o] == fits for o in fits)
    ]


def _preference(id: str) -> tuple[int, str]:
    rank = next((rank for rank, kind in enumerate(_KINDS) if id.startswith(kind)), len(_KINDS))
    return rank + id.startswith(_TITLE), id


def _is_published(record: Paper) -> bool:
    venue = (record.venue or "").casefold()
    if record.pmid or (record.doi and not is_preprint_doi(record.doi)):
        return True
    return bool(venue) and not any(word in venue for word in _PREPRINT_VENUES)


def _with_sources(records: Sequence[Paper]) -> Paper:
    return replace(records[0], sources=merge_sources((), [source for record in records for source in record.sources]))


class _Sets:
    """Records in disjoint sets that can be joined, but for two that hold a pair of `apart`."""

    def __init__(self, records: Iterable[Paper], apart: Pairs = frozenset()) -> None:
        self.records = sorted(records, key=_order)
        self._apart = apart
        self._parents = list(range(len(self.records)))
        self._members = {place: [record] for place, record in enumerate(self.records)}

    def root(self, place: int) -> int:
        """The first place of the set."""
        while self._parents[place] != place:
            self._parents[place] = place = self._parents[self._parents[place]]
        return place

    def members(self, root: int) -> list[Paper]:
        """The records of the set."""
        return self._members[root]

    def join(self, one: int, other: int) -> None:
        """Make one set of two."""
        first, second = sorted((self.root(one), self.root(other)))
        if first != second and not self._are_apart(first, second):
            self._parents[second] = first
            self._members[first] += self._members.pop(second)

    def groups(self) -> list[list[Paper]]:
        """The sets, each in order."""
        return [sorted(records, key=_order) for _, records in sorted(self._members.items())]

    def _are_apart(self, one: int, other: int) -> bool:
        if not self._apart:
            return False
        pairs = product(self._members[one], self._members[other])
        return any(frozenset((first.id, second.id)) in self._apart for first, second in pairs)
