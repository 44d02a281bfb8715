"""Our own HTTP API, wherever it runs: `/v1/ask` as a stream, and `/v1/search`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from hashlib import sha256
from time import perf_counter
from typing import Any

import httpx2

from eval.questions import PaperRef, Question
from eval.records import SeenPaper
from eval.targets import (
    SEARCH_LIMIT,
    Options,
    Target,
    TargetDescription,
    TargetReply,
    milliseconds_since,
    transport,
)
from rag import config
from rag.errors import BackendError

_PAGE = 100


@asynccontextmanager
async def http(url: str, options: Options) -> AsyncIterator[Target]:
    """Ask the service at `url`, with the first of SCHOLIAST_API_KEYS if there are any."""
    keys = config.load().keys
    async with transport.client(url, keys[0] if keys else "") as client:
        yield HttpTarget(client, url, options)


class HttpTarget:
    """A client of `/v1/ask`, `/v1/search` and `/v1/papers`."""

    def __init__(self, client: httpx2.AsyncClient, url: str, options: Options) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._options = options
        self.offers = options.own_offers
        self._library = {"library": options.library} if options.library else {}

    async def describe(self) -> TargetDescription:
        """The papers that it lists; of a service that does not list them the corpus is unknown."""
        await transport.get(self._client, "/healthz")
        try:
            papers = [paper async for paper in self._every_paper()]
        except BackendError:
            papers = []
        lines = sorted(f"{paper['id']}\t{paper['title']}\t{paper['abstract']}\n" for paper in papers)
        return TargetDescription(
            identity={
                "url": self._url,
                "library": self._options.library,
                "model": self._options.model,
                "corpus_sha256": sha256("".join(lines).encode()).hexdigest() if papers else "",
                "top_k": self._options.top_k,
                "search_only": self._options.search_only,
            },
            details={},
            papers=tuple(PaperRef(str(paper["id"]), str(paper["title"])) for paper in papers) or None,
        )

    async def ask(self, question: Question) -> TargetReply:
        """The answer, then the ranking for the standalone question of that answer."""
        reply = TargetReply(answer=None, latency_ms=0.0) if self._options.search_only else await self._answer(question)
        standalone = str((reply.answer or {}).get("standalone_question") or question.question)
        start = perf_counter()
        found = await transport.get(self._client, "/v1/search", q=standalone, limit=SEARCH_LIMIT, **self._library)
        async with transport.errors(f"{self._url}/v1/search"):
            papers = [result["paper"] for result in found["results"]]
            return TargetReply(
                answer=reply.answer,
                ranked=tuple({"id": str(p["id"]), "title": str(p["title"])} for p in papers),
                papers=tuple(_seen(paper) for paper in papers if paper.get("abstract")),
                latency_ms=milliseconds_since(start) if reply.answer is None else reply.latency_ms,
                first_token_ms=reply.first_token_ms,
            )

    async def _answer(self, question: Question) -> TargetReply:
        body: dict[str, Any] = {
            "question": question.question,
            "history": [asdict(turn) for turn in question.history],
            "top_k": self._options.top_k,
            "stream": True,
            **self._library,
            **({"model": self._options.model} if self._options.model else {}),
        }
        start, first = perf_counter(), None
        async with (
            transport.errors(f"{self._url}/v1/ask"),
            self._client.stream("POST", "/v1/ask", json=body) as response,
        ):
            await transport.check(response)
            if not transport.is_stream(response):
                await response.aread()
                return TargetReply(answer=response.json(), latency_ms=milliseconds_since(start))
            async for name, data in transport.events(response):
                if name == "delta" and first is None:
                    first = milliseconds_since(start)
                if name == "error":
                    raise BackendError(f"the stream ended with an error: {data}", retryable=True)
                if name == "done":
                    return TargetReply(answer=data, latency_ms=milliseconds_since(start), first_token_ms=first)
        raise BackendError(f"{self._url}/v1/ask: the stream ended before the answer was done", retryable=True)

    async def _every_paper(self) -> AsyncIterator[Mapping[str, Any]]:
        offset = 0
        while True:
            page = await transport.get(self._client, "/v1/papers", offset=offset, limit=_PAGE, **self._library)
            for paper in page["papers"]:
                yield paper
            offset += len(page["papers"])
            if not page["papers"] or offset >= page["total"]:
                return


def _seen(paper: Mapping[str, Any]) -> SeenPaper:
    return SeenPaper(id=str(paper["id"]), title=str(paper["title"]), abstract=str(paper["abstract"]))
