"""Any OpenAI-compatible chat endpoint, so that other systems are measured by the same code.

Citations are the marks `[n]` of the text, or what a given pattern catches. A number is looked up in the list of sources
that many systems send beside the text, or at its end under "Sources:", which is then removed. Anything else that a
pattern catches names a paper by its id or title. A system that names no paper in any answer does not offer citations.
"""

import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from time import perf_counter
from typing import Any

import httpx2

from eval.metrics.citations import marks
from eval.questions import Question
from eval.targets import Options, Target, TargetDescription, TargetReply, milliseconds_since, transport
from rag.errors import BackendError, RequestError

_LISTS = ("sources", "passages", "search_results", "documents", "citations")
_NESTED = ("context", "scholiast", "metadata")
_ENDING = re.compile(
    r"\n+\W*(?:sources|references|citations)\W*\n(?P<list>(?:\W*\[?\d+[\].):].*(?:\n|$))+)\s*$", re.IGNORECASE
)
_LISTED = re.compile(r"^\W*?\[?(\d+)[\].):]\s*(.*?)(?:\s*\(\d{4}\))?(?:\s+https?://\S+)?\s*$", re.MULTILINE)


@asynccontextmanager
async def chat(url: str, options: Options) -> AsyncIterator[Target]:
    """Ask the endpoint at `url` (as far as `/v1`), with OPENAI_API_KEY if it is set. Raises RequestError."""
    if not options.model:
        raise RequestError("an openai: target needs --model, the name under which the endpoint offers it")
    try:
        pattern = re.compile(options.pattern) if options.pattern else None
    except re.error as error:
        raise RequestError(f"--citations {options.pattern!r} is not a regular expression: {error}") from error
    async with transport.client(url, os.environ.get("OPENAI_API_KEY", "")) as client:
        yield ChatTarget(client, url, options, pattern)


class ChatTarget:
    """A client of `/chat/completions`, streaming; accepts a whole answer where the server does not stream."""

    offers = frozenset({"answers", "maybe citations"})

    def __init__(self, client: httpx2.AsyncClient, url: str, options: Options, pattern: re.Pattern[str] | None) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._options = options
        self._pattern = pattern

    async def describe(self) -> TargetDescription:
        """The endpoint and the model; its corpus is not known."""
        return TargetDescription(
            identity={
                "url": self._url,
                "model": self._options.model,
                "system_prompt": self._options.system_prompt,
                "pattern": self._options.pattern,
            },
            details={},
            papers=None,
        )

    async def ask(self, question: Question) -> TargetReply:
        """The text, with its citations in the shape of our own answers."""
        system = [{"role": "system", "content": self._options.system_prompt}] if self._options.system_prompt else []
        turns = [asdict(turn) for turn in question.history]
        body = {
            "model": self._options.model,
            "messages": [*system, *turns, {"role": "user", "content": question.question}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0,
        }
        pieces: list[str] = []
        seen: dict[str, Any] = {}
        start, first = perf_counter(), None
        path = "/chat/completions"
        async with transport.errors(self._url + path), self._client.stream("POST", path, json=body) as response:
            await transport.check(response)
            async for chunk in _chunks(response):
                seen |= _extras(chunk)
                piece = _text(chunk)
                if piece and first is None and transport.is_stream(response):
                    first = milliseconds_since(start)
                pieces.append(piece)
            elapsed = milliseconds_since(start)
            return TargetReply(answer=self._answer("".join(pieces), seen), latency_ms=elapsed, first_token_ms=first)

    def _answer(self, text: str, seen: Mapping[str, Any]) -> dict[str, Any]:
        ending = _ENDING.search(text)
        text = text[: ending.start()] if ending else text  # a list of sources is no part of the answer
        sources = {source["number"]: source for source in [*_listed_sources(ending), *_sources(seen)]}
        caught = self._pattern.findall(text) if self._pattern else [str(number) for number in marks(text)]
        return {
            "outcome": None,
            "text": text,
            "passages": list(sources.values()),
            "citations": [{"paper": paper} for paper in _cited(caught, sources)],
            "confidence": None,
            "model": str(seen.get("model") or self._options.model),
            "usage": seen.get("usage") or {},
        }


async def _chunks(response: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    if transport.is_stream(response):
        async for _, data in transport.events(response):
            yield data
    else:
        await response.aread()
        yield response.json()


def _text(chunk: Mapping[str, Any]) -> str:
    if chunk.get("error"):
        raise BackendError(f"the stream ended with an error: {chunk['error']}", retryable=True)
    return "".join(str(part.get("content") or "") for part in _parts(chunk))


def _parts(chunk: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for choice in chunk.get("choices") or ():
        yield choice.get("delta") or choice.get("message") or {}


def _extras(chunk: Mapping[str, Any]) -> dict[str, Any]:
    """Model, usage and the list of sources, wherever a system puts it."""
    found = {key: chunk[key] for key in ("model", "usage") if chunk.get(key)}
    for holder in (chunk, *_parts(chunk)):
        for place in (holder, *(holder[key] for key in _NESTED if isinstance(holder.get(key), Mapping))):
            for key in _LISTS:
                if isinstance(place.get(key), list) and place[key]:
                    found.setdefault("sources", place[key])
    return found


def _sources(seen: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The sources as numbered passages; one without a number has its place in the list."""
    for position, source in enumerate(seen.get("sources") or (), start=1):
        if not isinstance(source, Mapping):
            yield {"number": position, "paper": {"id": str(source), "title": str(source)}, "text": ""}
            continue
        paper = source["paper"] if isinstance(source.get("paper"), Mapping) else source
        title = str(paper.get("title") or paper.get("name") or "")
        id = str(paper.get("id") or paper.get("doc_id") or paper.get("url") or title)
        text = source.get("text") or source.get("content") or source.get("snippet") or source.get("quote") or ""
        yield {"number": int(source.get("number") or position), "paper": {"id": id, "title": title}, "text": str(text)}


def _listed_sources(ending: re.Match[str] | None) -> Iterator[dict[str, Any]]:
    """The sources that a text lists at its end, `[n] Title (year) URL` each."""
    for number, title in _LISTED.findall(ending["list"]) if ending else ():
        yield {"number": int(number), "paper": {"id": title, "title": title}, "text": ""}


def _cited(caught: list[Any], sources: Mapping[int, Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for group in caught:
        name = next((part for part in group if part), "") if isinstance(group, tuple) else str(group)
        if name.isdigit() and int(name) in sources:
            yield sources[int(name)]["paper"]
        elif not name.isdigit() and name:
            yield {"id": name, "title": name}
