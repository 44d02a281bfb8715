"""Flattens the nested records of scholarly indexes (OpenAlex, Semantic Scholar, Europe PMC, ...) to plain fields."""

import re
from collections.abc import Callable, Mapping, Sequence

from rag.corpus.abstracts import labelled
from rag.corpus.fields import at, each

_Fields = Mapping[str, object]
_MAX_WORDS = 50_000
RETRACTIONS = frozenset({"retraction", "withdrawal", "removal"})
"""What Crossref calls the updates that take a work back."""

_PLACE_IN_EMBASE = re.compile(
    r"\(\d{4}\) (?P<volume>[^:\s()]{1,20})(?::(?P<issue>[^\s()]{1,20}))?(?: \((?P<pages>[^()]{1,40})\))?"
)
_NO_FIELDS_OF_CSL = frozenset({"id", "published", "citation-key", "custom"})


def flatten(record: _Fields) -> _Fields:
    """The record with its fields at the top; a record of no known shape is returned as it is."""
    for marks, shape in _SHAPES:
        if any(mark in record for mark in marks):
            return shape(record)
    return record


def _openalex(work: _Fields) -> _Fields:
    """https://docs.openalex.org/api-entities/works/work-object"""
    ids = at(work, "ids")
    location = at(work, "primary_location") or at(work, "host_venue")
    return {
        "title": work.get("title") or work.get("display_name"),
        "abstract": work.get("abstract") or _in_order(work.get("abstract_inverted_index")),
        "doi": work.get("doi") or at(ids, "doi"),
        "pmid": at(ids, "pmid"),
        "id": None if work.get("doi") or at(ids, "pmid") else work.get("id"),
        "authors": [
            at(entry, "author", "display_name") or entry.get("raw_author_name")
            for entry in each(work.get("authorships"))
        ],
        "venue": at(location, "source", "display_name") or at(location, "display_name"),
        "year": work.get("publication_year") or work.get("publication_date"),
        "url": at(location, "landing_page_url") or work.get("doi") or work.get("id"),
        "keywords": work.get("keywords"),
        "language": work.get("language"),
        "type": work.get("type"),
        "volume": at(work, "biblio", "volume"),
        "issue": at(work, "biblio", "issue"),
        "first_page": at(work, "biblio", "first_page"),
        "last_page": at(work, "biblio", "last_page"),
        "publisher": at(location, "source", "host_organization_name"),
        "is_retracted": work.get("is_retracted"),
    }


def _in_order(index: object) -> str | None:
    """The text of an inverted index, `{word: [positions]}`."""
    if not isinstance(index, Mapping):
        return None
    placed = {
        place: str(word)
        for word, places in index.items()
        if isinstance(places, Sequence)
        for place in places
        if isinstance(place, int) and place < _MAX_WORDS
    }
    return " ".join(placed[place] for place in sorted(placed))


def _semantic_scholar(paper: _Fields) -> _Fields:
    """https://api.semanticscholar.org/api-docs/; the bulk files write the names in lower case."""
    external = paper.get("externalIds") or paper.get("externalids")
    ids = {str(kind).lower(): value for kind, value in external.items()} if isinstance(external, Mapping) else {}
    known = {
        "doi": ids.get("doi") or paper.get("doi"),
        "arxiv": ids.get("arxiv"),
        "pmid": ids.get("pubmed") or paper.get("pmid"),
    }
    own = None if any(known.values()) else paper.get("paperId") or paper.get("corpusid") or paper.get("id")
    journal = paper.get("journal")
    venue = paper.get("venue") or at(journal, "name") or (journal if isinstance(journal, str) else None)
    dropped = {"externalIds", "externalids", "journal", "paperId", "corpusid", "corpusId"}
    kept = {name: value for name, value in paper.items() if name not in dropped}
    place = {"volume": at(journal, "volume"), "pages": at(journal, "pages")} if isinstance(journal, Mapping) else {}
    return {**kept, **known, **place, "id": own, "venue": venue}


def _europe_pmc(result: _Fields) -> _Fields:
    """https://europepmc.org/RestfulWebService, `resultType=core` or `lite`."""
    people = at(result, "authorList", "author")
    return {
        "title": result.get("title"),
        "abstract": result.get("abstractText"),
        "doi": result.get("doi"),
        "pmid": result.get("pmid"),
        "id": None if result.get("doi") or result.get("pmid") else result.get("id"),
        "authors": [_european(person) for person in each(people)] or str(result.get("authorString") or "").rstrip("."),
        "venue": at(result, "journalInfo", "journal", "title")
        or result.get("journalTitle")
        or at(result, "bookOrReportDetails", "publisher"),
        "volume": at(result, "journalInfo", "volume") or result.get("journalVolume"),
        "issue": at(result, "journalInfo", "issue") or result.get("issue"),
        "pages": result.get("pageInfo"),
        "publisher": at(result, "bookOrReportDetails", "publisher"),
        "year": result.get("pubYear") or result.get("firstPublicationDate"),
        "keywords": at(result, "keywordList", "keyword"),
        "language": result.get("language"),
        "type": at(result, "pubTypeList", "pubType") or result.get("pubType"),
    }


def _european(person: _Fields) -> object:
    if person.get("firstName") and person.get("lastName"):
        return f"{person['firstName']} {person['lastName']}"
    return person.get("fullName") or person.get("collectiveName") or ""


def _lens(work: _Fields) -> _Fields:
    """https://docs.api.lens.org/response-scholar.html"""
    ids = {str(entry.get("type")): entry.get("value") for entry in each(work.get("external_ids"))}
    known = {"doi": ids.get("doi"), "pmid": ids.get("pmid"), "arxiv": ids.get("arxiv")}
    return {
        "title": work.get("title"),
        "abstract": work.get("abstract"),
        **known,
        "id": None if any(known.values()) else work.get("lens_id"),
        "authors": work.get("authors"),
        "venue": at(work, "source", "title"),
        "volume": work.get("volume"),
        "issue": work.get("issue"),
        "first_page": work.get("start_page"),
        "last_page": work.get("end_page"),
        "publisher": at(work, "source", "publisher"),
        "year": work.get("year_published") or work.get("date_published"),
        "url": next((entry.get("url") for entry in each(work.get("source_urls"))), None),
        "keywords": work.get("keywords"),
        "language": work.get("languages"),
        "type": work.get("publication_type"),
        "is_retracted": bool(work.get("retraction_update")),
    }


def of_crossref(item: _Fields) -> _Fields:
    """CSL-JSON (https://docs.citationstyles.org) and Crossref's works, which resemble it; a cite key is no id."""
    updates = {str(entry.get("type")) for entry in each(item.get("updated-by"))}
    dated = ("issued", "published", "published-print", "published-online")
    number, ours = str(item.get("number") or ""), item.get("custom")
    return {
        **{name: value for name, value in item.items() if name not in _NO_FIELDS_OF_CSL},
        "id": at(ours, "scholiast_id"),
        "type": at(ours, "publication_type") or item.get("type"),
        "arxiv": number if number.lower().startswith("arxiv:") else None,
        "year": next((item[name] for name in dated if at(item.get(name), "date-parts")), None),
        "is_retracted": bool(updates & RETRACTIONS) or at(ours, "retracted") is True,
    }


def _zotero(entry: _Fields) -> _Fields:
    """An item of Zotero's own JSON; its key is no id."""
    item = entry.get("data") if isinstance(entry.get("data"), Mapping) else entry
    assert isinstance(item, Mapping)
    authors = [person for person in each(item.get("creators")) if person.get("creatorType", "author") == "author"]
    return {**{name: value for name, value in item.items() if name != "creators"}, "authors": authors}


def _embase(row: _Fields) -> _Fields:
    """Embase's CSV, whose source is a line: `J Mar (2021) 3:3 (1-9). Date of Publication: 2 Mar 2021`."""
    source = str(row.get("Source") or row.get("SOURCE") or "")
    kept = {name: value for name, value in row.items() if name not in {"Source", "SOURCE"}}
    place = found.groupdict() if (found := _PLACE_IN_EMBASE.search(source)) else {}
    journal = row.get("Source Title") or row.get("Source title") or source.partition(" (")[0]
    return {**place, **kept, "journal": journal}


def _pubmed_qa(record: _Fields) -> _Fields:
    """PubMedQA: the question is the title of the paper, the contexts are its abstract without the conclusion."""
    labels, contexts = record.get("LABELS"), record.get("CONTEXTS")
    if not isinstance(contexts, list):
        return {**record, "title": record.get("QUESTION")}
    names = labels if isinstance(labels, list) and len(labels) == len(contexts) else [""] * len(contexts)
    sections = [(str(label), str(text)) for label, text in zip(names, contexts, strict=True)]
    if record.get("LONG_ANSWER"):
        sections.append(("CONCLUSIONS" if labels else "", str(record["LONG_ANSWER"])))
    return {
        "title": record.get("QUESTION"),
        "abstract": labelled(sections),
        "pmid": record.get("id"),
        "year": record.get("YEAR"),
        "mesh": record.get("MESHES"),
    }


_SHAPES: tuple[tuple[tuple[str, ...], Callable[[_Fields], _Fields]], ...] = (
    (("abstract_inverted_index", "authorships", "host_venue"), _openalex),
    (("externalIds", "externalids", "paperId", "corpusid", "paperAbstract"), _semantic_scholar),
    (("abstractText", "authorString", "pubTypeList"), _europe_pmc),
    (("lens_id",), _lens),
    (("container-title", "issued", "date-parts", "is-referenced-by-count", "citation-key"), of_crossref),
    (("abstractNote", "itemType"), _zotero),
    (("Author Names", "AUTHOR NAMES"), _embase),
    (("QUESTION",), _pubmed_qa),
)
"""Keys of which any marks a shape, in the order in which they are looked for."""
