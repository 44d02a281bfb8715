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
from eval.targets import SEARCH_LIMIT, Asked, Facts, Options, Target, wire
from rag import config
from rag.errors import BackendError

_PAGE = 100


@asynccontextmanager
async def http(url: str, options: Options) -> AsyncIterator[Target]:
    """Ask the service at `url`, with the first of SCHOLIAST_API_KEYS if there are any."""
    keys = config.load().keys
    async with wire.client(url, keys[0] if keys else "") as client:
        yield HttpTarget(client, url, options)


class HttpTarget:
    """Speaks the HTTP contract."""

    def __init__(self, client: httpx2.AsyncClient, url: str, options: Options) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._options = options
        self._library = {"library": options.library} if options.library else {}

    @property
    def offers(self) -> frozenset[str]:
        """Everything; without answers, its ranking."""
        return frozenset({"ranking"} if self._options.search_only else {"answers", "ranking", "citations", "quotes"})

    async def facts(self) -> Facts:
        """The papers that it lists; a service that does not list them is taken as it is."""
        await wire.get(self._client, "/healthz")
        try:
            papers = [paper async for paper in self._every_paper()]
        except BackendError:
            papers = []
        lines = sorted(f"{paper['id']}\t{paper['title']}\t{paper['abstract']}\n" for paper in papers)
        return Facts(
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

    async def ask(self, question: Question) -> Asked:
        """The answer, then the ranking for the question as the answer understood it."""
        asked = Asked(answer=None, latency_ms=0.0) if self._options.search_only else await self._answer(question)
        standalone = str((asked.answer or {}).get("standalone_question") or question.question)
        start = perf_counter()
        found = await wire.get(self._client, "/v1/search", q=standalone, limit=SEARCH_LIMIT, **self._library)
        async with wire.errors(f"{self._url}/v1/search"):
            papers = [result["paper"] for result in found["results"]]
            return Asked(
                answer=asked.answer,
                ranked=tuple({"id": str(p["id"]), "title": str(p["title"])} for p in papers),
                papers=tuple(_seen(paper) for paper in papers if paper.get("abstract")),
                latency_ms=_milliseconds(start) if asked.answer is None else asked.latency_ms,
                first_token_ms=asked.first_token_ms,
            )

    async def _answer(self, question: Question) -> Asked:
        body: dict[str, Any] = {
            "question": question.question,
            "history": [asdict(turn) for turn in question.history],
            "top_k": self._options.top_k,
            "stream": True,
            **self._library,
            **({"model": self._options.model} if self._options.model else {}),
        }
        start, first = perf_counter(), None
        async with wire.errors(f"{self._url}/v1/ask"), self._client.stream("POST", "/v1/ask", json=body) as response:
            await wire.check(response)
            if not wire.is_stream(response):
                await response.aread()
                return Asked(answer=response.json(), latency_ms=_milliseconds(start))
            async for name, data in wire.events(response):
                if name == "delta" and first is None:
                    first = _milliseconds(start)
                if name == "error":
                    raise BackendError(f"the stream ended with an error: {data}", retryable=True)
                if name == "done":
                    return Asked(answer=data, latency_ms=_milliseconds(start), first_token_ms=first)
        raise BackendError(f"{self._url}/v1/ask: the stream ended before the answer was done", retryable=True)

    async def _every_paper(self) -> AsyncIterator[Mapping[str, Any]]:
        offset = 0
        while True:
            page = await wire.get(self._client, "/v1/papers", offset=offset, limit=_PAGE, **self._library)
            for paper in page["papers"]:
                yield paper
            offset += len(page["papers"])
            if not page["papers"] or offset >= page["total"]:
                return


def _seen(paper: Mapping[str, Any]) -> SeenPaper:
    return SeenPaper(id=str(paper["id"]), title=str(paper["title"]), abstract=str(paper["abstract"]))


def _milliseconds(start: float) -> float:
    return round((perf_counter() - start) * 1000, 2)
