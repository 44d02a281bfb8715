"""A cross-encoder that runs on this machine: an ONNX export of a sentence-transformers model.

It is read from a folder, or by its name from the model cache.

The folder has `model.onnx` (or `onnx/model.onnx`), `tokenizer.json`, and the publisher's `config.json` and
`tokenizer_config.json` for the number of tokens that it reads.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag import model_cache, onnx_model
from rag.errors import BackendError, ConfigError
from rag.onnx_model import LazyPool, TextModel
from rag.rerankers import document
from rag.types import Passage

_REMEDY = "set SCHOLIAST_RERANKER=cross-encoder:FOLDER to one whose model reads two texts and gives one score"


def reranker(given: str) -> "CrossEncoder":
    """The model in a folder, or of that name in the model cache. Raises ConfigError that says what is missing."""
    folder = model_cache.folder(given, "SCHOLIAST_RERANKER")
    return CrossEncoder(folder, Path(given).name)


class CrossEncoder:
    """Reads the question and one passage at a time; loads the model at the first `rerank`."""

    def __init__(self, folder: Path, name: str) -> None:
        """Raises ConfigError."""
        self.name = f"cross-encoder:{name}"
        self._folder = folder
        self._model = onnx_model.model_file(folder)
        self._tokens = onnx_model.max_tokens(folder)
        self._pool = LazyPool(self._load, "cross-encoder")

    async def rerank(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """One score for each passage, in the same order, higher is better. Raises BackendError."""
        try:
            scores = await asyncio.to_thread(self._scores, question, [document(passage) for passage in passages])
        except ConfigError as error:  # the search goes on without it
            raise BackendError(str(error), retryable=False, reason="its model can't be used") from error
        if not np.isfinite(scores).all():
            raise BackendError(f"{self.name} gives scores that are not finite; {_REMEDY}", retryable=False)
        return scores

    def _scores(self, question: str, texts: list[str]) -> list[float]:
        def score(model: TextModel, text: str) -> NDArray[np.float32]:
            return np.asarray(model.run(question, text)[0], np.float32)

        found = self._pool.map(score, texts)
        if wrong := [logits.shape for logits in found if logits.size != 1]:
            raise ConfigError(f"the model in {self._folder} gives an array of shape {wrong[0]} for a pair; {_REMEDY}")
        return [float(logits.item()) for logits in found]

    def _load(self) -> TextModel:
        return onnx_model.load(self._folder / onnx_model.TOKENIZER, str(self._model), self._tokens, _REMEDY)
