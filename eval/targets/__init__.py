"""The systems under test: our engine in this process, our HTTP API, or any OpenAI-compatible endpoint."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from eval.questions import PaperRef, Question
from eval.records import SeenPaper
from rag.errors import RequestError

SEARCH_LIMIT = 20
"""How many papers a search is asked for; nDCG@10 and recall@10 need ten."""


@dataclass(frozen=True, kw_only=True)
class TargetReply:
    """A reply as received: the Answer object, the papers that search ranks first, and their abstracts.

    `latency_ms` is that of the answer alone, from sending the question to its last byte.
    """

    answer: Mapping[str, Any] | None
    ranked: tuple[Mapping[str, Any], ...] = ()
    papers: tuple[SeenPaper, ...] = ()
    latency_ms: float
    first_token_ms: float | None = None


@dataclass(frozen=True, kw_only=True)
class TargetDescription:
    """A target as the manifest describes it. A run may be continued in its folder if `identity` is the same.

    `papers` is its whole corpus if that is known, to check that every gold paper exists.
    """

    identity: Mapping[str, Any]
    details: Mapping[str, Any]
    papers: tuple[PaperRef, ...] | None


class Target(Protocol):
    """A system under test."""

    @property
    def offers(self) -> frozenset[str]:
        """What it can give, see `eval.metrics.Offer`; "maybe citations" if only the answers can show it."""
        ...

    async def describe(self) -> TargetDescription:
        """Identity, details and corpus. Raises ScholiastError if it can't be reached at all."""
        ...

    async def ask(self, question: Question) -> TargetReply:
        """Ask one question. Raises BackendError or another ScholiastError if it fails."""
        ...


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to reach a target. `papers` are files that a local run loads first; `pattern` finds citations in a text."""

    library: str = ""
    model: str = ""
    top_k: int = 8
    search_only: bool = False
    papers: Sequence[Path] = ()
    pattern: str = ""
    system_prompt: str = ""
    progress: Callable[[int, int], None] | None = None

    @property
    def own_offers(self) -> frozenset[str]:
        """What our own system can give with these options: everything, or the ranking alone."""
        return frozenset({"ranking"} if self.search_only else {"answers", "ranking", "citations", "quotes"})


def target(name: str, options: Options) -> AbstractAsyncContextManager[Target]:
    """The target named `local`, `http(s)://...` or `openai:http(s)://...`. Raises RequestError for other names."""
    if name == "local":
        from eval.targets.local import local

        return local(options)
    if name.startswith(("http://", "https://")):
        from eval.targets.http import http

        return http(name, options)
    if name.startswith("openai:http"):
        from eval.targets.chat import chat

        return chat(name.removeprefix("openai:"), options)
    raise RequestError(
        f"target {name!r} is not known; give local, http://HOST:PORT (ours) or openai:http://HOST:PORT/v1 (any)"
    )


def milliseconds_since(start: float) -> float:
    """The time since a value of `perf_counter`, in hundredths."""
    return round((perf_counter() - start) * 1000, 2)
