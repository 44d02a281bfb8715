"""Makes LangChain chat models named `provider:model`, and turns their failures into our errors."""

import asyncio
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages.ai import UsageMetadata

from rag.errors import BackendError, ConfigError, http_status, retryable
from rag.text import tokens
from rag.types import Usage

OPENAI = "openai"
DEFAULT_WINDOW = 8_192
"""Tokens of a model of which nothing is known."""

MAX_ANSWER_TOKENS = 4_000
"""Models that think before they write spend most of it on that."""

SMALL_BILLIONS = 4.0
"""Parameters up to which a model is led astray by abstracts that do not answer (`eval/results/llm.md`)."""

_SIZE = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)b\b", re.IGNORECASE)
_RETRIES = 2
_LONGEST_MESSAGE = 300


@lru_cache(maxsize=32)
def chat_model(name: str, base_url: str, seconds: float) -> BaseChatModel:
    """The model of that name at temperature 0, where it takes one; `base_url` is for `openai:` models.

    Raises ConfigError.
    """
    provider, _, model = name.partition(":")
    if not provider or not model:
        raise ConfigError(
            f"model {name!r} is not provider:model; set SCHOLIAST_MODEL=openai:gpt-4o-mini, or extractive"
        )
    tokens.prepare()
    options = _openai_options(base_url, seconds) if provider == OPENAI else {"max_tokens": MAX_ANSWER_TOKENS}
    made = _make(name, provider, model, {**options, "temperature": 0})
    takes = (made.profile or {}).get("temperature", provider != OPENAI or "base_url" in options)
    return made if takes else _make(name, provider, model, options)


async def try_out(name: str, base_url: str, seconds: float) -> None:
    """Have a model answer a word, with the key that is set now. Raises ConfigError, BackendError."""
    chat_model.cache_clear()  # one that was made before may have another key
    model = chat_model(name, base_url, seconds)
    with backend_errors(name, seconds):
        await asyncio.wait_for(model.ainvoke("Reply with the word yes."), seconds)


def window_of(model: BaseChatModel, configured: int) -> int:
    """The tokens that a model reads and writes at most: as configured, as its profile says, or a safe default."""
    profile: Mapping[str, Any] = model.profile or {}
    return configured or profile.get("max_input_tokens") or DEFAULT_WINDOW


def reserved_tokens(window: int) -> int:
    """How many tokens of the window are kept for the answer."""
    return min(MAX_ANSWER_TOKENS, window // 4)


def is_small(name: str) -> bool:
    """Whether a model's name says that it has few parameters, such as `qwen2.5:1.5b`; unknown sizes are not small."""
    sizes = [float(size) for size in _SIZE.findall(name)]
    return bool(sizes) and max(sizes) <= SMALL_BILLIONS


def may_take_schema(name: str, model: BaseChatModel) -> bool:
    """Whether the model may be asked for a reply by a JSON schema: those behind OpenAI's protocol, unless known not to.

    A server that does not know the parameter says so when it is asked.
    """
    profile: Mapping[str, Any] = model.profile or {}
    return name.startswith(f"{OPENAI}:") and profile.get("structured_output") is not False


def schema_options(model: BaseChatModel, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a call that ask for a reply by this schema.

    As a field of the body of our own: LangChain's parameter of that name would have the SDK parse the growing reply
    again and again, and raise at the end of one that was cut off.
    """
    named = {"name": "reply", "strict": True, "schema": schema}
    own = getattr(model, "extra_body", None) or {}
    return {"extra_body": {**own, "response_format": {"type": "json_schema", "json_schema": named}}}


def usage_of(counted: UsageMetadata) -> Usage:
    """Tokens as LangChain counts them."""
    cached = (counted.get("input_token_details") or {}).get("cache_read") or 0
    return Usage(
        prompt_tokens=counted["input_tokens"], completion_tokens=counted["output_tokens"], cached_tokens=cached
    )


@contextmanager
def backend_errors(name: str, seconds: float) -> Iterator[None]:
    """Turn what goes wrong in a call into BackendError."""
    try:
        yield
    except TimeoutError as error:
        message = f"{name}: no whole answer within {seconds:g} s; SCHOLIAST_MODEL_TIMEOUT_SECONDS allows more"
        raise BackendError(message, retryable=True, reason=f"no whole answer within {seconds:g} s") from error
    except Exception as error:  # each provider has errors of its own
        status = http_status(error)
        reason = f"HTTP {status}" if status else type(error).__name__
        raise BackendError(f"{name}: {reason}: {_short(error)}", retryable=retryable(error), reason=reason) from error


def _openai_options(base_url: str, seconds: float) -> dict[str, Any]:
    base_url = base_url or os.environ.get("OPENAI_BASE_URL", "")
    options: dict[str, Any] = {
        "timeout": seconds,
        "max_retries": _RETRIES,
        "stream_usage": True,
        "stream_chunk_timeout": None,
    }
    if not base_url:
        return {**options, "max_tokens": MAX_ANSWER_TOKENS}
    # Servers that are not OpenAI's know the older name of this limit, and many need no key.
    key = {} if os.environ.get("OPENAI_API_KEY") else {"api_key": "none"}
    return {**options, **key, "base_url": base_url, "extra_body": {"max_tokens": reserved_tokens(DEFAULT_WINDOW)}}


def _make(name: str, provider: str, model: str, options: Mapping[str, Any]) -> BaseChatModel:
    try:
        return cast(BaseChatModel, init_chat_model(model, model_provider=provider, **options))
    except ImportError as error:
        package = re.search(r"pip install ([\w-]+)", str(error))
        needed = f"pip install {package[1]}" if package else str(error)
        raise ConfigError(f"model {name!r} needs a package that is not installed: {needed}") from error
    except Exception as error:  # whatever the provider's constructor raises: a missing key, an unknown argument
        raise ConfigError(f"model {name!r} can't be made: {_short(error)}") from error


def _short(error: Exception) -> str:
    text = " ".join(str(getattr(error, "message", "") or error).split())
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"
