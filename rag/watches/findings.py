"""What a watch tells: a new paper with the sentence that matches, or that the answer to its question has changed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from rag.types import Answer, Outcome, Paper, PaperReference


@dataclass(frozen=True, kw_only=True)
class StandingAnswer:
    """What a watch remembers of an answer: its outcome, the sentence that leads it, and the papers that it cites."""

    answer: str
    outcome: Outcome
    sentence: str
    papers: tuple[PaperReference, ...]

    @classmethod
    def of(cls, answer: Answer) -> "StandingAnswer":
        """What is to be remembered of an answer."""
        lead = answer.sentences[0].text if answer.sentences else answer.text
        papers = tuple(reference(paper) for paper in answer.cited_papers.values())
        return cls(answer=answer.id, outcome=answer.outcome, sentence=lead, papers=papers)

    def says_the_same(self, other: "StandingAnswer") -> bool:
        """Whether both have the same outcome and cite the same papers; a model may word the same answer differently."""
        return self.outcome == other.outcome and self._cited == other._cited

    @property
    def _cited(self) -> set[str]:
        return {paper.id for paper in self.papers}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A new `paper`, with its `sentence` that matches and how well (0 to 1); or the answer `before` and `after`."""

    id: str
    paper: PaperReference | None = None
    sentence: str = ""
    relevance: float = 0.0
    before: StandingAnswer | None = None
    after: StandingAnswer | None = None
    found: str = ""
    """When, in UTC; empty until it is stored."""

    @property
    def subject(self) -> str:
        """What a watch tells only once."""
        return f"paper:{self.paper.id}" if self.paper else f"answer:{self.id}"


def new_id() -> str:
    """An id for a finding."""
    return f"fnd_{uuid4().hex}"


def reference(paper: Paper) -> PaperReference:
    """The few fields of a paper that a finding keeps."""
    return _reference(vars(paper))


def to_json(finding: Finding) -> dict[str, Any]:
    """The finding as every door shows it: of kind `paper` or `answer`."""
    kept = {"id": finding.id, "found": finding.found, "kind": "paper" if finding.paper else "answer"}
    if finding.paper:
        found = {"paper": asdict(finding.paper), "sentence": finding.sentence}
        return {**kept, **found, "relevance": round(finding.relevance, 4)}
    assert finding.before and finding.after
    return {**kept, "before": asdict(finding.before), "after": asdict(finding.after)}


def from_json(value: Mapping[str, Any]) -> Finding:
    """The finding of such an object."""
    shared = {"id": value["id"], "found": value["found"]}
    if value["kind"] == "paper":
        told = {"sentence": value["sentence"], "relevance": value["relevance"]}
        return Finding(**shared, **told, paper=_reference(value["paper"]))
    return Finding(**shared, before=standing_from_json(value["before"]), after=standing_from_json(value["after"]))


def standing_from_json(value: Mapping[str, Any]) -> StandingAnswer:
    """The remembered answer of an object that `asdict` made."""
    return StandingAnswer(**{**value, "papers": tuple(_reference(paper) for paper in value["papers"])})


def _reference(value: Mapping[str, Any]) -> PaperReference:
    fields = ("id", "title", "url", "year", "retracted")
    return PaperReference(**{name: value[name] for name in fields}, authors=tuple(value["authors"]))
