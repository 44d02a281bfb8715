"""An answer in the one shape that the metrics read, whichever system gave it; refusals in words are recognised here.

The patterns of refusals are for systems that have no field to say so. They were written from the usual phrases of chat
models, not fitted to anything. Only the opening counts: a late "the paper does not mention its cost" is no refusal.
They miss unusual wordings, which makes such a system look as if it had answered; a report on a system without typed
outcomes says that refusals were read from words.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.questions import PaperRef
from eval.words import opening, without_marks
from rag.errors import BackendError

_REFUSAL_WORDS = 40  # of the opening, where a refusal is looked for

_SOURCES = (
    r"(abstracts?|papers?|context|passages?|sources?|documents?|excerpts?|information|texts?|library|articles?"
    r"|search results|materials?|corpus|references)"
)
_DOES_NOT = r"(do(es)?|did|is|are|was|were|has|have|can|could)( not|n['’]t|not)"
_REFUSALS = re.compile(
    "|".join(
        (
            rf"\b{_SOURCES}\b[^.!?]{{0,60}}\b{_DOES_NOT}\b[^.!?]{{0,30}}"
            r"\b(say|state|mention|contain|include|provide|specify|discuss|address|cover|answer|give|tell|report|describe"
            r"|enough|sufficient|relevant|explicitly|directly)",
            rf"\b(no|none of the|not enough|insufficient|nothing in (the|this|our|my))\b[^.!?]{{0,40}}\b{_SOURCES}\b",
            r"\b(i|we) (can ?not|can['’]?t|could(n['’]t| not)|am unable|are unable|do(n['’]t| not))\b[^.!?]{0,20}"
            r"\b(answer|find|determine|know|have|provide|help|tell|say)",
            r"\b(unable|impossible|not possible) to (answer|find|determine|provide|say)",
            r"\b(is|are) not (mentioned|stated|specified|provided|discussed|addressed|available|covered|given)\b",
            r"\b(cannot|can['’]t|could not) be (answered|determined|found)",
            r"^\W*(not (found|stated|mentioned|available|enough information)|no answer|unanswerable|n/?a|unknown)\b",
            r"\b(i['’]?m|i am|we are) (sorry|not sure|afraid)\b",
            r"\b(outside|beyond) (of )?(the|my|our) (scope|library|papers|corpus)",
        )
    ),
    re.IGNORECASE,
)
_DECLINED = frozenset({"not_in_abstracts", "out_of_scope", "empty_library"})


@dataclass(frozen=True, kw_only=True)
class Quote:
    """Words that the system quotes from a paper's abstract, at these character offsets (None: it gives none).

    `further` of what is shown after the answer proper.
    """

    paper: PaperRef
    quote: str
    start: int | None
    end: int | None
    further: bool = False


@dataclass(frozen=True, kw_only=True)
class AnswerSentence:
    """A sentence of the answer and the passage numbers that it cites."""

    text: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ShownPassage:
    """A passage that the system lists under a number; `text` may be empty."""

    number: int
    paper: PaperRef
    text: str


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer: `text` and `sentences` are the answer proper, `more` the sentences that are shown after it.

    `ranked` is what the system's search returned, best first; `cited` the distinct papers that the answer proper cites;
    `quotes` are those of both.
    """

    outcome: str = "unknown"
    text: str = ""
    sentences: tuple[AnswerSentence, ...] = ()
    more: tuple[AnswerSentence, ...] = ()
    cited: tuple[PaperRef, ...] = ()
    quotes: tuple[Quote, ...] = ()
    shown: tuple[ShownPassage, ...] = ()
    ranked: tuple[PaperRef, ...] = ()
    confidence: float | None = None
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def declined(self) -> bool:
        """Whether the system said that it can't answer: by its outcome, or by its words if it gives no outcome."""
        if self.outcome == "unknown":
            return declines(self.text)
        return self.outcome in _DECLINED


def parse(answer: Mapping[str, Any] | None, ranked: Sequence[Mapping[str, Any]]) -> Reply:
    """Read an Answer object of the API (or None, if only search was asked) and the papers that search returned.

    Raises BackendError if it has another shape.
    """
    try:
        return _parse(answer, ranked)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BackendError(f"the answer is not of the shape that was agreed: {error!r}", retryable=False) from error


def declines(text: str) -> bool:
    """Whether the first words of a text decline to answer. An empty text does."""
    start = opening(without_marks(text), _REFUSAL_WORDS)
    return not start or _REFUSALS.search(start) is not None


def _parse(answer: Mapping[str, Any] | None, ranked: Sequence[Mapping[str, Any]]) -> Reply:
    order = tuple(_ref(paper) for paper in ranked)
    if answer is None:
        return Reply(ranked=order)
    shown = tuple(
        ShownPassage(number=int(p["number"]), paper=_ref(p["paper"]), text=str(p.get("text") or ""))
        for p in answer.get("passages") or ()
    )
    citations, more = answer.get("citations") or (), answer.get("more") or ()
    usage = answer.get("usage") or {}
    confidence = answer.get("confidence")
    return Reply(
        outcome=str(answer.get("outcome") or "unknown"),
        text=str(answer["text"]),
        sentences=_sentences(answer.get("sentences") or ()),
        more=_sentences(more),
        cited=tuple(dict.fromkeys(_ref(c["paper"]) for c in citations)),
        quotes=tuple(
            Quote(
                paper=_ref(c["paper"]), quote=str(c["quote"]), start=c.get("start"), end=c.get("end"), further=further
            )
            for listed, further in ((citations, False), (_further_quotes(more), True))
            for c in listed
            if c.get("quote")
        ),
        shown=shown,
        ranked=order,
        confidence=None if confidence is None else float(confidence),
        model=str(answer.get("model") or ""),
        prompt_tokens=int(usage.get("prompt_tokens") or 0),
        completion_tokens=int(usage.get("completion_tokens") or 0),
    )


def _further_quotes(more: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [quote for statement in more for quote in statement.get("quotes") or ()]


def _sentences(listed: Sequence[Mapping[str, Any]]) -> tuple[AnswerSentence, ...]:
    return tuple(
        AnswerSentence(text=str(s["text"]), numbers=tuple(int(n) for n in s.get("citations") or ())) for s in listed
    )


def _ref(paper: Mapping[str, Any]) -> PaperRef:
    return PaperRef(id=str(paper.get("id") or ""), title=str(paper.get("title") or ""))
