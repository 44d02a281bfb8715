"""Any LangChain `Embeddings`, named `langchain:PROVIDER:MODEL` or `langchain:package.module:ClassName`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import cast

import numpy as np
from langchain.embeddings import init_embeddings
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from rag.embedders import unit_vectors
from rag.errors import BackendError, ConfigError, retryable
from rag.protocols import Embedder


def embedder(spec: str) -> Embedder:
    """A provider is one that LangChain's `init_embeddings` knows; a name with a dot is a module. Raises ConfigError."""
    module, _, name = spec.partition(":")
    if not module or not name:
        raise ConfigError(f"embedder 'langchain:{spec}' is not langchain:PROVIDER:MODEL or langchain:MODULE:CLASS")
    try:
        made = getattr(import_module(module), name)() if "." in module else init_embeddings(spec)
    except Exception as error:  # whatever the provider's constructor raises: a missing package, key or argument
        raise ConfigError(f"embedder 'langchain:{spec}' can't be made: {type(error).__name__}: {error}") from error
    return LangChainEmbedder(spec, cast(Embeddings, made))


class LangChainEmbedder:
    """Embeds what is searched for as a query, which providers with two kinds of vectors tell from documents."""

    def __init__(self, spec: str, embeddings: Embeddings) -> None:
        self.name = f"langchain:{spec}"
        self._embeddings = embeddings

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimension), in the same order; (0, 0) for no texts. Raises BackendError."""
        if not texts:
            return np.zeros((0, 0), np.float32)
        with _our_errors(self.name):
            vectors = await self._embeddings.aembed_documents(list(texts))
        return unit_vectors(self.name, vectors, len(texts))

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """A unit vector, shape (dimension,). Raises BackendError."""
        with _our_errors(self.name):
            numbers = await self._embeddings.aembed_query(text)
        vector: NDArray[np.float32] = unit_vectors(self.name, [numbers], 1)[0]
        return vector


@contextmanager
def _our_errors(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # each provider has errors of its own
        reason = type(error).__name__
        raise BackendError(f"{name}: {reason}: {error}", retryable=retryable(error), reason=reason) from error
