"""HTTP for the remote targets: a client, errors as BackendError, and server-sent events."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from rag.errors import BackendError

_SHOWN_CHARACTERS = 200


@asynccontextmanager
async def client(base_url: str, key: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a timeout of its own: the run has a deadline for each question."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx2.AsyncClient(base_url=base_url.rstrip("/"), headers=headers, timeout=None) as opened:
        yield opened


@asynccontextmanager
async def errors(url: str) -> AsyncIterator[None]:
    """Turn errors of the connection, and replies in an unknown shape, into BackendError."""
    try:
        yield
    except httpx2.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise BackendError(f"{url} can't be reached: {reason}; is it running?", retryable=True) from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise BackendError(f"{url} answered in a shape that is not known: {error!r}", retryable=False) from error


async def check(response: httpx2.Response) -> None:
    """Raise BackendError with the server's words unless the status is 2xx."""
    if not response.is_success:
        body = (await response.aread()).decode(errors="replace")[:_SHOWN_CHARACTERS]
        raise BackendError(
            f"{response.request.url} answered {response.status_code}: {body}", retryable=response.status_code >= 429
        )


async def get(client: httpx2.AsyncClient, path: str, **params: str | int) -> dict[str, Any]:
    """The JSON object at a path. Raises BackendError."""
    async with errors(f"{client.base_url}{path.lstrip('/')}"):
        response = await client.get(path, params=params)
        await check(response)
        found: dict[str, Any] = response.json()
        return found


def is_stream(response: httpx2.Response) -> bool:
    """Whether the body is a stream of events rather than one JSON object."""
    return response.headers.get("content-type", "").startswith("text/event-stream")


async def events(response: httpx2.Response) -> AsyncIterator[tuple[str, Any]]:
    """(name, JSON data) of each server-sent event (WHATWG HTML, 9.2.6); comments and `[DONE]` are left out."""
    name, data = "message", list[str]()
    async for line in response.aiter_lines():
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line:
            if data and data != ["[DONE]"]:
                yield name, json.loads("\n".join(data))
            name, data = "message", []
    if data and data != ["[DONE]"]:
        yield name, json.loads("\n".join(data))
