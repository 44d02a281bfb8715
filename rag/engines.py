"""Turns settings into an engine over a library: the writer, what decides, what checks, and what searches deeper."""

from dataclasses import replace

from rag import answerability, parts
from rag.catalog_questions import CatalogQuestions
from rag.condense import RuleBasedRewriter
from rag.config import Settings
from rag.engine import Engine
from rag.errors import RequestError
from rag.evidence import MODEL_PAPERS, ModelReading
from rag.library.library import Library
from rag.protocols import AnswerReviewer, QueryRewriter, Reranker
from rag.retrieval import HybridRetriever
from rag.writers.extractive import ExtractiveWriter


def offered_models(settings: Settings) -> tuple[str, ...]:
    """What a request may choose to write its answer; the first is the default."""
    return tuple(dict.fromkeys((settings.model, ExtractiveWriter.name, *settings.choosable)))


def make_engine(settings: Settings, library: Library, model: str = "", reranker: Reranker | None = None) -> Engine:
    """An engine over an open library; an empty model is the settings' own. A chat model takes seconds to load.

    Raises RequestError or ConfigError.
    """
    offered = offered_models(settings)
    name = model or offered[0]
    if name not in offered:
        raise RequestError(
            f"model {name!r} is not offered; there is {', '.join(offered)} (SCHOLIAST_MODELS adds others)"
        )
    retriever = HybridRetriever(library, library.embedder, reranker)
    rules = RuleBasedRewriter(retriever, library)
    extractive = ExtractiveWriter(library)
    engine = Engine(
        library=library.name,
        retriever=retriever,
        vocabulary=library,
        writer=extractive,
        rewriter=rules,
        reviewer=_reviewer(settings, name),
        catalog=CatalogQuestions(library, retriever),
        unsupported=settings.unsupported,
        answer_from=answerability.calibrated(settings.home / answerability.CALIBRATION),
    )
    return engine if name == extractive.name else _with_model(engine, name, settings, extractive, rules)


def _with_model(
    engine: Engine, name: str, settings: Settings, extractive: ExtractiveWriter, rules: QueryRewriter
) -> Engine:
    """The engine with a chat model that writes, rewrites follow-ups, and searches for deep answers."""
    from rag import model_verifier  # LangChain takes seconds to import, and only chat models need it
    from rag.deep.budget import Limits
    from rag.deep.research import DeepResearcher
    from rag.writers import chat

    url, window, seconds = settings.model_base_url, settings.model_context_tokens, settings.model_timeout_seconds
    writer = chat.writer(name, extractive, url, window, seconds, rules, settings.model_prompt)
    limits = Limits(
        calls=settings.deep_calls,
        tokens=settings.deep_tokens,
        seconds=settings.deep_seconds,
        cost_usd=settings.deep_cost_usd,
    )
    reviewer = model_verifier.verifier(name, url, seconds)
    reading = ModelReading(ask_from=settings.model_answer_from, papers=MODEL_PAPERS)
    return replace(
        engine,
        writer=writer,
        backup=extractive if settings.on_model_failure == "extractive" else None,
        rewriter=writer,
        split=parts.whole,
        reading=reading if writer.wide else None,
        researcher=DeepResearcher(writer.client, engine.retriever, limits, reviewer),
    )


def _reviewer(settings: Settings, writer: str) -> AnswerReviewer | None:
    """The model that checks an answer after it is written; None where the words are compared alone."""
    name = writer if settings.verifier == "model" else settings.verifier
    if name in ("lexical", ExtractiveWriter.name):
        return None
    from rag import model_verifier  # LangChain takes seconds to import

    return model_verifier.verifier(name, settings.model_base_url, settings.model_timeout_seconds)
