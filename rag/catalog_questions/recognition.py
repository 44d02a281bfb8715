"""Whether a question is one that the catalog answers, read off its wording; the patterns are in `rag/data`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rag.text.analysis import content_stems
from rag.text.vocabulary import pattern

Kind = Literal[
    "library", "library_size", "library_years", "library_authors", "library_venues",
    "count", "per_year", "since", "newest", "oldest", "peak", "most_author", "most_venue", "extreme",
    "fields", "code", "reading", "negation",
]  # fmt: skip
Field = Literal["authors", "year", "venue", "identifier", "link"]

ABOUT_LIBRARY: tuple[Kind, ...] = ("library_size", "library_years", "library_authors", "library_venues", "library")
_FIELDS: tuple[Field, ...] = ("authors", "year", "venue", "identifier", "link")
_ALSO: Mapping[str, Field] = {"also_authors": "authors", "also_year": "year", "also_venue": "venue"}
_QUOTED = re.compile(r"[\"“”«»„']+")
_MOST_TOPIC_WORDS = 14


@dataclass(frozen=True, kw_only=True)
class CatalogQuestion:
    """A question of one kind.

    `topic` is what its papers are about (empty for all papers) or, of fields and code, the description of one paper.
    `extreme` and `measure` are of a question for the highest or lowest number, `condition` is what a negation denies;
    `several` says that more than one paper is asked for.
    """

    kind: Kind
    topic: str = ""
    fields: tuple[Field, ...] = ()
    extreme: str = ""
    measure: str = ""
    condition: str = ""
    several: bool = False


def recognise(question: str) -> CatalogQuestion | None:
    """What the catalog is asked for; None for any other question."""
    whole = pattern("question.continuation").sub("", " ".join(question.split()).strip(" ?!.")).lstrip(" ,")
    bare = pattern("catalog.asking").sub("", whole)
    return (
        _about_library(whole)
        or _about_many(whole)
        or _about_many(bare)
        or _about_one(whole)
        or _about_one(bare)
        or _reading(whole)
        or _reading(bare)
        or _negation(whole)
    )


def asks_for_any(question: str) -> bool:
    """Whether it asks for papers and names nothing that they are about."""
    return pattern("catalog.any_papers").match(question.strip()) is not None


def _about_library(text: str) -> CatalogQuestion | None:
    kind = next((kind for kind in ABOUT_LIBRARY if pattern(f"catalog.{kind}").match(text)), None)
    return CatalogQuestion(kind=kind) if kind else None


def _about_many(text: str) -> CatalogQuestion | None:
    """Counts, first and last papers, and what has most."""
    yearly = pattern("catalog.per_year").sub(" ", text)
    kinds: tuple[Kind, ...] = ("peak", "most_author", "most_venue", "count", "newest", "oldest")
    for kind in kinds:
        if found := pattern(f"catalog.{kind}").match(yearly):
            topic = _topic_around(found)
            if topic is not None:
                kind = "per_year" if kind == "count" and yearly != text else kind
                return CatalogQuestion(kind=kind, topic=topic, several=_is_plural(text))
    if yearly != text and (found := pattern("catalog.papers_first").match(yearly)):
        topic = _clause(found[1])
        return None if topic is None else CatalogQuestion(kind="per_year", topic=topic)
    if found := pattern("catalog.since").match(text):
        topic = _tidy(pattern("catalog.since_words").sub(" ", " ".join(filter(None, found.groups()))))
        return CatalogQuestion(kind="since", topic=topic) if topic else None
    if (found := pattern("catalog.extreme").match(text)) and pattern("question.metric").search(found[2]):
        return CatalogQuestion(
            kind="extreme", topic=_tidy(found[3]), extreme=found[1].lower(), measure=found[2].strip()
        )
    return None


def _about_one(text: str) -> CatalogQuestion | None:
    """Fields of one paper, and its code."""
    if found := pattern("catalog.code").match(text):
        return CatalogQuestion(kind="code", topic=_first_group(found))
    first, fields = text, []
    for name, also in _ALSO.items():
        if (shorter := pattern(f"catalog.{name}").sub("", first)) != first:
            first = shorter
            fields.append(also)
    for field in _FIELDS:
        if found := pattern(f"catalog.{field}").match(first):
            topic = " ".join(part.strip() for part in found.groups() if part)
            return CatalogQuestion(kind="fields", topic=topic, fields=tuple(dict.fromkeys((field, *fields))))
    return None


def _reading(text: str) -> CatalogQuestion | None:
    found = pattern("catalog.reading").match(text)
    topic = _tidy(_first_group(found)) if found else ""
    return CatalogQuestion(kind="reading", topic=topic) if topic else None


def _negation(text: str) -> CatalogQuestion | None:
    found = pattern("catalog.negation").search(text)
    if not found or not pattern("catalog.several").search(text):
        return None
    if pattern("question.pair").search(text) or pattern("catalog.content_question").search(text):
        return None
    condition, _, rest = _first_group(found).partition(",")
    topic = pattern("catalog.list_words").sub(" ", f"{text[: found.start()]} {rest} {text[found.end() :]}")
    return CatalogQuestion(kind="negation", topic=" ".join(topic.split()).strip(" ,"), condition=condition.strip())


def _topic_around(found: re.Match[str]) -> str | None:
    """The topic behind the papers, or before them: "papers on sleep", "sleep papers"."""
    said = [group.strip() for group in found.groups() if group is not None]
    topic = _clause(" ".join(said))
    if topic is not None or len(said) == 1:
        return topic
    kind = " ".join(pattern("catalog.any_kind").sub(" ", said[0]).split())
    topic = _clause(said[1])
    return topic if topic is None or not content_stems(kind) else f"{kind} {topic}".strip()


def _clause(text: str) -> str | None:
    """The topic of what follows papers: " are there about bees"; empty for nothing, None for another statement."""
    found = pattern("catalog.papers_clause").match(f" {text.strip()}" if text.strip() else "")
    if not found:
        return None
    topic = _tidy(_first_group(found))
    if pattern("catalog.comparator").search(topic) or len(topic.split()) > _MOST_TOPIC_WORDS:
        return None
    return None if _first_group(found) and not content_stems(topic) else topic


def _tidy(topic: str) -> str:
    shorter = pattern("catalog.topic_end").sub("", topic)
    return _QUOTED.sub("", shorter).strip(" ,;:")


def _first_group(found: re.Match[str]) -> str:
    return next((part for part in found.groups() if part), "").strip()


def _is_plural(text: str) -> bool:
    return pattern("catalog.plural").search(text) is not None
