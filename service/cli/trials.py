"""Tries what is configured: whether a model, an embedder and Slack answer, and why not, in plain words."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rag import embedders
from rag.config import Settings
from rag.errors import BackendError, ConfigError, ScholiastError
from rag.library.checks import Finding

_STATUSES = {
    "HTTP 401": "the key is refused",
    "HTTP 403": "the key may not use it",
    "HTTP 404": "there is no such model, or the URL is not that of the API",
    "HTTP 429": "there is no credit left, or there were too many requests",
    "APIConnectionError": "the server can't be reached",
    "APITimeoutError": "the server does not answer in time",
}
_SECONDS = 30.0


async def model(name: str, base_url: str) -> str:
    """What a chat model says to a word. Raises ConfigError, BackendError."""
    from rag.writers import models  # LangChain takes seconds to import

    await models.try_out(name, base_url, _SECONDS)
    return f"{name} answers"


async def embedder(name: str) -> str:
    """What an embedder makes of a word. Raises ConfigError, BackendError."""
    vectors = await embedders.embedder(name).embed(["otters"])
    return f"{name} gives vectors of {vectors.shape[1]} numbers"


async def slack(settings: Settings) -> Sequence[Finding]:
    """What Slack says of its tokens. Its libraries are loaded only here."""
    from service.slack.http import extra_installed

    try:
        with extra_installed():
            from service.slack import setup
    except ConfigError as error:
        message, _, remedy = str(error).partition("; ")
        return [Finding(part="Slack", verdict="fault", message=message, remedy=remedy)]
    return await setup.diagnose(settings)


def in_plain_words(error: ScholiastError) -> str:
    """Why it does not work, what that usually means first."""
    meaning = _STATUSES.get(error.reason) if isinstance(error, BackendError) else None
    return f"{meaning} ({error})" if meaning else str(error)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables that are set meanwhile, as the SDKs read their keys there; empty ones stay as they are."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update({name: value for name, value in values.items() if value})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
