"""What can be asked: our own engine in this process, our HTTP API, or any OpenAI-compatible endpoint."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from eval.questions import PaperRef, Question
from eval.records import SeenPaper
from rag.errors import RequestError

SEARCH_LIMIT = 20
"""How many papers are asked of a search; nDCG@10 and recall@10 need ten of them."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A reply as it came: the Answer object, the papers that search ranks first, and their abstracts.

    `latency_ms` is that of the answer alone, from sending the question to its last byte.
    """

    answer: Mapping[str, Any] | None
    ranked: tuple[Mapping[str, Any], ...] = ()
    papers: tuple[SeenPaper, ...] = ()
    latency_ms: float
    first_token_ms: float | None = None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a manifest says about a target. Two runs with the same `identity` may be continued in one folder.

    `papers` is its whole corpus if it can tell, for checking that every gold paper exists.
    """

    identity: Mapping[str, Any]
    details: Mapping[str, Any]
    papers: tuple[PaperRef, ...] | None


class Target(Protocol):
    """A system under test."""

    @property
    def offers(self) -> frozenset[str]:
        """What it can give, see `eval.metrics.Offer`; "maybe citations" if the answers will tell."""
        ...

    async def facts(self) -> Facts:
        """What it is. Raises ScholiastError if it can't be reached at all."""
        ...

    async def ask(self, question: Question) -> Asked:
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


def target(name: str, options: Options) -> AbstractAsyncContextManager[Target]:
    """`local`, `http://...`, `https://...` or `openai:http://...`. Raises RequestError for anything else."""
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
