"""The bodies of HTTP: requests are validated by these models; responses are our own dataclasses, and lists of them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import PydanticCustomError

from rag.connectors import enrich, sources
from rag.connectors.search import DEFAULT_LIMIT, MAX_LIMIT
from rag.engine import MAX_QUESTION_CHARACTERS, MAX_TOP_K, TOP_K
from rag.history.answers import MAX_COMMENT, MAX_TURNS, FeedbackVerdict
from rag.library.registry import LibrarySummary
from rag.types import Answer, Effort, Filters, Paper, Turn

QUESTION_RULES: dict[str, JsonValue] = {"minLength": 1, "maxLength": MAX_QUESTION_CHARACTERS, "pattern": r"\S"}
"""The engine checks these, and says more; here they are for the OpenAPI document."""

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
TopK = Annotated[
    int,
    Field(
        description=f"How many papers to answer from, 1 to {MAX_TOP_K}.",
        json_schema_extra={"minimum": 1, "maximum": MAX_TOP_K},
    ),
]
ModelName = Annotated[Text | None, Field(description="What writes the answer; the service's default unless given.")]
EffortName = Annotated[
    Effort | None,
    Field(description="`deep`: the question in parts, several searches, graded abstracts; needs a chat model."),
]
ResumableFlag = Annotated[
    bool | None,
    Field(description="Of a stream: it goes on for a while when the connection drops; see GET /v1/streams/{id}."),
]
StreamFlag = Annotated[bool | None, Field(description="Server-sent events instead of one object.")]


class RequestBody(BaseModel):
    """Base of request bodies: types are not converted, and unknown fields are refused, as they may be misspelt."""

    model_config = ConfigDict(strict=True, extra="forbid")


class HistoryMessage(RequestBody):
    """One message of the conversation so far."""

    role: Literal["user", "assistant"]
    content: Text


class QuestionFilters(RequestBody):
    """Which papers may be used. Years are inclusive; a paper without a year fails any bound on it."""

    year_from: int | None = Field(default=None, ge=0, le=9999)
    year_to: int | None = Field(default=None, ge=0, le=9999)
    papers: list[Text] | None = Field(default=None, description="Ids of papers; none or an empty list is every paper.")
    venues: list[Text] | None = Field(default=None, description="Words of a venue's name; any of several passes.")
    authors: list[Text] | None = Field(default=None, description="Names as people say them; any of several passes.")

    def to_filters(self) -> Filters:
        """The engine's own type."""
        return Filters(
            year_from=self.year_from,
            year_to=self.year_to,
            papers=tuple(self.papers or ()),
            venues=tuple(self.venues or ()),
            authors=tuple(self.authors or ()),
        )


class QuestionRequest(RequestBody):
    """A question, and how to answer it."""

    question: Text = Field(
        description=f"Up to {MAX_QUESTION_CHARACTERS:,} characters; more is refused.",
        examples=[_QUESTION],
        json_schema_extra=QUESTION_RULES,
    )
    library: LibraryName = None
    history: list[HistoryMessage] | None = Field(
        default=None, description=f"The conversation before it, oldest first; the last {MAX_TURNS} messages count."
    )
    top_k: TopK = TOP_K
    filters: QuestionFilters | None = None
    model: ModelName = None
    effort: EffortName = None
    stream: StreamFlag = False
    resumable: ResumableFlag = False

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


class FetchRequest(RequestBody):
    """A search of a source, whose works go into a library."""

    source: Text = Field(description=f"One of {', '.join(sources())}.", examples=["arxiv"])
    query: Text = Field(description="In the source's own syntax.", examples=["sparse autoencoders"])
    since: Text | None = Field(default=None, description="YYYY-MM-DD: published then or later.")
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="How many works at most.")
    library: Text | None = Field(default=None, description="Created if it is missing; `default` unless given.")


class EnrichRequest(RequestBody):
    """Which source fills what the papers of a library lack."""

    source: Text = Field(default=enrich.DEFAULT_SOURCE, description=f"One of {', '.join(enrich.sources())}.")
    library: LibraryName = None


class FeedbackRequest(RequestBody):
    """Feedback on an answer."""

    verdict: FeedbackVerdict
    comment: Text | None = Field(
        default=None, description=f"Up to {MAX_COMMENT:,} characters.", json_schema_extra={"maxLength": MAX_COMMENT}
    )
    user: UserName | None = Field(
        default=None, description="Who gives it, where several users share a key; each has one verdict."
    )

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"verdict": "bad", "comment": "It is 1.31x over Medusa.", "user": "ann"}]}
    )


class Result(BaseModel):
    """A ranked paper; the snippet is its sentence that matched best."""

    rank: int
    score: float
    paper: Paper
    snippet: str


class Results(BaseModel):
    """Papers, best first."""

    results: list[Result]


class PaperPage(BaseModel):
    """Some of a library's papers, by id; `total` counts them all."""

    library: str
    total: int
    offset: int
    limit: int
    papers: list[Paper]


class PaperRemoval(BaseModel):
    """How many papers were removed."""

    library: str
    removed: int


class LibraryRemoval(BaseModel):
    """A library that was removed."""

    library: str
    removed: bool


class PaperSplit(BaseModel):
    """The papers that a merged one became."""

    library: str
    papers: list[Paper]


class LibraryList(BaseModel):
    """Every library, by name."""

    libraries: list[LibrarySummary]


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(examples=["urn:scholiast:problem:not-found"])]
    title: str
    status: int
    detail: str
    instance: str
    request_id: str | None


EVENT = {"type": "object", "properties": {"event": {"type": "string"}, "data": {"type": "string"}}}

ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "model": Answer,
        "description": "The answer; with `stream` as events: `step` (of a deep answer), `sources`, `delta`, "
        "`citation`, `done`, or `error`.",
        "content": {"text/event-stream": {"schema": EVENT}},
    }
}
"""The responses of a route that answers a question."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The responses of a route with these statuses: problem JSON."""
    content = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    return {status: {"model": Problem, **content} for status in statuses}
