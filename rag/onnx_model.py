"""Models in ONNX that read text: found in a folder, and run on the processor, one text or pair of texts at a time.

A text is never padded, so what comes out depends on that text alone.
"""

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from rag.errors import ConfigError
from rag.text.analysis import replace_surrogates

TOKENIZER = "tokenizer.json"

_ONNX_FOLDER = "onnx"
_MODEL = "model.onnx"
_NO_LIMIT = 1_000_000
"""`tokenizer_config.json` has a huge number where the tokenizer has no limit."""
_WITHOUT_LENGTH = 512
_OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet")
"""Kinds of models whose first two positions are no tokens'."""
_EXPORT = "export the model to ONNX (for example with `optimum-cli export onnx`)"
_INTEGERS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}

Outputs = Sequence[NDArray[Any]]
T = TypeVar("T")

onnxruntime.disable_telemetry_events()


@dataclass(frozen=True)
class TextModel:
    """A loaded model and its tokenizer."""

    tokenizer: Tokenizer
    session: onnxruntime.InferenceSession
    inputs: Sequence[tuple[str, type]]

    def run(self, text: str, pair: str | None = None) -> Outputs:
        """What the model gives for a text, or for two that it compares: each output with a first dimension of 1."""
        second = None if pair is None else replace_surrogates(pair)
        encoding = self.tokenizer.encode(replace_surrogates(text), second)
        feeds: dict[str, NDArray[Any]] = {name: np.array([_FEEDS[name](encoding)], kind) for name, kind in self.inputs}
        outputs: Outputs = self.session.run(None, feeds)
        return outputs


_FEEDS: dict[str, Callable[[Any], Sequence[int]]] = {
    "ids": lambda encoding: encoding.ids,
    "input_ids": lambda encoding: encoding.ids,
    "attention_mask": lambda encoding: encoding.attention_mask,
    "token_type_ids": lambda encoding: encoding.type_ids,
    "position_ids": lambda encoding: range(len(encoding.ids)),
}
"""What each input of a model is fed with."""


class LazyPool(Generic[T]):
    """Loads something at its first use, and applies it to many values on all processors. Thread-safe."""

    def __init__(self, load: Callable[[], T], name: str, threads: int | None = None) -> None:
        """`threads` is the number of processors unless given."""
        self._load = load
        self._pool = ThreadPoolExecutor(threads or _processors(), thread_name_prefix=name)
        self._lock = Lock()
        self._loaded: T | None = None

    def map(self, work: Callable[[T, str], NDArray[np.float32]], texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """The result for each text, in the same order. A single text does not wait for those of others."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
        loaded = self._loaded
        if len(texts) == 1:
            return [work(loaded, texts[0])]
        return list(self._pool.map(lambda text: work(loaded, text), texts))


def load(tokenizer: Path, graph: str | bytes, max_tokens: int, remedy: str) -> TextModel:
    """Load a model from a file or from bytes; what is longer than `max_tokens` is cut. Raises ConfigError."""
    options = onnxruntime.SessionOptions()
    # One thread per text: two texts on two threads are faster than one text on two threads that wait for each other.
    options.intra_op_num_threads = 1
    try:
        read = Tokenizer.from_file(str(tokenizer))
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # both libraries raise errors of their own, some of them plain Exception
        raise ConfigError(f"the model in {tokenizer.parent} can't be loaded ({error}); {remedy}") from error
    read.enable_truncation(max_tokens)  # the file may have a limit of its own, and padding
    read.no_padding()
    inputs = [(put.name, _INTEGERS.get(put.type)) for put in session.get_inputs()]
    for name, kind in inputs:
        if name not in _FEEDS or kind is None:
            raise ConfigError(f"the model in {tokenizer.parent} wants an input {name!r}, which no text has; {remedy}")
    return TextModel(read, session, [(name, kind) for name, kind in inputs if kind])


def model_file(folder: Path) -> Path:
    """The one model of a folder: `model.onnx` there or in `onnx/`, or the only other `.onnx` file. Raises ConfigError.

    The tokenizer has to be there too.
    """
    if not (folder / TOKENIZER).is_file():
        raise ConfigError(f"there is no {folder / TOKENIZER}; copy it there from the model's publisher")
    for path in (folder / _MODEL, folder / _ONNX_FOLDER / _MODEL):
        if path.is_file():
            return path
    others = sorted([*folder.glob("*.onnx"), *folder.glob(f"{_ONNX_FOLDER}/*.onnx")])
    if len(others) == 1:
        return others[0]
    if others:
        names = ", ".join(path.name for path in others)
        raise ConfigError(f"{folder} has several models ({names}); name the one to use {_MODEL}")
    raise ConfigError(f"there is no {folder / _MODEL}, nor one in {folder / _ONNX_FOLDER}; {_EXPORT}")


def fingerprint(model: Path, folder: Path, settings: str) -> str:
    """Twelve hex digits of SHA-256 over all that decides what a model gives.

    That is the model with the files of weights beside it (`model.onnx_data`), the tokenizer, and how both are used.
    """
    digest = sha256(settings.encode())
    for path in [*sorted(model.parent.glob(f"{model.stem}.onnx*")), folder / TOKENIZER]:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:12]


def read_json(path: Path) -> Any:
    """What a file of a model holds; None where there is no such file. Raises ConfigError."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} can't be read as JSON ({error}); copy it again from the publisher") from error


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a model; empty where there is no such file. Raises ConfigError."""
    found = read_json(path)
    if not isinstance(found, dict | None):
        raise ConfigError(f"{path} holds no JSON object; copy it again from the publisher")
    return found or {}


def max_tokens(folder: Path) -> int:
    """How many tokens a model reads, by `sentence_bert_config.json`, else by what its tokenizer and network allow."""
    config = read_object(folder / "config.json")
    positions = config.get("max_position_embeddings")
    if isinstance(positions, int) and config.get("model_type") in _OFFSET_POSITIONS:
        positions -= 2
    own = read_object(folder / "sentence_bert_config.json").get("max_seq_length")
    tokenizer = read_object(folder / "tokenizer_config.json").get("model_max_length")
    known = [most for most in (own or tokenizer, positions) if isinstance(most, int | float) and 0 < most < _NO_LIMIT]
    return int(min(known, default=_WITHOUT_LENGTH))


def _processors() -> int | None:
    """Those this process may use, where the system can tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
