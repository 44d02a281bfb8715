"""Any sentence-transformers model that was exported to ONNX, run on the processor.

It is read from a folder, or by its name from the model cache.

The folder is the publisher's: `model.onnx` (or `onnx/model.onnx`), `tokenizer.json`, `modules.json` with the folder of
the pooling, and where the model has them `config.json`, `sentence_bert_config.json` and
`config_sentence_transformers.json`.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag import model_cache, onnx_model
from rag.embedders import sentence_transformer, unit_vectors
from rag.errors import BackendError, ConfigError
from rag.onnx_model import LazyPool, Outputs, TextModel
from rag.protocols import Embedder

_REMEDY = "set SCHOLIAST_EMBEDDER=onnx:FOLDER to a model whose output are the vectors of the tokens, or one of the text"
_POOLED = {
    "cls": lambda tokens: tokens[0],
    "last": lambda tokens: tokens[-1],
    "mean": lambda tokens: tokens.mean(axis=0),
}


def embedder(given: str) -> Embedder:
    """The model in a folder, or of that name in the model cache. Raises ConfigError that says what is missing."""
    if not given:
        raise ConfigError("embedder 'onnx' names no folder; set SCHOLIAST_EMBEDDER=onnx:FOLDER")
    return OnnxEmbedder(model_cache.folder(given, "SCHOLIAST_EMBEDDER"))


class OnnxEmbedder:
    """Thread-safe; loads the model at the first text. Its name has a hash of its files, wherever the folder is."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigError."""
        self._folder = folder
        self._model = onnx_model.model_file(folder)
        self._recipe = sentence_transformer.read(folder)
        self.name = f"onnx:{onnx_model.fingerprint(self._model, folder, repr(self._recipe))}"
        self._pool = LazyPool(self._load, "onnx")

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimension), in the same order; (0, 0) for no texts. Raises BackendError."""
        if not texts:
            return np.zeros((0, 0), np.float32)
        return await asyncio.to_thread(self._vectors, self._recipe.document_prompt, texts)

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """A unit vector, shape (dimension,). Raises BackendError."""
        vectors = await asyncio.to_thread(self._vectors, self._recipe.query_prompt, [text])
        vector: NDArray[np.float32] = vectors[0]
        return vector

    def _vectors(self, prompt: str, texts: Sequence[str]) -> NDArray[np.float32]:
        read = [f"{prompt}{text}" for text in texts]
        if self._recipe.lower_case:
            read = [text.lower() for text in read]
        return unit_vectors(self.name, self._pool.map(self._vector, read), len(read))

    def _vector(self, model: TextModel, text: str) -> NDArray[np.float32]:
        """Some exports pool within the graph: then there is no output of the tokens, only one of the text."""
        outputs: Outputs = model.run(text)
        for output in outputs:
            if output.ndim == 3 and output.shape[1]:
                return np.asarray(_POOLED[self._recipe.pooling](output[0].astype(np.float32)), np.float32)
        for output in outputs:
            if output.ndim == 2:
                return np.asarray(output[0], np.float32)
        shapes = ", ".join(str(output.shape) for output in outputs)
        raise BackendError(f"the model in {self._folder} gives arrays of shape {shapes}; {_REMEDY}", retryable=False)

    def _load(self) -> TextModel:
        tokenizer = self._folder / onnx_model.TOKENIZER
        return onnx_model.load(tokenizer, str(self._model), self._recipe.max_tokens, _REMEDY)
