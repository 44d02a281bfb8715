"""Models on this machine by folder, or by the name under which Hugging Face's cache has them. Nothing is downloaded."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from rag.errors import ConfigError

_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_MAIN = "main"


def folder(given: str, setting: str) -> Path:
    """The folder itself, or that of a model such as `BAAI/bge-small-en-v1.5`.

    Raises ConfigError that names the setting if there is neither; a missing folder is left to who reads it.
    """
    path = Path(given).expanduser()
    if path.is_dir() or not _NAME.fullmatch(given):
        return path
    if found := next(snapshots(given), None):
        return found
    raise ConfigError(
        f"{setting} names {given!r}, which is no folder here and not in {hub()}; nothing is downloaded by itself: put "
        f"the model's files into a folder and name that, or fetch it with `hf download {given}`"
    )


def snapshots(name: str) -> Iterator[Path]:
    """The folders of a model in the cache: that of its main branch first."""
    repository = hub() / f"models--{name.replace('/', '--')}"
    main = repository / "refs" / _MAIN
    commit = main.read_text("utf-8").strip() if main.is_file() else ""
    found = (path for path in (repository / "snapshots").glob("*") if path.is_dir())
    yield from sorted(found, key=lambda path: (path.name != commit, path.name))


def hub() -> Path:
    """Where huggingface_hub keeps what it downloads; the same variables in the same order."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = Path(os.environ.get("HF_HOME") or cache / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
