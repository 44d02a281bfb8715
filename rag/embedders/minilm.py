"""The embedder that works offline: all-MiniLM-L6-v2 (384 dimensions, 256 tokens) on the CPU, in int8.

The model is by the Sentence-Transformers project (Apache-2.0). Its weights are found by `minilm_weights`, turned into
an ONNX graph by `minilm_graph`, once, and kept in the user's cache folder.
"""

import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from rag import onnx_model, threads
from rag.embedders import minilm_weights
from rag.onnx_model import LazyPool, TextModel
from rag.protocols import Embedder

DIMENSION = 384
MAX_TOKENS = 256
"""The rest of a longer text is ignored."""
VERSION = 1
"""Changes with the graph. One graph serves every kind of processor, so it alone names the cached file."""
_GRAPH = "encoder.onnx"
_QUESTIONS = 4  # texts at once that are taken for a question and its parts

log = logging.getLogger(__name__)


def embedder(folder: str) -> Embedder:
    """`folder` holds the publisher's files; empty looks for them in the usual places. Raises ConfigError."""
    return MiniLM(Path(folder).expanduser() if folder else None)


class MiniLM:
    """Thread-safe; loads the model at the first `embed` (0.3 s, and 1 s more to build it once)."""

    name = "minilm"

    def __init__(
        self,
        folder: Path | None = None,
        *,
        cache: Path | None = None,
        threads: int | None = None,
        int8: bool = True,
    ) -> None:
        """`cache` is the user's cache folder and `threads` the number of processors unless given.

        Without `int8` the same network in float32, for comparison. Raises ConfigError if there are no weights.
        """
        self._int8 = int8
        self._built = (cache or user_cache_path("scholiast")) / f"minilm-v{VERSION}-{'int8' if int8 else 'float32'}"
        # A given folder is always checked; without one, a graph that is built already needs no weights.
        self._source = minilm_weights.find(folder) if folder or not self._built.exists() else None
        self._pool = LazyPool(self._loaded, "minilm", threads)

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), 384), in the same order. A text's vector depends on that text alone."""
        if not texts:
            return np.zeros((0, DIMENSION), np.float32)
        run = threads.read if len(texts) <= _QUESTIONS else threads.ingest
        return await run(self._embed, list(texts))

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """The same vector as for a document."""
        vector: NDArray[np.float32] = (await self.embed([text]))[0]
        return vector

    def _embed(self, texts: list[str]) -> NDArray[np.float32]:
        return np.stack(self._pool.map(_vector, texts))

    def _loaded(self) -> TextModel:
        return _load(self._source, self._built, self._int8)


def _vector(model: TextModel, text: str) -> NDArray[np.float32]:
    return np.asarray(model.run(text)[0][0], np.float32)


def _load(source: Path | None, built: Path, int8: bool) -> TextModel:
    if source is None or built.exists():
        return _model(built, str(built / _GRAPH))
    graph = _graph(source, int8)
    try:
        _keep(graph, source, built)
    except OSError as error:
        log.warning("can't keep the model of minilm in %s (%s); it will be built again next time", built, error)
    return _model(source, graph)


def _model(folder: Path, graph: str | bytes) -> TextModel:
    return onnx_model.load(folder / minilm_weights.TOKENIZER, graph, MAX_TOKENS, "delete that folder")


def _graph(source: Path, int8: bool) -> bytes:
    from rag.embedders import minilm_graph  # imports onnx, which is only needed here

    return minilm_graph.build(minilm_weights.load(source), int8=int8)


def _keep(graph: bytes, source: Path, built: Path) -> None:
    """All or nothing; when two processes build at the same time, the first one's folder stays."""
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=built.parent) as temporary:
        folder = Path(temporary) / built.name
        folder.mkdir()
        (folder / _GRAPH).write_bytes(graph)
        shutil.copyfile(source / minilm_weights.TOKENIZER, folder / minilm_weights.TOKENIZER)
        try:
            folder.rename(built)
        except OSError:
            if not built.exists():
                raise
