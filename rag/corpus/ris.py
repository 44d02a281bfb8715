"""RIS, which Zotero, EndNote, Mendeley, Scopus, Embase, Web of Science and most publishers export."""

import re
from collections.abc import Iterator
from pathlib import Path

from rag.corpus import tagged, textfile
from rag.corpus.record import BrokenRecord, RawRecord
from rag.corpus.tagged import Tags

SUFFIXES: tuple[str, ...] = (".ris",)
NEEDS = "RIS: lines such as `TY  - JOUR`, `TI  - ...`, `AB  - ...`, `ER  -`"

_TAG = re.compile(r"(?P<tag>[A-Z][A-Z0-9]) {1,2}-(?: (?P<value>.*)|\s*)$")
_BEGIN = re.compile(r"^\s*TY {1,2}- ?\w", re.MULTILINE)
_READ_TAGS = (
    "TY ER TI T1 CT AB N2 AU A1 PY Y1 DA DO UR L1 L2 LK KW LA JO JF JA J1 J2 T2 BT M1 M3 AN C7 ID U1 VL IS SP EP PB"
)
_READ = frozenset(_READ_TAGS.split())
_PMID = re.compile(r"\bPMID:(\d{1,9})\b|(?:pmid|pubmed)\D{0,5}(\d{5,9})\b", re.IGNORECASE)
_OWN_ID = re.compile(r"Scholiast-ID: (\S+)")
_RETRACTED = re.compile(r"retracted publication|^retracted\b", re.IGNORECASE)


def recognises(head: str) -> bool:
    """By a line that begins a record."""
    return bool(_BEGIN.search(head[:5000]))


def read(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """The records in file order. One that does not end is broken: its abstract may be cut."""
    tags: Tags | None = None
    begin, last = 1, ""
    for number, line in enumerate(textfile.lines(path), start=1):
        found = _TAG.match(line.rstrip("\n"))
        if found and found["tag"] == "TY":
            if tags is not None:
                yield BrokenRecord(begin, "the record has no line `ER  -` at its end; export it again")
            tags, begin, last = {"TY": [(found["value"] or "").strip()]}, number, "TY"
        elif tags is None:
            if line.strip():
                yield BrokenRecord(number, f"{line.strip()[:40]!r} stands between records; one begins with `TY  -`")
        elif found and found["tag"] == "ER":
            yield RawRecord(begin, _fields(tags))
            tags = None
        elif found:
            last = found["tag"]
            tagged.add(tags, last, found["value"] or "")
        elif line.strip():
            tagged.go_on(tags, last, line)
    if tags is not None:
        yield BrokenRecord(begin, "the file ends inside this record; export it again")


def _fields(tags: Tags) -> dict[str, object]:
    notes = " ".join(value for tag in ("N1", "AN", "M1", "M2", "C7", "UR", "ID") for value in tags.get(tag, ()))
    pmid, own = _PMID.search(notes), _OWN_ID.search(notes)
    return {
        "title": tagged.first(tags, "TI", "T1", "CT"),
        "abstract": tagged.first(tags, "AB", "N2"),
        "authors": [*tagged.values(tags, "AU", "A1")],
        "year": tagged.first(tags, "PY", "Y1", "DA"),
        "venue": tagged.first(tags, "T2", "JF", "JO", "BT", "JA", "J2", "J1"),
        "doi": tagged.first(tags, "DO"),
        "pmid": pmid[1] or pmid[2] if pmid else None,
        "arxiv": next((number for number in tags.get("AN", ()) if number.lower().startswith("arxiv:")), None),
        "id": own[1] if own else None,
        "url": tagged.first(tags, "UR", "LK", "L2", "L1"),
        "keywords": tagged.values(tags, "KW"),
        "language": tagged.first(tags, "LA"),
        "volume": tagged.first(tags, "VL"),
        "issue": tagged.first(tags, "IS"),
        "first_page": tagged.first(tags, "SP"),
        "last_page": tagged.first(tags, "EP"),
        "article_number": next((number for number in tags.get("C7", ()) if not _PMID.search(number)), None),
        "publisher": tagged.first(tags, "PB"),
        "type": tagged.first(tags, "M3") or tagged.first(tags, "TY"),
        "is_retracted": any(
            _RETRACTED.search(value) for tag in ("M3", "N1", "KW", "U1") for value in tags.get(tag, ())
        ),
        **tagged.unread(tags, _READ),
    }
