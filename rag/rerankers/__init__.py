"""A question and passages to scores: one module per kind of reranker. They decide on the order of passages alone."""

from rag.config import Settings
from rag.errors import ConfigError
from rag.protocols import Reranker
from rag.rerankers.breaker import CircuitBreaker
from rag.types import Passage

MAX_CHARACTERS = 2_000
"""Of a document. Most rerankers read 512 tokens, and some servers refuse more instead of cutting it themselves."""

_KINDS = "http:URL, model, cross-encoder:FOLDER or cross-encoder:NAME"


def reranker(settings: Settings) -> Reranker | None:
    """The reranker of the settings; None where they name none. Only its own library is imported. Raises ConfigError."""
    if not settings.reranker:
        return None
    kind, _, rest = settings.reranker.partition(":")
    if kind == "http" and rest:
        from rag.rerankers import http

        key = settings.reranker_key.get_secret_value()
        return CircuitBreaker(http.HttpReranker(rest, settings.reranker_model, key, settings.reranker_timeout_seconds))
    if settings.reranker == "model":
        return CircuitBreaker(_chat_model(settings))
    if kind == "cross-encoder" and rest:
        from rag.rerankers import cross_encoder

        return cross_encoder.reranker(rest)
    raise ConfigError(f"SCHOLIAST_RERANKER is {settings.reranker[:100]!r}; set it to {_KINDS}, or to nothing")


def _chat_model(settings: Settings) -> Reranker:
    if settings.model == "extractive":
        raise ConfigError("SCHOLIAST_RERANKER is model, but SCHOLIAST_MODEL names no chat model; set it to one")
    from rag.rerankers import model

    url, window = settings.model_base_url, settings.model_context_tokens
    return model.ModelReranker(settings.model, url, window, settings.model_timeout_seconds)


def document(passage: Passage) -> str:
    """What a reranker reads of a passage: the title and the text, at most `MAX_CHARACTERS`."""
    return f"{passage.paper.title}. {passage.text}"[:MAX_CHARACTERS]
