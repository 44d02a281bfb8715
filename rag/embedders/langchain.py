"""Any LangChain `Embeddings`, named `langchain:PROVIDER:MODEL` or `langchain:package.module:ClassName`."""

from collections.abc import Sequence
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
    """Embeds every text as a document, also a question, since the library compares vectors of one kind."""

    def __init__(self, spec: str, embeddings: Embeddings) -> None:
        self.name = f"langchain:{spec}"
        self._embeddings = embeddings

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimension), in the same order; (0, 0) for no texts. Raises BackendError."""
        if not texts:
            return np.zeros((0, 0), np.float32)
        try:
            vectors = await self._embeddings.aembed_documents(list(texts))
        except Exception as error:  # each provider has errors of its own
            message = f"{self.name}: {type(error).__name__}: {error}"
            raise BackendError(message, retryable=retryable(error)) from error
        return unit_vectors(self.name, vectors, len(texts))
