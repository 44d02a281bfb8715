"""The .env file of the home folder: read, and changed in one step, for the user's eyes alone."""

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkstemp

from dotenv import dotenv_values, set_key

from rag.errors import ConfigError, RequestError


def read(path: Path) -> dict[str, str]:
    """The variables that are set in the file; none if it is not there. Raises ConfigError."""
    try:
        return {name: value for name, value in dotenv_values(path).items() if value}
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{path} can't be read as UTF-8 text ({error}); correct it or move it away") from error


def change(path: Path, values: Mapping[str, str]) -> None:
    """Set variables in the file, whose other lines stay, and make it readable for its owner alone.

    The new file takes the place of the old one when it is whole. Raises RequestError for a value that such a file can't
    hold, and ConfigError.
    """
    path = path.resolve()
    try:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        handle, draft = mkstemp(prefix=".env-", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(path.read_text("utf-8") if path.exists() else "")
            _write(Path(draft), values)
            Path(draft).replace(path)
        finally:
            Path(draft).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{path} can't be written ({error.strerror or error}); set SCHOLIAST_HOME to a folder you may write to"
        ) from error


def _write(draft: Path, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        set_key(draft, name, value, quote_mode="always")
    written = dotenv_values(draft)
    for name, value in values.items():
        if written.get(name) != value:
            raise RequestError(
                f"the value of {name} has characters that no .env file can hold; set it in the environment"
            )
    draft.chmod(0o600)
    with draft.open("rb") as stream:
        os.fsync(stream.fileno())
