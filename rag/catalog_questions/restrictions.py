"""Years, authors and venues that a question for several papers names: they restrict it as filters do."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rag import question as questions
from rag.catalog_questions.composition import in_print, joined, years_of
from rag.catalog_questions.recognition import asks_for_any, recognise
from rag.library.catalog import Byline
from rag.library.library import Library
from rag.text.names import is_same_person, is_same_venue
from rag.text.vocabulary import pattern
from rag.types import EVERYTHING, Filters

_NAMES_JOINED = re.compile(r",? and | & |, ?")
_LAST_YEAR_OF_DECADE = 9


@dataclass(frozen=True, kw_only=True)
class Restriction:
    """A question without what restricts it, the filters that take its place, and what the reader is told of them.

    `missing` says that no paper can pass, and why; empty where some do. Without a restriction `notice` is empty.
    """

    question: str
    filters: Filters
    notice: str = ""
    missing: str = ""


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One thing that restricts: the question without it, what it asks for, and how it is told."""

    question: str
    told: str
    behind_kinds: bool
    first: int | None = None
    last: int | None = None


async def restricted(question: str, library: Library, filters: Filters = EVERYTHING) -> Restriction:
    """The question as it is where it names none, or is about what one paper says: a year there is content."""
    unchanged = Restriction(question=question, filters=filters)
    parts = _years(question)
    rest = parts[-1].question if parts else question
    names = [
        name for name in ("author", "author_before", "author_at_end", "venue", "published_in") if _named(name, rest)
    ]
    for_papers = any(part.behind_kinds for part in parts) or _is_for_papers(rest, names)
    if not (parts or names) or not for_papers:
        return unchanged
    told = [part.told for part in parts]
    ids: set[str] | None = None
    for name in names:
        found = _named(name, rest)
        by = _Byline.of(name, found) if found else None
        if found is None or by is None:
            continue
        matched = {line.id for line in await library.bylines(by.matches)}
        if not matched and not _directly_named(name, rest, found):
            continue
        shorter = f"{rest[: found.start()]}{by.instead}{rest[found.end() :]}"
        rest = " ".join(shorter.split())
        if not matched:
            return replace(unchanged, question=rest, missing=by.missing)
        ids = matched if ids is None else ids & matched
        told.append(by.told)
    if not told:
        return unchanged
    return await _narrowed(rest, library, filters, parts, ids, told)


async def _narrowed(
    question: str, library: Library, filters: Filters, parts: Sequence[_Part], ids: set[str] | None, told: Sequence[str]
) -> Restriction:
    firsts = [year for year in (filters.year_from, *(part.first for part in parts)) if year is not None]
    lasts = [year for year in (filters.year_to, *(part.last for part in parts)) if year is not None]
    first, last = max(firsts, default=None), min(lasts, default=None)
    if ids is not None and filters.papers:
        ids &= set(filters.papers)
    years = await library.years()
    named = joined(list(told))
    none = Restriction(question=question, filters=filters, missing=f"No paper in this library is {named}{_has(years)}.")
    if ids == set() or (first is not None and last is not None and first > last):
        return none
    papers = tuple(sorted(ids)) if ids is not None else filters.papers
    narrower = replace(filters, year_from=first, year_to=last, papers=papers)
    allowed = await library.allowed(narrower)
    passing = len(years) if allowed is None else sum(id in years for id in allowed)
    if not passing:
        return none
    notice = f"Only papers {named} are considered ({passing:,} of {len(years):,})."
    return Restriction(question=question, filters=narrower, notice=notice)


def _has(years: dict[str, int | None]) -> str:
    known = years_of(years.values())
    return f"; the years it knows are {known}" if known else "; it does not hold the years of its papers"


def _is_for_papers(question: str, names: Sequence[str]) -> bool:
    """Whether the question, without its years, asks for papers, for counts of them, or for what is there."""
    if "author_before" in names or asks_for_any(question) or pattern("catalog.several_papers").search(question):
        return True
    asked = recognise(question)
    if asked is not None:
        return asked.kind not in ("fields", "code")
    return questions.analyse(question).shape == "list" or pattern("catalog.counted_papers").search(question) is not None


def _years(question: str) -> list[_Part]:
    """The years that it names, one after the other; each `question` is without those before it too."""
    parts: list[_Part] = []
    for name, read in _READ.items():
        found = pattern(f"restriction.{name}").search(question)
        if found:
            first, last, told = read([int(group) for group in found.groups() if group])
            before = question[: found.start()]
            behind = pattern("restriction.behind_kinds").search(before) is not None
            question = " ".join(f"{before} {question[found.end() :]}".split())
            parts.append(_Part(question=question, told=told, behind_kinds=behind, first=first, last=last))
    return parts


_Years = tuple[int | None, int | None, str]
_READ: dict[str, Callable[[list[int]], _Years]] = {
    "between": lambda y: (min(y), max(y), f"from {min(y)} to {max(y)}"),
    "since": lambda y: (y[0], None, f"from {y[0]} or later"),
    "after": lambda y: (y[0] + 1, None, f"from after {y[0]}"),
    "until": lambda y: (None, y[0], f"from {y[0]} or earlier"),
    "before": lambda y: (None, y[0] - 1, f"from before {y[0]}"),
    "decade": lambda y: (y[0] * 10, y[0] * 10 + _LAST_YEAR_OF_DECADE, f"from the {y[0]}0s"),
    "of_year": lambda y: (y[0], y[0], f"from {y[0]}"),
}
"""How each way of naming years is read: the first and the last year, and how the reader is told."""


def _named(name: str, question: str) -> re.Match[str] | None:
    return pattern(f"restriction.{name}").search(question)


def _directly_named(name: str, question: str, found: re.Match[str]) -> bool:
    """Whether it can only mean an author or a venue: right behind the papers, or behind "published in"."""
    if name == "published_in":
        return True
    return name == "author" and pattern("restriction.papers_before").search(question[: found.start()]) is not None


@dataclass(frozen=True, kw_only=True)
class _Byline:
    """Authors or a venue, as the question names them, and the words that take their place in the question."""

    authors: tuple[str, ...] = ()
    venue: str = ""
    instead: str = " "

    @classmethod
    def of(cls, name: str, found: re.Match[str]) -> "_Byline":
        """Read from what a pattern of restrictions has found."""
        said = next(group for group in found.groups() if group)
        if name in ("venue", "published_in"):
            return cls(venue=said)
        authors = tuple(part for part in _NAMES_JOINED.split(said) if part.strip())
        return cls(authors=authors, instead=" papers " if name == "author_before" else " ")

    def matches(self, line: Byline) -> bool:
        """Whether all the authors, or the venue, are those of the paper."""
        if self.venue:
            return is_same_venue(self.venue, line.venue)
        return all(any(is_same_person(said, name) for name in line.authors) for said in self.authors)

    @property
    def told(self) -> str:
        """As the reader is told."""
        return f"in {in_print(self.venue)}" if self.venue else f"by {joined([in_print(name) for name in self.authors])}"

    @property
    def missing(self) -> str:
        """That there is no such paper."""
        if self.venue:
            return f"No paper in this library has the venue {in_print(self.venue)}."
        plural = "authors" if len(self.authors) > 1 else "an author"
        return f"No paper in this library has {plural} named {joined([in_print(name) for name in self.authors])}."
