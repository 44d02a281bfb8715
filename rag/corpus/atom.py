"""Atom feeds of papers, as arXiv's API gives them."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from rag.corpus import xmlfile
from rag.corpus.record import BrokenRecord, RawRecord

SUFFIXES: tuple[str, ...] = (".xml", ".atom")
NEEDS = "an Atom feed whose entries have a title and a summary, such as arXiv's"


def recognises(head: str) -> bool:
    """By the first element."""
    return xmlfile.root(head) in ("feed", "entry")


def read(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """The entries in file order. Raises CorpusError for XML that is cut or not safe."""
    for line, entry in xmlfile.elements(path, name, frozenset({"entry"})):
        yield RawRecord(line, _fields(entry))


def _fields(entry: Element) -> dict[str, object]:
    links = [link.get("href") for link in entry.findall("link") if link.get("rel", "alternate") == "alternate"]
    return {
        "id": xmlfile.text(entry.find("id")),
        "title": xmlfile.text(entry.find("title")),
        "abstract": xmlfile.text(entry.find("summary")),
        "authors": [xmlfile.text(person.find("name")) for person in entry.findall("author")],
        "year": xmlfile.text(entry.find("published")),
        "venue": xmlfile.text(entry.find("journal_ref")),
        "doi": xmlfile.text(entry.find("doi")),
        "url": next(filter(None, links), None),
        "keywords": [category.get("term", "") for category in entry.findall("category")],
    }
