"""What a system said to one question, in the one shape that the metrics read, whichever system it was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.questions import PaperRef
from eval.refusals import declines
from rag.errors import BackendError

_DECLINED = frozenset({"not_in_abstracts", "out_of_scope", "empty_library"})


@dataclass(frozen=True, kw_only=True)
class Quote:
    """Words that the system says stand in a paper's abstract, at these character offsets (None: it gives none)."""

    paper: PaperRef
    quote: str
    start: int | None
    end: int | None


@dataclass(frozen=True, kw_only=True)
class Stated:
    """A sentence of the answer and the numbers that it cites."""

    text: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A passage that the system lists under a number; `text` may be empty."""

    number: int
    paper: PaperRef
    text: str


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer. `ranked` is what the system's search returned, best first; `cited` the distinct papers it cites."""

    outcome: str = "unknown"
    text: str = ""
    sentences: tuple[Stated, ...] = ()
    cited: tuple[PaperRef, ...] = ()
    quotes: tuple[Quote, ...] = ()
    shown: tuple[Shown, ...] = ()
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
    """Read the contract's Answer object (or None, if only search was asked) and the papers that search returned.

    Raises BackendError if it has another shape.
    """
    try:
        return _parse(answer, ranked)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BackendError(f"the answer is not of the shape that was agreed: {error!r}", retryable=False) from error


def _parse(answer: Mapping[str, Any] | None, ranked: Sequence[Mapping[str, Any]]) -> Reply:
    order = tuple(_ref(paper) for paper in ranked)
    if answer is None:
        return Reply(ranked=order)
    shown = tuple(
        Shown(number=int(p["number"]), paper=_ref(p["paper"]), text=str(p.get("text") or ""))
        for p in answer.get("passages") or ()
    )
    citations = answer.get("citations") or ()
    usage = answer.get("usage") or {}
    confidence = answer.get("confidence")
    return Reply(
        outcome=str(answer.get("outcome") or "unknown"),
        text=str(answer["text"]),
        sentences=tuple(
            Stated(text=str(s["text"]), numbers=tuple(int(n) for n in s.get("citations") or ()))
            for s in answer.get("sentences") or ()
        ),
        cited=tuple(dict.fromkeys(_ref(c["paper"]) for c in citations)),
        quotes=tuple(
            Quote(paper=_ref(c["paper"]), quote=str(c["quote"]), start=c.get("start"), end=c.get("end"))
            for c in citations
            if c.get("quote")
        ),
        shown=shown,
        ranked=order,
        confidence=None if confidence is None else float(confidence),
        model=str(answer.get("model") or ""),
        prompt_tokens=int(usage.get("prompt_tokens") or 0),
        completion_tokens=int(usage.get("completion_tokens") or 0),
    )


def _ref(paper: Mapping[str, Any]) -> PaperRef:
    return PaperRef(id=str(paper.get("id") or ""), title=str(paper.get("title") or ""))
