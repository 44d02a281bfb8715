"""What an ingest changes: records of one work become one paper, those of different works under one id stay two."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations

from rag.corpus.identity import known_id
from rag.errors import RequestError
from rag.library import namesakes, works
from rag.library.catalog import Catalog
from rag.types import IngestNote, MergedRecord, Paper, Source

_Keyed = dict[works.PartKey, list[Paper]]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What has to be stored together: papers that are new or changed, and the ids of those that are no longer.

    `records` are those of every paper concerned, by its id; `known` are the ids that were stored before.
    """

    papers: tuple[Paper, ...]
    records: Mapping[str, Sequence[Paper]]
    gone: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()
    apart: works.Pairs = frozenset()

    @property
    def added(self) -> int:
        """How many papers it adds; one whose id changed because it was merged is not new."""
        return max(0, sum(paper.id not in self.known for paper in self.papers) - len(self.gone))

    @property
    def updated(self) -> int:
        """How many papers it changes."""
        return len(self.papers) - self.added


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The changes, and what the report says of records that were merged or told apart."""

    changes: tuple[Change, ...]
    merged: tuple[MergedRecord, ...]
    notes: tuple[IngestNote, ...]


def plan(catalog: Catalog, library: str, records: Sequence[Paper]) -> Plan:
    """What has to be stored so that the library holds the records; where they were read is recorded at once. Blocks."""
    records, notes = _told_apart(catalog, library, records)
    new = _new(catalog, library, records)
    stored = _Stored(catalog, library, chain.from_iterable(new.values()))
    apart = catalog.apart(library) if stored.places else frozenset()
    changes: list[Change] = []
    merged: list[MergedRecord] = []
    same: dict[str, Sequence[Source]] = {}
    for cluster in works.clusters(stored.overlaid(new), stored.places):
        groups = {paper.id: (paper, found) for found in works.group(cluster, apart) for paper in [works.merge(found)]}
        before = {stored.places[key] for record in cluster if (key := works.part_key(record)) in stored.places}
        changed = {id: paper for id, (paper, _) in groups.items() if stored.hashes.get(id) != paper.content_hash}
        same |= {id: paper.sources for id, (paper, _) in groups.items() if id not in changed}
        changes.append(
            Change(
                papers=tuple(changed.values()),
                records={id: found for id, (_, found) in groups.items()},
                gone=tuple(sorted(before - groups.keys())),
                known=frozenset(before),
            )
        )
        for id, (_, found) in groups.items():
            merged += _newly_merged(id, found, stored.places)
    catalog.add_sources(library, same)
    return Plan(changes=tuple(changes), merged=tuple(merged), notes=tuple(notes))


def split(catalog: Catalog, library: str, paper: Paper) -> Change:
    """A paper for each id of the records of one, which are not merged again. Blocks.

    Raises RequestError for a paper whose records all have the same id.
    """
    by_id: dict[str, list[Paper]] = defaultdict(list)
    for record in catalog.records(library, [paper.id])[paper.id]:
        by_id[record.id].append(record)
    if len(by_id) < 2:
        raise RequestError(f"paper {paper.id!r} was not merged from records of several ids; there is nothing to split")
    pairs = frozenset(map(frozenset, combinations(by_id, 2)))
    parts = tuple(works.merge(found) for found in by_id.values())
    return Change(papers=parts, records=by_id, gone=(paper.id,), apart=pairs)


def resolve(catalog: Catalog, library: str, ids: Collection[str]) -> dict[str, str]:
    """The `Paper.id` of each stored paper by any of its ids, as they are given; a DOI may be bare or a URL. Blocks."""
    forms = {id: known_id(id) or id for id in ids}
    held = catalog.holders(library, {*forms, *forms.values()})
    found = {id: held.get(id) or held.get(form) for id, form in forms.items()}
    return {id: id if id in holders else holders[0] for id, holders in found.items() if holders}


def batches(changes: Iterable[Change], papers_at_once: int) -> Iterator[list[Change]]:
    """The changes in order, of about that many papers each; a change is never divided."""
    batch: list[Change] = []
    size = 0
    for change in changes:
        batch.append(change)
        size += max(1, len(change.papers))
        if size >= papers_at_once:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Stored:
    """The records of the papers that share an id or a title with given records, also through others."""

    def __init__(self, catalog: Catalog, library: str, given: Iterable[Paper]) -> None:
        self.records: _Keyed = {}
        self.places: dict[works.PartKey, str] = {}
        self.hashes: dict[str, str] = {}
        seen: set[str] = set()
        keys = _keys(given)
        while keys:
            held = catalog.holders(library, keys)
            ids = {id for holders in held.values() for id in holders} - self.hashes.keys()
            seen |= keys
            keys = set()
            for id, records in catalog.records(library, ids).items():
                for record in records:
                    self.records.setdefault(works.part_key(record), []).append(record)
                    self.places[works.part_key(record)] = id
                keys |= _keys(records)
            self.hashes |= catalog.hashes(library, ids)
            keys -= seen

    def overlaid(self, new: _Keyed) -> Iterator[Paper]:
        """All of them and the new ones, each of these in place of those that it replaces."""
        for key, records in new.items():
            known = [source for record in self.records.get(key, ()) for source in record.sources]
            first, *others = records
            yield replace(first, sources=works.merge_sources(known, first.sources)) if known else first
            yield from others
        yield from chain.from_iterable(records for key, records in self.records.items() if key not in new)


def _keys(records: Iterable[Paper]) -> set[str]:
    return {key for record in records for key in works.keys(record)}


def _told_apart(catalog: Catalog, library: str, records: Sequence[Paper]) -> tuple[list[Paper], list[IngestNote]]:
    """The records under the ids under which to keep them, and a warning for each with the id of another work."""
    hashes = catalog.hashes(library, {record.id for record in records})
    doubtful = {record.id for record in records if hashes.get(record.id, record.content_hash) != record.content_hash}
    holders = catalog.by_id(library, doubtful)
    kept, notes = [], []
    for record in records:
        holder = holders.setdefault(record.id, record)
        if holder is not record and namesakes.are_namesakes(record, holder):
            record, note = namesakes.with_own_id(record, holder)
            notes.append(note)
        kept.append(record)
    return kept, notes


def _new(catalog: Catalog, library: str, records: Sequence[Paper]) -> _Keyed:
    """The records, by key, of the keys that are not stored as they are; the others are recorded as read again."""
    read = _by_key(records)
    ids = {id for id, _ in read}
    hashes, merged = catalog.hashes(library, ids), catalog.merged_hashes(library, ids)
    in_parts = {id for id, _ in merged}
    single = {(id, file): (id, frozenset([hashes[id]])) for id, file in read if id in hashes and id not in in_parts}
    stored = {**single, **merged}
    new: _Keyed = {}
    again: dict[str, tuple[Source, ...]] = {}
    for key, found in read.items():
        paper, known = stored.get(key, ("", frozenset()))
        if known == {record.content_hash for record in found}:
            again[paper] = again.get(paper, ()) + tuple(source for record in found for source in record.sources)
        else:
            new[key] = found
    catalog.add_sources(library, again)
    return new


def _by_key(records: Iterable[Paper]) -> _Keyed:
    """The records that differ, with the sources of all; of a file's own id, the last one."""
    found: _Keyed = {}
    for record in records:
        key = works.part_key(record)
        known = found.setdefault(key, [])
        same = [place for place, other in enumerate(known) if not key[1] or other.content_hash == record.content_hash]
        if same:
            known[same[0]] = replace(record, sources=known[same[0]].sources + record.sources)
        else:
            known.append(record)
    return found


def _newly_merged(id: str, records: Sequence[Paper], places: Mapping[works.PartKey, str]) -> Iterator[MergedRecord]:
    """The records that were not of this paper before, but for the one whose id it has if that is new too."""
    old = [record for record in records if places.get(works.part_key(record)) == id]
    first = old or [next(record for record in records if record.id == id)]
    told = {(record.id, record.content_hash) for record in first}
    for record in records:
        if record in first or (record.id, record.content_hash) in told:
            continue
        source = record.sources[0] if record.sources else Source(path="", line=1)
        others = [other for other in records if other is not record]
        yield MergedRecord(
            into=id, record=record.id, source=source.path, line=source.line, because=works.reason(record, others)
        )
