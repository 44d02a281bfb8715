"""How an operation is sent to another process: JSON, one object a line, over a loopback connection.

The first line names the operation, with the key by which the owner knows its own user; then come the calls of its
callbacks, and at last `result` or `error`.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from rag import errors
from rag.errors import BackendError, ScholiastError
from service.owner.operations import Operations

MAX_LINE_BYTES = 1 << 28
"""A page of papers is one line."""


def line(value: Mapping[str, Any]) -> bytes:
    """An object as a line."""
    return json.dumps(value).encode() + b"\n"


def is_operation(name: str) -> bool:
    """Whether there is such an operation."""
    return not name.startswith("_") and name in vars(Operations)


def to_json(operation: str, name: str, value: object) -> Any:
    """An argument of an operation as JSON; with the name `return` its result."""
    return _adapter(operation, name).dump_python(value, mode="json")


def from_json(operation: str, name: str, value: Any) -> Any:
    """The reverse. Raises ValueError."""
    return _adapter(operation, name).validate_python(value, strict=False)


def error_to_json(error: ScholiastError) -> dict[str, Any]:
    """An error, as far as another process needs it."""
    return {
        "kind": type(error).__name__,
        "message": str(error),
        "public": error.public,
        "retryable": getattr(error, "retryable", False),
    }


def error_from_json(value: Mapping[str, Any]) -> ScholiastError:
    """The reverse."""
    kind = getattr(errors, value["kind"], ScholiastError)
    if kind is BackendError:
        return BackendError(value["message"], retryable=value["retryable"], public=value["public"])
    error: ScholiastError = kind(value["message"])
    error.public = value["public"]
    return error


@cache
def _adapter(operation: str, name: str) -> TypeAdapter[Any]:
    return TypeAdapter(get_type_hints(getattr(Operations, operation), include_extras=True)[name])
