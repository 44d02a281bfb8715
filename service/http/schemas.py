"""What HTTP takes and gives, as Pydantic models: requests are checked by them, answers only described."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from rag.engine import MAX_QUESTION_CHARACTERS, MAX_TOP_K, TOP_K
from rag.history.answers import MAX_TURNS
from rag.types import Filters, Outcome, Support, Turn

_QUESTION = "How much faster is decoding with Hydra heads than with Medusa?"


def _whole(text: str) -> str:
    """JSON can spell half of a surrogate pair, which is no character and can't be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        place = {"place": error.start}
        raise PydanticCustomError("half_character", "Character {place} is half of a surrogate pair", place) from error
    return text


_Text = Annotated[str, AfterValidator(_whole)]


class Request(BaseModel):
    """Types are taken as they are, and fields that we do not know are passed over."""

    model_config = ConfigDict(strict=True, extra="ignore")


class Message(Request):
    """One message of the conversation so far."""

    role: Literal["user", "assistant"]
    content: _Text


class QuestionFilters(Request):
    """What may be answered from. Years are inclusive; a paper without a year fails any bound on it."""

    year_from: int | None = Field(default=None, ge=0, le=9999)
    year_to: int | None = Field(default=None, ge=0, le=9999)
    papers: list[_Text] | None = Field(default=None, description="Ids of papers; none or an empty list is every paper.")

    model_config = ConfigDict(extra="forbid")  # a filter that is passed over would widen what is answered from

    def allowed(self) -> Filters:
        """As the engine takes them."""
        return Filters(year_from=self.year_from, year_to=self.year_to, papers=tuple(self.papers or ()))


class Question(Request):
    """A question, and how to answer it."""

    question: _Text = Field(
        description=f"Up to {MAX_QUESTION_CHARACTERS:,} characters; more is refused.", examples=[_QUESTION]
    )
    library: _Text | None = Field(default=None, description="`default` unless given; while that is empty, the demo's.")
    history: list[Message] | None = Field(
        default=None, description=f"The conversation before it, oldest first; the last {MAX_TURNS} messages count."
    )
    top_k: int = Field(default=TOP_K, description=f"How many papers to answer from, 1 to {MAX_TOP_K}.")
    filters: QuestionFilters | None = None
    model: _Text | None = Field(default=None, description="What writes the answer, unless the service's own choice.")
    stream: bool | None = Field(default=False, description="Server-sent events instead of one object.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"question": _QUESTION},
                {"question": _QUESTION, "filters": {"year_from": 2024}, "stream": True},
            ]
        }
    )

    def turns(self) -> tuple[Turn, ...]:
        """The history as the engine takes it."""
        return tuple(Turn(role=message.role, content=message.content) for message in self.history or ())

    def allowed(self) -> Filters:
        """The filters as the engine takes them."""
        return (self.filters or QuestionFilters()).allowed()


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


class Removed(BaseModel):
    """How many papers were taken out."""

    library: str
    removed: int


class LibraryBody(BaseModel):
    """A library among others."""

    name: str
    papers: int
    chunks: int
    embedder: str


class LibraryList(BaseModel):
    """Every library, by name."""

    libraries: list[LibraryBody]


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
"""For a route that answers a question."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route: these statuses come as problem JSON."""
    described = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    return {status: {"model": Problem, **described} for status in statuses}
