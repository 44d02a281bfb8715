"""Texts to vectors: one module per provider. A new one is a module with `embedder(rest)` and a name in `PROVIDERS`."""

from importlib import import_module
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rag.errors import BackendError, ConfigError
from rag.protocols import Embedder

PROVIDERS = ("minilm", "onnx", "openai", "langchain")


def embedder(name: str) -> Embedder:
    """`minilm`, `minilm:FOLDER`, `onnx:FOLDER`, `onnx:NAME`, `openai:MODEL`, `langchain:PROVIDER:MODEL` or
    `langchain:MODULE:CLASS`.

    Only the named provider's library is imported. Raises ConfigError if it can't be made.
    """
    provider, _, rest = name.partition(":")
    if provider not in PROVIDERS:
        raise ConfigError(f"no embedder {name!r}; there is {', '.join(PROVIDERS)} (set SCHOLIAST_EMBEDDER)")
    return cast(Embedder, import_module(f"rag.embedders.{provider}").embedder(rest))


def setting_of(name: str) -> str:
    """What to set SCHOLIAST_EMBEDDER to for the embedder that an index remembers; a hash does not tell the folder."""
    return "onnx:FOLDER with the files of that hash" if name.startswith("onnx:") else name


def unit_vectors(name: str, vectors: ArrayLike, count: int) -> NDArray[np.float32]:
    """A provider's vectors as unit vectors, shape (count, dimension). Raises BackendError unless they are that many."""
    try:
        rows = np.array(vectors, dtype=np.float32)
    except ValueError as error:
        raise BackendError(f"{name} sent vectors of different lengths; try another model", retryable=False) from error
    if rows.ndim != 2 or len(rows) != count or not np.isfinite(rows).all():
        message = f"{name} sent an array of shape {rows.shape} for {count} texts, or numbers that are not finite"
        raise BackendError(f"{message}; try another model", retryable=False)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(lengths == 0, np.float32(1), lengths)
    return rows
