"""The embedder that works offline: all-MiniLM-L6-v2 (384 dimensions, 256 tokens) on the CPU, in int8.

The model is by the Sentence-Transformers project (Apache-2.0). Its weights are found by `minilm_weights`, turned into
an ONNX graph by `minilm_graph`, once, and kept in the user's cache folder.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from platformdirs import user_cache_path
from tokenizers import Tokenizer

from rag import threads
from rag.embedders import minilm_weights
from rag.errors import ConfigError
from rag.protocols import Embedder
from rag.text.analysis import replace_surrogates

DIMENSION = 384
MAX_TOKENS = 256
"""The rest of a longer text is ignored."""
VERSION = 1
"""Changes with the graph. One graph serves every kind of processor, so it alone names the cached file."""
_GRAPH = "encoder.onnx"
_QUESTIONS = 4  # texts at once that are taken for a question and its parts

onnxruntime.disable_telemetry_events()

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
        self._pool = ThreadPoolExecutor(threads or _processors(), thread_name_prefix="minilm")
        self._lock = Lock()
        self._encoder: _Encoder | None = None

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), 384), in the same order. A text's vector depends on that text alone."""
        if not texts:
            return np.zeros((0, DIMENSION), np.float32)
        run = threads.read if len(texts) <= _QUESTIONS else threads.ingest
        return await run(self._embed, list(texts))

    def _embed(self, texts: list[str]) -> NDArray[np.float32]:
        encoder = self._loaded()
        if len(texts) == 1:  # a question does not wait behind the papers of an ingest
            return np.stack([encoder.vector(texts[0])])
        return np.stack(list(self._pool.map(encoder.vector, texts)))

    def _loaded(self) -> "_Encoder":
        with self._lock:
            if self._encoder is None:
                self._encoder = _load(self._source, self._built, self._int8)
            return self._encoder


def _processors() -> int | None:
    """Those this process may use, where the system can tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@dataclass(frozen=True)
class _Encoder:
    tokenizer: Tokenizer
    session: onnxruntime.InferenceSession

    def vector(self, text: str) -> NDArray[np.float32]:
        ids = self.tokenizer.encode(replace_surrogates(text)).ids
        vector: NDArray[np.float32] = self.session.run(None, {"ids": np.array([ids])})[0][0]
        return vector


def _load(source: Path | None, built: Path, int8: bool) -> _Encoder:
    if source is None or built.exists():
        return _encoder(built, str(built / _GRAPH))
    graph = _graph(source, int8)
    try:
        _keep(graph, source, built)
    except OSError as error:
        log.warning("can't keep the model of minilm in %s (%s); it will be built again next time", built, error)
    return _encoder(source, graph)


def _encoder(folder: Path, graph: str | bytes) -> _Encoder:
    options = onnxruntime.SessionOptions()
    # One thread per text: two texts on two threads are faster than one text on two threads that wait for each other.
    options.intra_op_num_threads = 1
    try:
        tokenizer = Tokenizer.from_file(str(folder / minilm_weights.TOKENIZER))
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # both libraries raise errors of their own, some of them plain Exception
        raise ConfigError(f"the model in {folder} can't be loaded ({error}); delete that folder") from error
    tokenizer.enable_truncation(MAX_TOKENS)  # the file itself says 128, with padding
    tokenizer.no_padding()
    return _Encoder(tokenizer, session)


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
