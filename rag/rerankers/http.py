"""A server that reranks: `POST .../rerank` as Cohere, Jina, vLLM, llama.cpp, Infinity and TEI have it.

All of them take `query` and `documents` and answer with `results`, each with an `index` and a `relevance_score`; but
Hugging Face's text-embeddings-inference (TEI) takes `texts` and answers with a bare list of `index` and `score`.
"""

import asyncio
import json
from collections.abc import Sequence
from math import isfinite
from typing import Any

import httpx2

from rag.errors import BackendError, ConfigError, retryable
from rag.rerankers import document
from rag.types import Passage

MAX_ATTEMPTS = 2
MAX_REPLY_BYTES = 1 << 20
_RETRY_SECONDS = 0.2
_SHOWN_CHARACTERS = 200
_ADVICE = "check SCHOLIAST_RERANKER, SCHOLIAST_RERANKER_MODEL and SCHOLIAST_RERANKER_KEY"


class HttpReranker:
    """Asks the server once for all passages of a question."""

    def __init__(self, url: str, model: str = "", key: str = "", seconds: float = 4.0) -> None:
        """`url` ends in `/rerank` or is what stands before that; `seconds` bounds a call with its retry.

        Raises ConfigError.
        """
        self._url = _endpoint(url)
        self.name = f"http:{self._url.host}"
        self._model = model
        self._seconds = seconds
        self._takes_texts = False
        if not (key.isascii() and key.isprintable()):
            raise ConfigError("SCHOLIAST_RERANKER_KEY has characters that no header can have; set it to the key alone")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # `rerank` bounds the whole call; a second limit would only make two messages of one failure.
        self._client = httpx2.AsyncClient(headers=headers, timeout=None, follow_redirects=False)

    async def rerank(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """One score for each passage, in the same order, higher is better. Raises BackendError."""
        texts = [document(passage) for passage in passages]
        try:
            async with asyncio.timeout(self._seconds):
                return _scores(self.name, await self._asked(question, texts), len(texts))
        except TimeoutError as error:
            raise BackendError(
                f"{self.name} did not answer within {self._seconds:g} seconds; raise "
                "SCHOLIAST_RERANKER_TIMEOUT_SECONDS if it needs longer",
                retryable=True,
                reason="it did not answer in time",
            ) from error

    async def _asked(self, question: str, texts: list[str]) -> bytes:
        for _ in range(MAX_ATTEMPTS - 1):
            try:
                return await self._reply(question, texts)
            except BackendError as error:
                if not error.retryable:
                    raise
            await asyncio.sleep(_RETRY_SECONDS)
        return await self._reply(question, texts)

    async def _reply(self, question: str, texts: list[str]) -> bytes:
        response, body = await self._posted(question, texts)
        if response.status_code == 422 and b"texts" in body and not self._takes_texts:
            self._takes_texts = True
            response, body = await self._posted(question, texts)
        if response.status_code != 200:
            error = httpx2.HTTPStatusError("", request=response.request, response=response)
            said = body[:_SHOWN_CHARACTERS].decode("utf-8", "replace")
            raise BackendError(
                f"{self.name}: HTTP {response.status_code}: {said!r}; {_ADVICE}",
                retryable=retryable(error),
                reason=f"status {response.status_code}",
            )
        return body

    async def _posted(self, question: str, texts: list[str]) -> tuple[httpx2.Response, bytes]:
        """The response and its body, of which no more is read than `MAX_REPLY_BYTES`."""
        if self._takes_texts:
            request: dict[str, Any] = {"query": question, "texts": texts, "truncate": True}
        else:
            request = {"query": question, "documents": texts, **({"model": self._model} if self._model else {})}
        body = bytearray()
        try:
            async with self._client.stream("POST", self._url, content=_json(request), headers=_TYPE) as response:
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > MAX_REPLY_BYTES:
                        raise _unreadable(self.name, f"it has more than {MAX_REPLY_BYTES >> 20} MiB")
        except httpx2.HTTPError as error:
            raise BackendError(
                f"{self.name}: {type(error).__name__}: {error}; {_ADVICE}",
                retryable=retryable(error),
                reason="it can't be reached",
            ) from error
        return response, bytes(body)


_TYPE = {"Content-Type": "application/json"}


def _json(request: dict[str, Any]) -> bytes:
    """Half surrogates, which UTF-8 does not have, go as question marks."""
    return json.dumps(request, ensure_ascii=False).encode("utf-8", "replace")


def _endpoint(url: str) -> httpx2.URL:
    """The address with `/rerank` at its end. A password in it is refused and not repeated."""
    try:
        found = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError):
        found = httpx2.URL("")
    if found.scheme not in ("http", "https") or not found.host or found.userinfo:
        raise ConfigError(
            "SCHOLIAST_RERANKER has no address behind http: that can be asked; set it to, for example, "
            "http:https://api.jina.ai/v1/rerank, and a key in SCHOLIAST_RERANKER_KEY"
        )
    path = found.path.rstrip("/")
    return found.copy_with(path=path if path.endswith("/rerank") else f"{path}/rerank")


def _scores(name: str, body: bytes, count: int) -> list[float]:
    try:
        reply = json.loads(body)
        rows = reply["results"] if isinstance(reply, dict) else reply
        found = {row["index"]: float(row.get("relevance_score", row.get("score"))) for row in rows}
        scores = [found[index] for index in range(count)]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise _unreadable(name, f"{type(error).__name__}: {error}") from error
    if len(rows) != count or not all(map(isfinite, scores)):
        raise _unreadable(name, f"it has {len(rows)} scores for {count} texts, or scores that are not finite")
    return scores


def _unreadable(name: str, why: str) -> BackendError:
    message = f"the reply of {name} can't be read as scores ({why[:_SHOWN_CHARACTERS]}); {_ADVICE}"
    return BackendError(message, retryable=False, reason="its reply can't be read")
