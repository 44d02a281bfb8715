"""Pydantic models of HTTP: request bodies are validated by them, response bodies only described in OpenAPI."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from rag.engine import MAX_QUESTION_CHARACTERS, MAX_TOP_K, TOP_K
from rag.history.answers import MAX_COMMENT, MAX_TURNS, FeedbackVerdict
from rag.types import Filters, Outcome, Support, Turn

_QUESTION = "How much faster is decoding with Hydra heads than with Medusa?"


def _check_unicode(text: str) -> str:
    """JSON can spell half of a surrogate pair, which is no character and can't be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        place = {"place": error.start}
        raise PydanticCustomError("half_surrogate", "Character {place} is half of a surrogate pair", place) from error
    return text


Text = Annotated[str, AfterValidator(_check_unicode)]
UserName = Annotated[str, Field(max_length=200), AfterValidator(_check_unicode)]
LibraryName = Annotated[Text | None, Field(description="`default` unless given; while that is empty, the demo's.")]
TopK = Annotated[int, Field(description=f"How many papers to answer from, 1 to {MAX_TOP_K}.")]
ModelName = Annotated[Text | None, Field(description="What writes the answer; the service's default unless given.")]
StreamFlag = Annotated[bool | None, Field(description="Server-sent events instead of one object.")]


class RequestBody(BaseModel):
    """Base of request bodies: types are not converted, and unknown fields are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")


class HistoryMessage(RequestBody):
    """One message of the conversation so far."""

    role: Literal["user", "assistant"]
    content: Text


class QuestionFilters(RequestBody):
    """Which papers may be used. Years are inclusive; a paper without a year fails any bound on it."""

    year_from: int | None = Field(default=None, ge=0, le=9999)
    year_to: int | None = Field(default=None, ge=0, le=9999)
    papers: list[Text] | None = Field(default=None, description="Ids of papers; none or an empty list is every paper.")

    model_config = ConfigDict(extra="forbid")  # to ignore a filter would let other papers in

    def to_filters(self) -> Filters:
        """The engine's own type."""
        return Filters(year_from=self.year_from, year_to=self.year_to, papers=tuple(self.papers or ()))


class QuestionRequest(RequestBody):
    """A question, and how to answer it."""

    question: Text = Field(
        description=f"Up to {MAX_QUESTION_CHARACTERS:,} characters; more is refused.", examples=[_QUESTION]
    )
    library: LibraryName = None
    history: list[HistoryMessage] | None = Field(
        default=None, description=f"The conversation before it, oldest first; the last {MAX_TURNS} messages count."
    )
    top_k: TopK = TOP_K
    filters: QuestionFilters | None = None
    model: ModelName = None
    stream: StreamFlag = False

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"question": _QUESTION},
                {"question": _QUESTION, "filters": {"year_from": 2024}, "stream": True},
            ]
        }
    )

    def turns(self) -> tuple[Turn, ...]:
        """The history as the engine's own type."""
        return tuple(Turn(role=message.role, content=message.content) for message in self.history or ())

    def to_filters(self) -> Filters:
        """The filters as the engine's own type; without any, every paper."""
        return (self.filters or QuestionFilters()).to_filters()


class FeedbackRequest(RequestBody):
    """Feedback on an answer."""

    verdict: FeedbackVerdict
    comment: Text | None = Field(default=None, description=f"Up to {MAX_COMMENT:,} characters.")
    user: UserName | None = Field(
        default=None, description="Who gives it, where several users share a key; each has one verdict."
    )


class PaperReference(BaseModel):
    """How an answer names a paper."""

    id: str
    title: str
    url: str | None
    year: int | None
    authors: list[str]


class SourceBody(BaseModel):
    """Where a record was read."""

    path: str
    line: int


class PaperBody(PaperReference):
    """A paper."""

    abstract: str
    venue: str | None
    sources: list[SourceBody]


class SentenceBody(BaseModel):
    """A sentence of the answer, the numbers it cites, and whether the cited words bear it out (checked lexically)."""

    text: str
    citations: list[int]
    support: Support


class CitationBody(BaseModel):
    """One sentence resting on one quote: characters `start` to `end` of the paper's abstract are the quote, always."""

    number: int
    sentence: int = Field(description="Index in `sentences`.")
    paper: PaperReference
    quote: str
    start: int
    end: int


class PassageBody(BaseModel):
    """What was shown to the writer under a number."""

    number: int
    paper: PaperReference
    text: str
    score: float


class UsageBody(BaseModel):
    """Tokens that a model counted."""

    prompt_tokens: int
    completion_tokens: int


class AnswerBody(BaseModel):
    """An answer: the same object at every door."""

    id: str
    question: str
    standalone_question: str
    library: str
    outcome: Outcome
    text: str
    sentences: list[SentenceBody]
    citations: list[CitationBody]
    passages: list[PassageBody]
    confidence: float
    model: str
    usage: UsageBody
    timings_ms: dict[str, float]
    prompt: str = Field(description="Version of the prompts that a model was given; empty where none was asked.")
    notice: str = Field(description="What to know of how the text came about, such as that a model failed; else empty.")


class Result(BaseModel):
    """A ranked paper; the snippet is its sentence that matched best."""

    rank: int
    score: float
    paper: PaperBody
    snippet: str


class Results(BaseModel):
    """Papers, best first."""

    results: list[Result]


class RejectedBody(BaseModel):
    """A record that could not become a paper."""

    source: str
    line: int
    reason: str


class Report(BaseModel):
    """What an ingest did, and how much the library holds after it."""

    library: str
    added: int
    updated: int
    unchanged: int
    rejected: list[RejectedBody]
    papers: int
    chunks: int


class PaperPage(BaseModel):
    """Some of a library's papers, by id; `total` counts them all."""

    library: str
    total: int
    offset: int
    limit: int
    papers: list[PaperBody]


class PaperRemoval(BaseModel):
    """How many papers were removed."""

    library: str
    removed: int


class LibraryBody(BaseModel):
    """A library and how much it holds."""

    name: str
    papers: int
    chunks: int
    embedder: str


class LibraryList(BaseModel):
    """Every library, by name."""

    libraries: list[LibraryBody]


class FeedbackBody(BaseModel):
    """The stored feedback; times are UTC."""

    answer_id: str
    verdict: FeedbackVerdict
    comment: str
    created: str
    updated: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(examples=["urn:scholiast:problem:not-found"])]
    title: str
    status: int
    detail: str
    instance: str
    request_id: str | None


_EVENT = {"type": "object", "properties": {"event": {"type": "string"}, "data": {"type": "string"}}}

ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "model": AnswerBody,
        "description": "The answer; with `stream` as events: `sources`, `delta`, `citation`, `done`, or `error`.",
        "content": {"text/event-stream": {"schema": _EVENT}},
    }
}
"""The responses of a route that answers a question."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The responses of a route with these statuses: problem JSON."""
    content = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    return {status: {"model": Problem, **content} for status in statuses}
