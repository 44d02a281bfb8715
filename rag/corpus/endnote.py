"""EndNote's XML, which Mendeley, Covidence, Rayyan and Zotero write too."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from rag.corpus import xmlfile
from rag.corpus.record import BrokenRecord, RawRecord

SUFFIXES: tuple[str, ...] = (".xml",)
NEEDS = "EndNote's XML: xml, records, record"


def recognises(head: str) -> bool:
    """By the first element, and that of the records."""
    return xmlfile.root(head) in ("xml", "records") and "<record>" in head


def read(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """The records in file order. Raises CorpusError for XML that is cut or not safe."""
    for line, record in xmlfile.elements(path, name, frozenset({"record"})):
        yield RawRecord(line, _fields(record))


def _fields(record: Element) -> dict[str, object]:
    def text(*paths: str) -> str | None:
        return next((found for path in paths if (found := xmlfile.text(record.find(path)).strip())), None)

    kind = record.find("ref-type")
    return {
        "title": text("titles/title"),
        "abstract": text("abstract"),
        "authors": [xmlfile.text(author) for author in record.findall("contributors/authors/author")],
        "year": text("dates/year", "dates/pub-dates/date"),
        "venue": text("titles/secondary-title", "periodical/full-title", "periodical/abbr-1"),
        "doi": text("electronic-resource-num"),
        "pmid": text("accession-num") if "pubmed" in (text("remote-database-name") or "").lower() else None,
        "url": text("urls/related-urls/url", "urls/web-urls/url"),
        "keywords": [xmlfile.text(keyword) for keyword in record.findall("keywords/keyword")],
        "language": text("language"),
        "volume": text("volume"),
        "issue": text("number"),
        "pages": text("pages"),
        "publisher": text("publisher"),
        "type": kind.get("name") if kind is not None else None,
    }
