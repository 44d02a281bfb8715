"""PubMed's own format (MEDLINE, .nbib), also from Ovid and Europe PMC: tags of up to four letters."""

import re
from collections.abc import Iterator
from pathlib import Path

from rag.corpus import tagged, textfile
from rag.corpus.record import BrokenRecord, RawRecord
from rag.corpus.tagged import Tags

SUFFIXES: tuple[str, ...] = (".nbib", ".medline")
NEEDS = "PubMed's format: lines such as `PMID- 123`, `TI  - ...`, `AB  - ...`"

_TAG = re.compile(r"(?P<tag>[A-Z][A-Z0-9]{1,3}) {0,2}- ?(?P<value>.*)$")
_BEGIN = re.compile(r"^PMID ?- ?\d", re.MULTILINE)
_READ_TAGS = "PMID TI BTI AB FAU AU CN FED ED DP DEP EDAT CRDT JT TA LID AID LA PT OT MH RIN VI IP PG IS"
_READ = frozenset(_READ_TAGS.split())
_DOI = re.compile(r"(\S+)\s+\[doi\]")


def recognises(head: str) -> bool:
    """By the line with the number of a record."""
    return bool(_BEGIN.search(head[:5000]))


def read(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """The records in file order; a blank line, or the number of the next record, ends one."""
    tags: Tags = {}
    begin, last = 1, ""
    for number, line in enumerate(textfile.lines(path), start=1):
        found = _TAG.match(line.rstrip("\n")) if line[:1] != " " else None
        if tags and (not line.strip() or (found and found["tag"] == "PMID")):
            yield _record(begin, tags)
            tags = {}
        if found:
            begin, last = (begin if tags else number), found["tag"]
            tagged.add(tags, last, found["value"])
        elif line.strip() and tags:
            tagged.go_on(tags, last, line)
        elif line.strip():
            yield BrokenRecord(number, f"{line.strip()[:40]!r} stands between records; one begins with `PMID-`")
    if tags:
        yield _record(begin, tags)


def _record(line: int, tags: Tags) -> RawRecord:
    ids = " ".join(tags.get("LID", []) + tags.get("AID", []))
    doi = _DOI.search(ids)
    return RawRecord(
        line,
        {
            "title": tagged.first(tags, "TI", "BTI"),
            "abstract": tagged.first(tags, "AB"),
            "authors": [*tagged.values(tags, "FAU", "AU", "FED", "ED"), *tags.get("CN", ())],
            "year": tagged.first(tags, "DP", "DEP", "EDAT", "CRDT"),
            "venue": tagged.first(tags, "JT", "TA"),
            "doi": doi[1] if doi else None,
            "pmid": tagged.first(tags, "PMID"),
            "keywords": [*tags.get("OT", ()), *tags.get("MH", ())],
            "language": tagged.first(tags, "LA"),
            "type": tagged.values(tags, "PT"),
            "volume": tagged.first(tags, "VI"),
            "issue": tagged.first(tags, "IP"),
            "pages": tagged.first(tags, "PG"),
            "is_retracted": "RIN" in tags,
            **tagged.unread(tags, _READ),
        },
    )
