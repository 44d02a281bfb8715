"""OpenAI's embeddings, or those of any server that speaks the same API (OPENAI_BASE_URL)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from json import JSONDecodeError

import numpy as np
import openai
from numpy.typing import NDArray
from openai import AsyncOpenAI

from rag.embedders import unit_vectors
from rag.errors import BackendError, ConfigError, retryable
from rag.protocols import Embedder
from rag.text import tokens

# The API takes 2,048 texts and 300,000 tokens in one request; its embedding models count tokens slightly differently.
MAX_TEXTS = 2048
MAX_TOKENS = 200_000


def embedder(model: str) -> Embedder:
    """Key and address come from OPENAI_API_KEY and OPENAI_BASE_URL, as in the SDK. Raises ConfigError."""
    if not model:
        raise ConfigError("embedder 'openai' names no model; set SCHOLIAST_EMBEDDER=openai:text-embedding-3-small")
    try:
        return OpenAIEmbedder(model, AsyncOpenAI())
    except openai.OpenAIError as error:
        raise ConfigError(f"embedder 'openai:{model}' can't be made: {error}") from error


class OpenAIEmbedder:
    """Embeds through the SDK's client, which also does the retries."""

    def __init__(self, model: str, client: AsyncOpenAI) -> None:
        self.name = f"openai:{model}"
        self._model = model
        self._client = client

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimension), in the same order; (0, 0) for no texts. Raises BackendError."""
        parts = [await self._request(batch) for batch in _batches(texts)]
        return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """The same vector as for a document."""
        vector: NDArray[np.float32] = (await self.embed([text]))[0]
        return vector

    async def _request(self, texts: list[str]) -> NDArray[np.float32]:
        with _our_errors(self.name):
            # Compatible servers know "float"; not all of them know the SDK's default, base64.
            reply = await self._client.embeddings.create(model=self._model, input=texts, encoding_format="float")
        rows = sorted(reply.data or [], key=lambda row: row.index)
        return unit_vectors(self.name, [row.embedding for row in rows], len(texts))


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    total = 0
    for text in texts:
        size = tokens.count(text)
        if batch and (len(batch) == MAX_TEXTS or total + size > MAX_TOKENS):
            yield batch
            batch, total = [], 0
        batch.append(text or " ")  # the API refuses an empty text
        total += size
    if batch:
        yield batch


@contextmanager
def _our_errors(name: str) -> Iterator[None]:
    try:
        yield
    except openai.APIStatusError as error:
        message = f"{name}: HTTP {error.status_code}: {error.message}"
        raise BackendError(message, retryable=retryable(error), reason=f"HTTP {error.status_code}") from error
    except (openai.OpenAIError, JSONDecodeError) as error:
        reason = type(error).__name__
        raise BackendError(f"{name}: {reason}: {error}", retryable=retryable(error), reason=reason) from error
