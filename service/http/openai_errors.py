"""Failures in OpenAI's shape, for the paths that speak as OpenAI's do; their clients read no other."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from starlette.responses import JSONResponse

CHAT = "/v1/chat/completions"
MODELS = "/v1/models"


class FailureDetail(BaseModel):
    """What went wrong; `param` names the field of the request, if it was one."""

    message: str
    type: str
    param: str | None
    code: str | None


class Failure(BaseModel):
    """A failure, as OpenAI's clients read it."""

    error: FailureDetail


_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


def spoken_at(path: str) -> bool:
    """Whether the path is one of OpenAI's."""
    return path in (CHAT, MODELS) or path.startswith(f"{MODELS}/")


def response(status: int, message: str, headers: Mapping[str, str] | None, param: str | None) -> JSONResponse:
    """A failure. OpenAI has no 422: what can't be used is a 400."""
    status = 400 if status == 422 else status
    error: dict[str, Any] = {"message": message, "type": _type(status), "param": param, "code": _CODES.get(status)}
    return JSONResponse({"error": error}, status, headers)


def _type(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"
