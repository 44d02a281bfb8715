"""PubMed's XML (efetch, and the yearly files of MEDLINE): articles with labelled sections."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from rag.corpus import xmlfile
from rag.corpus.abstracts import labelled
from rag.corpus.record import BrokenRecord, RawRecord

SUFFIXES: tuple[str, ...] = (".xml",)
NEEDS = "PubMed's XML: PubmedArticleSet"

_ROOTS = frozenset({"PubmedArticleSet", "PubmedArticle", "MedlineCitationSet"})
_ARTICLES = frozenset({"PubmedArticle", "PubmedBookArticle"})
_OWN_DOI = tuple(f"{data}/ArticleIdList/ArticleId[@IdType='doi']" for data in ("PubmedData", "PubmedBookData"))
_YEAR = re.compile(r"[12]\d{3}")


def recognises(head: str) -> bool:
    """By the first element."""
    return xmlfile.root(head) in _ROOTS


def read(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """The articles in file order. Raises CorpusError for XML that is cut or not safe."""
    for line, article in xmlfile.elements(path, name, _ARTICLES):
        yield RawRecord(line, _fields(article))


def _fields(article: Element) -> dict[str, object]:
    return {
        "title": xmlfile.text(_first(article, ".//ArticleTitle", ".//BookTitle", ".//VernacularTitle")),
        "abstract": _abstract(article),
        "authors": [_author(person) for person in article.findall(".//AuthorList/Author")],
        "year": _year(article),
        "venue": xmlfile.text(
            _first(article, ".//Journal/Title", ".//Journal/ISOAbbreviation", ".//Publisher/PublisherName")
        ),
        "volume": xmlfile.text(article.find(".//JournalIssue/Volume")),
        "issue": xmlfile.text(article.find(".//JournalIssue/Issue")),
        "pages": xmlfile.text(article.find(".//Pagination/MedlinePgn")),
        "first_page": xmlfile.text(article.find(".//Pagination/StartPage")),
        "last_page": xmlfile.text(article.find(".//Pagination/EndPage")),
        "publisher": xmlfile.text(article.find(".//Publisher/PublisherName")),
        "pmid": xmlfile.text(article.find(".//PMID")),
        "doi": _doi(article),
        "language": xmlfile.text(article.find(".//Language")),
        "type": [xmlfile.text(kind) for kind in article.findall(".//PublicationType")],
        "keywords": [
            xmlfile.text(word)
            for path in (".//KeywordList/Keyword", ".//MeshHeading/DescriptorName")
            for word in article.findall(path)
        ],
        "is_retracted": article.find(".//CommentsCorrections[@RefType='RetractionIn']") is not None,
    }


def _first(article: Element, *paths: str) -> Element | None:
    return next((found for path in paths if (found := article.find(path)) is not None and xmlfile.text(found)), None)


def _abstract(article: Element) -> str:
    """The sections of the first abstract; others (in other languages, for patients) are `OtherAbstract`."""
    abstract = article.find(".//Abstract")
    sections = [] if abstract is None else abstract.findall("AbstractText")
    return labelled([(section.get("Label", ""), xmlfile.text(section).strip()) for section in sections])


def _author(person: Element) -> str:
    name = [xmlfile.text(person.find(part)) for part in ("ForeName", "LastName", "Suffix")]
    name[0] = name[0] or xmlfile.text(person.find("Initials"))
    return " ".join(filter(None, name)) or xmlfile.text(person.find("CollectiveName"))


def _year(article: Element) -> str | None:
    dates = (".//JournalIssue/PubDate", ".//Book/PubDate", ".//ArticleDate", ".//PubMedPubDate")
    texts = (" ".join(date.itertext()) for path in dates if (date := article.find(path)) is not None)
    return next((found[0] for text in texts if (found := _YEAR.search(text))), None)


def _doi(article: Element) -> str | None:
    """The article's own; its references have DOIs too."""
    paths = (".//Article/ELocationID[@EIdType='doi']", *_OWN_DOI)
    return next((xmlfile.text(found) for path in paths if (found := article.find(path)) is not None), None)
