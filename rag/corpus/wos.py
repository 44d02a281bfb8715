"""Web of Science's tagged text: two letters, then the value, and three blanks before each further line of it."""

import re
from collections.abc import Iterator
from pathlib import Path

from rag.corpus import tagged, textfile
from rag.corpus.record import BrokenRecord, RawRecord
from rag.corpus.tagged import Tags

SUFFIXES: tuple[str, ...] = (".ciw", ".isi", ".wos")
NEEDS = "Web of Science's plain text: lines such as `PT J`, `TI ...`, `AB ...`, `ER`"

_TAG = re.compile(r"(?P<tag>[A-Z][A-Z0-9])(?: (?P<value>.*)|\s*)$")
_BEGIN = re.compile(r"^(?:FN (?:Clarivate|Thomson|ISI)|PT [A-Z]\s*\n(?:AU|TI|AF) )", re.MULTILINE)
_ONE_A_LINE = frozenset({"AU", "AF", "CA", "C1", "CR", "EM", "RI", "OI"})
_READ_TAGS = "FN VR PT AU AF CA TI AB PY EA SO DI PM DE ID LA DT UT ER EF VL IS BP EP AR PU"
_READ = frozenset(_READ_TAGS.split())


def recognises(head: str) -> bool:
    """By the line that names the product, or the first lines of a record."""
    return bool(_BEGIN.search(head[:5000]))


def read(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """The records in file order. One that does not end is broken: its abstract may be cut."""
    tags: Tags = {}
    begin, last = 1, ""
    for number, line in enumerate(textfile.lines(path), start=1):
        found = _TAG.match(line.rstrip("\n"))
        if found is None:
            if line.strip() and tags:
                _continue(tags, last, line)
        elif found["tag"] == "ER":
            if "PT" in tags:
                yield RawRecord(begin, _fields(tags))
            tags = {}
        elif found["tag"] not in ("FN", "VR", "EF"):
            begin, last = (begin if tags else number), found["tag"]
            tagged.add(tags, last, found["value"] or "")
    if tags:
        yield BrokenRecord(begin, "the file ends inside this record; export it again")


def _continue(tags: Tags, tag: str, line: str) -> None:
    if tag in _ONE_A_LINE:
        tagged.add(tags, tag, line)
    else:
        tagged.go_on(tags, tag, line)


def _fields(tags: Tags) -> dict[str, object]:
    return {
        "title": tagged.first(tags, "TI"),
        "abstract": tagged.first(tags, "AB"),
        "authors": [*tagged.values(tags, "AF", "AU"), *tags.get("CA", ())],
        "year": tagged.first(tags, "PY", "EA"),
        "venue": tagged.first(tags, "SO"),
        "doi": tagged.first(tags, "DI"),
        "pmid": tagged.first(tags, "PM"),
        "keywords": "; ".join(tags.get("DE", []) + tags.get("ID", [])),
        "language": tagged.first(tags, "LA"),
        "type": tagged.first(tags, "DT"),
        "volume": tagged.first(tags, "VL"),
        "issue": tagged.first(tags, "IS"),
        "first_page": tagged.first(tags, "BP"),
        "last_page": tagged.first(tags, "EP"),
        "article_number": tagged.first(tags, "AR"),
        "publisher": tagged.first(tags, "PU"),
        **tagged.unread(tags, _READ),
    }
