"""The nouns of the product: frozen values that are safe to pass anywhere and are changed with `dataclasses.replace`.

The annotations on an Answer and its parts are its JSON and its OpenAPI schema (`rag/serialize.py`): a field is added
here, in one line, and nowhere else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, GetCoreSchemaHandler, PlainSerializer
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function

from rag.errors import RequestError

Outcome = Literal["answered", "partial", "not_in_abstracts", "out_of_scope", "empty_library"]
Verdict = Literal["supported", "partial", "unsupported", "contradicted"]

Effort = Literal["quick", "deep"]
"""How an answer is looked for: one search and one call of a model, or many of both."""

Score = Annotated[float, PlainSerializer(lambda value: round(value, 4), return_type=float)]
"""A number of which four digits are shown."""

ALL_FIELDS_SHOWN = ConfigDict(json_schema_serialization_defaults_required=True)
"""For the schema: JSON has every field, also those with a default."""

Internal = Field(exclude=True)
"""A field that no JSON has. A passage that was read from JSON has its default."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a record was read: the file, and the line (from 1) on which it begins."""

    path: str
    line: int


@dataclass(frozen=True, kw_only=True)
class PaperReference:
    """The few fields by which an answer names a paper. `retracted`: its record, title or abstract says so."""

    __pydantic_config__ = ALL_FIELDS_SHOWN

    id: str
    title: str
    url: str | None = None
    year: int | None = None
    authors: tuple[str, ...] = ()
    retracted: bool = False

    @property
    def suffix(self) -> str:
        """What stands behind the title, with a blank before it: the year, and that the paper is retracted."""
        facts = ([str(self.year)] if self.year else []) + (["retracted"] if self.retracted else [])
        return f" ({', '.join(facts)})" if facts else ""


_LATER_FIELDS = (
    "doi", "pmid", "arxiv_id", "keywords", "language", "publication_type", "raw_abstract", "ids", "volume", "issue",
    "pages", "publisher",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Paper(PaperReference):
    """A title and an abstract. `id` is the paper's own (arXiv, DOI, PMID, ...) or is made from its title.

    `abstract` is plain text; `raw_abstract` is the one that was read, where that had markup, entities or LaTeX.
    `doi`, `pmid` and `arxiv_id` are bare and in lower case, without a prefix or a version; `ids` are the others under
    which its records came, in the form of `id`. `pages` are such as `12-19`, or the number of an article.
    """

    abstract: str
    venue: str | None = None
    doi: str | None = None
    pmid: str | None = None
    arxiv_id: str | None = None
    keywords: tuple[str, ...] = ()
    language: str | None = None
    publication_type: str | None = None
    volume: str | None = None
    issue: str | None = None
    pages: str | None = None
    publisher: str | None = None
    raw_abstract: str | None = None
    ids: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def title_and_abstract(self) -> str:
        """Both as one text, to look for words in."""
        return f"{self.title}. {self.abstract}"

    @cached_property
    def content_hash(self) -> str:
        """Changes when anything a reader could notice changes; where the record was read does not count.

        A field that papers did not always have counts only where it has a value, so that older hashes stay true.
        """
        seen = (self.title, self.abstract, self.url, self.year, self.authors, self.venue)
        told = tuple((name, value) for name in _LATER_FIELDS if (value := getattr(self, name)))
        return sha256(repr((*seen, *(("retracted",) if self.retracted else ()), *told)).encode()).hexdigest()


class _ShownAsReference:
    """For pydantic: in JSON, and its schema, a paper is its reference; read from JSON, its abstract is empty."""

    def __get_pydantic_core_schema__(self, source: type[Paper], handler: GetCoreSchemaHandler) -> CoreSchema:
        reference = handler.generate_schema(PaperReference)
        return no_info_after_validator_function(lambda found: Paper(**vars(found), abstract=""), reference)


CitedPaper = Annotated[Paper, _ShownAsReference()]


@dataclass(frozen=True, kw_only=True)
class RejectedRecord:
    """A record that could not become a paper, and why; the rest of its file still goes in."""

    source: str
    line: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class IngestNote:
    """What was left out of a record that went in, such as a year that is none, or columns that nothing is read from."""

    source: str
    line: int
    text: str


Record = Paper | RejectedRecord | IngestNote
"""What reading a file yields: papers, what became none, and what was left out of some."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A slice of an abstract: `paper.abstract[start:end] == text`, always. Offsets count characters."""

    paper_id: str
    ordinal: int
    start: int
    end: int
    text: str

    @property
    def id(self) -> str:
        """Unique within a library."""
        return f"{self.paper_id}#{self.ordinal}"


@dataclass(frozen=True, kw_only=True)
class MergedRecord:
    """A record that became part of a paper with another one: the ids of both, where it was read, and why."""

    into: str
    record: str
    source: str
    line: int
    because: str


@dataclass(frozen=True, kw_only=True)
class IngestReport:
    """What an ingest did, and how much the library holds after it. A paper met twice counts as unchanged."""

    __pydantic_config__ = ALL_FIELDS_SHOWN

    library: str
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: tuple[RejectedRecord, ...] = ()
    more_rejected: Annotated[int, Field(exclude_if=lambda count: count == 0)] = 0  # besides those listed
    notes: Annotated[tuple[IngestNote, ...], Field(exclude_if=lambda notes: not notes)] = ()
    merged: Annotated[tuple[MergedRecord, ...], Field(exclude_if=lambda merged: not merged)] = ()
    papers: int = 0
    chunks: int = 0


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a question may be answered from. Years are inclusive, and a paper without one fails any bound on them; no
    paper ids means every paper, and so do no venues and no authors. A paper passes with any of several.

    A venue is given by words that stand side by side in its name, an author as a question would name them.
    """

    year_from: int | None = None
    year_to: int | None = None
    papers: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises RequestError for years that no paper can be of."""
        if self.year_from is not None and self.year_to is not None and self.year_from > self.year_to:
            raise RequestError(f"the years run from {self.year_from} to {self.year_to}; give the earlier one first")


EVERYTHING = Filters()
"""Every paper of a library."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, kw_only=True)
class PassageSentence:
    """A sentence of an abstract and its cosine similarity to the question: `paper.abstract[start:end] == text`.

    `said` of one on which the answer so far rests.
    """

    start: int
    end: int
    text: str
    similarity: float
    said: bool = False


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A stretch of an abstract found for a question.

    `number` is the mark `[n]` that cites it; passages of one paper share a number. `score` ranks it among the passages
    of the same question (0 to 1); `similarity` is the cosine of its best chunk, which compares across questions.
    `sentences` are its sentences in order; `paper.abstract[start:end] == text`. `notice` is what a reader should know
    of how it was found, such as that a reranker failed; empty when all went well.
    """

    number: int
    paper: CitedPaper
    text: str
    score: Score
    start: Annotated[int, Internal] = 0
    end: Annotated[int, Internal] = 0
    similarity: Annotated[float, Internal] = 0.0
    sentences: Annotated[tuple[PassageSentence, ...], Internal] = ()
    notice: Annotated[str, Internal] = ""


@dataclass(frozen=True, kw_only=True)
class Quote:
    """A sentence of a passage on which a sentence of an answer may rest."""

    passage: Passage
    sentence: PassageSentence


@dataclass(frozen=True, kw_only=True)
class Support:
    """Whether quotes support a claim; `reason` says in a few words which check decided."""

    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Citation:
    """One sentence of the answer resting on one quote: `paper.abstract[start:end] == quote`, always.

    `number` is that of a passage, `sentence` the index of the sentence.
    """

    number: int
    sentence: int
    paper: CitedPaper
    quote: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence of the answer, the passages it cites, and whether their words support it (checked lexically).

    `reason` says in a few words which check decided; empty where there was nothing to check.
    """

    __pydantic_config__ = ALL_FIELDS_SHOWN

    text: str
    citations: tuple[int, ...]
    support: Verdict
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class FurtherSentence(Sentence):
    """A statement of the abstracts beyond the answer proper, with the quotes it rests on.

    The `sentence` of each quote is the index of this statement among those of `Answer.more`.
    """

    quotes: tuple[Citation, ...]


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens that a model counted; zero where no model was asked.

    `cached_tokens` are those of the prompt that the provider had read before; `cost_usd` is by its list prices
    (`rag/data/prices.toml`), None where they are not known.
    """

    __pydantic_config__ = ALL_FIELDS_SHOWN

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: Annotated[int, Field(exclude_if=lambda count: count == 0)] = 0
    cost_usd: Annotated[float | None, Field(exclude_if=lambda cost: cost is None)] = None

    def __add__(self, other: "Usage") -> "Usage":
        """The tokens of both; the cost where that of all tokens is known."""
        if not other.total_tokens:
            return self
        if not self.total_tokens:
            return other
        known = self.cost_usd is not None and other.cost_usd is not None
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cost_usd=round((self.cost_usd or 0) + (other.cost_usd or 0), 8) if known else None,
        )

    @property
    def total_tokens(self) -> int:
        """Of prompts and completions."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a deep answer does next, in a sentence for its reader."""

    name: Literal["plan", "search", "grade", "search_again", "write"]
    text: str


@dataclass(frozen=True, kw_only=True)
class EvidenceRow:
    """How much a passage helps to answer a part of the question, 0 to 10, and a model's reason; of deep answers.

    `number` is that of the passage.
    """

    number: int
    part: str
    grade: float
    why: str


@dataclass(frozen=True, kw_only=True)
class GenerationInfo:
    """How a text was generated; a writer yields it after its last word.

    `model` is what really wrote it, `prompt` the version of the prompts (empty where no model was asked), and `notice`
    what a reader should know of the writing, such as that it was cut short; empty when all went well. `complete` is
    False when the text breaks off, or when the writer says that it leaves something unanswered.
    """

    model: str
    prompt: str = ""
    usage: Usage = field(default_factory=Usage)
    notice: str = ""
    complete: bool = True


@dataclass(frozen=True, kw_only=True)
class StandaloneQuery:
    """A follow-up that can be understood without its conversation.

    `question` is what is to be answered, `search` what is to be searched for, empty for small talk. `goes_on` says that
    the conversation is needed to understand it, `notice` how a misspelt word was read; `usage` is what a model took to
    rewrite.
    """

    question: str
    search: str
    goes_on: bool = False
    notice: str = ""
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What every door shows: the outcome, the text, and for each sentence the words that support it.

    `more` is what else the abstracts say, of an answer; of a question that they do not answer, their nearest
    statements. It is no part of `text`, and `sentences` and `citations` do not count it. `confidence` is the estimated
    probability that the passages answer the question. `prompt` is the version of the prompts that a model was given,
    `notice` what a reader should know of how the text was generated, such as that a model failed and the text is the
    abstracts' own sentences; each may be empty. `effort` is what was asked for, and `evidence` the table that a deep
    answer was written from, empty for others.
    """

    __pydantic_config__ = ALL_FIELDS_SHOWN

    id: str
    question: str
    standalone_question: str
    library: str
    outcome: Outcome
    text: str
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    confidence: Score
    model: str
    more: tuple[FurtherSentence, ...] = ()
    usage: Usage = field(default_factory=Usage)
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    prompt: str = ""
    notice: str = ""
    effort: Effort = "quick"
    evidence: tuple[EvidenceRow, ...] = ()

    @property
    def cited_papers(self) -> Mapping[int, Paper]:
        """The papers that the sentences cite, by number, in order; one cited for its fields alone has no quote."""
        numbers = {number for sentence in self.sentences for number in sentence.citations}
        papers = {passage.number: passage.paper for passage in self.passages if passage.number in numbers}
        papers |= {citation.number: citation.paper for citation in self.citations}
        return dict(sorted(papers.items()))

    def _repr_markdown_(self) -> str:
        """How a notebook shows it: the text, each cited paper with its quotes, then the further statements."""
        lines = [self.text.replace("<", "\\<")]
        for number, paper in self.cited_papers.items():
            cited = [citation for citation in self.citations if citation.number == number]
            title = f"[{_escaped(paper.title)}]({paper.url})" if paper.url else _escaped(paper.title)
            lines.append(f"**[{number}]** {title}{paper.suffix}")
            lines += [f"> {_escaped(quote)}" for quote in dict.fromkeys(citation.quote for citation in cited)]
        if self.more:
            items = [f"- {_escaped(statement.text)} [{statement.citations[0]}]" for statement in self.more]
            lines.append("\n".join(["*More from the abstracts*", "", *items]))
        return "\n\n".join(lines)


def _escaped(text: str) -> str:
    """On one line, and with nothing that Markdown or HTML would take as markup."""
    return re.sub(r"([\\`*_\[\]<>#|$])", r"\\\1", " ".join(text.split()))


class Span(NamedTuple):
    """Character offsets of a chunk or a sentence, without the blanks around it."""

    start: int
    end: int


Vectors = NDArray[np.float32]
"""One vector, shape (dimension,), or several, shape (n, dimension)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredPaper:
    """A paper with its chunks, its sentences and their vectors, as a library stores it.

    Offsets count characters of `paper.abstract`; row i of the vectors, shape (n, dimension), belongs to span i.
    """

    paper: Paper
    chunks: tuple[Span, ...]
    chunk_vectors: Vectors
    sentences: tuple[Span, ...]
    sentence_vectors: Vectors

    def text(self, span: Span) -> str:
        """The words of a chunk or a sentence."""
        return self.paper.abstract[span.start : span.end]


Probes = list[tuple[str, Vectors]]
"""Paper ids, each with the vector of one of its chunks, for trying whether an index finds them."""


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """How many chunks an index has; of the papers tried, how many it has, and how many a search by a vector of theirs
    reaches."""

    chunks: int
    tried: int
    found: int
    reached: int
