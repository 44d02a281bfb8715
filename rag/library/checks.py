"""The doctor: checks configuration, catalog, indexes and embedder against each other, with a remedy for each fault."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from rag import embedders, rerankers, vector_indexes
from rag.config import Settings
from rag.errors import (
    ConfigError,
    LibraryError,
    LockedError,
    ScholiastError,
    how_to_embed_again,
    how_to_rebuild,
)
from rag.library import registry
from rag.library.catalog import Catalog
from rag.library.lock import Lock
from rag.library.registry import folder_of
from rag.library.schema import LibraryRow, find_mismatch
from rag.library.sync import Indexes
from rag.protocols import Embedder
from rag.text import tokens
from rag.types import Paper, Passage
from rag.vector_indexes.probing import PROBE_COUNT

_PREFIX = "SCHOLIAST_"
_SAMPLE_TEXT = "Retrieval finds the abstracts that answer a question."
_OTHER_TEXT = "Whales sing in cold water."
_SAME_COSINE = 0.99


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of checking one part; `remedy` is what to do, empty when there is nothing to do.

    `public` is the message for other machines, where it differs (`ScholiastError.public`).
    """

    part: str
    verdict: Literal["ok", "warning", "fault"]
    message: str
    remedy: str = ""
    public: str = ""


async def diagnose(
    settings: Settings, library: str = "", make_embedder: Callable[[str], Embedder] = embedders.embedder
) -> list[Finding]:
    """Check everything, with every library or only the one named. Takes some seconds; our errors become findings."""
    findings = [
        *_unknown_settings(),
        await _check("configuration", asyncio.to_thread(_home, settings), "the home folder can be used"),
        await _check("tokenizer", asyncio.to_thread(_tokenizer)),
        await _check("embedder", _embedder(settings, make_embedder)),
    ]
    embedder = make_embedder(settings.embedder) if findings[-1].verdict == "ok" else None
    findings.append(await _check("reranker", _reranker(settings)))
    try:
        catalog = await asyncio.to_thread(Catalog, settings.home, settings.database_url)
    except ScholiastError as error:
        return [*findings, _fault("catalog", error)]
    try:
        findings.append(await _check("catalog", asyncio.to_thread(_catalog, catalog), "the catalog can be read"))
        rows = await asyncio.to_thread(catalog.libraries) if findings[-1].verdict == "ok" else []
        chosen = [row for row in rows if library in {"", row.name}]
        for row in chosen:
            findings += await _of_library(settings, catalog, row, embedder)
        if rows and not chosen:
            missing = await asyncio.to_thread(registry.no_library, library, catalog)
            findings.append(_fault(f"library {library}", missing))
    finally:
        catalog.close()
    return findings


async def _of_library(
    settings: Settings, catalog: Catalog, row: LibraryRow, embedder: Embedder | None
) -> list[Finding]:
    folder = folder_of(settings.home, row.name)
    store = vector_indexes.store(settings.vector_index, settings.chroma_url)
    indexes, lock = Indexes(catalog, row.name, folder, store), Lock(folder, catalog.lock(row.name))
    papers = await _check(f"library {row.name}", _vectors(catalog, row, embedder))
    owned = await _check(f"indexes of {row.name}", asyncio.to_thread(_own, lock, row))
    if owned.verdict != "ok":
        return [papers, owned]
    try:
        checked = asyncio.to_thread(_vector_index, catalog, row, indexes, store.title)
        vectors = await _check(f"{store.title} of {row.name}", checked)
        keywords = await _check(f"keywords of {row.name}", asyncio.to_thread(_keywords, catalog, row, indexes))
    finally:
        indexes.close()
        lock.release()
    return [papers, vectors, keywords]


async def _check(part: str, found: Awaitable[str], public: str = "") -> Finding:
    """A check returns a message when all is well, and raises what is wrong; `public` stands for that message."""
    try:
        return Finding(part=part, verdict="ok", message=await found, public=public)
    except LockedError as error:
        remedy = "to have it checked, stop that process"
        return Finding(part=part, verdict="warning", message=str(error), remedy=remedy, public=error.public)
    except ScholiastError as error:
        return _fault(part, error)


def _fault(part: str, error: ScholiastError) -> Finding:
    """Our messages say what was found and, after the last semicolon, what to do."""
    found, _, remedy = str(error).rpartition("; ")
    return Finding(
        part=part, verdict="fault", message=found or remedy, remedy=remedy if found else "", public=error.public
    )


def _unknown_settings() -> list[Finding]:
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.startswith(_PREFIX) and name not in known)
    return [
        Finding(part="configuration", verdict="warning", message=f"{name} is no setting", remedy="correct or unset it")
        for name in unknown
    ]


def _home(settings: Settings) -> str:
    if settings.home.exists() and not os.access(settings.home, os.W_OK):
        raise ConfigError(f"the folder {settings.home} can't be written; set SCHOLIAST_HOME to one that can")
    return f"data in {settings.home}, embedder {settings.embedder!r}"


def _tokenizer() -> str:
    return f"{tokens.ENCODING} counts {tokens.count(_SAMPLE_TEXT)} tokens in a sentence"


async def _embedder(settings: Settings, make_embedder: Callable[[str], Embedder]) -> str:
    embedder = make_embedder(settings.embedder)
    vectors = await embedder.embed([_SAMPLE_TEXT])
    return f"{embedder.name!r} gives vectors of {vectors.shape[1]} numbers"


async def _reranker(settings: Settings) -> str:
    reranker = rerankers.reranker(settings)
    if reranker is None:
        return "none; passages are in the order of the search"
    passages = [_passage(number, text) for number, text in enumerate((_OTHER_TEXT, _SAMPLE_TEXT), start=1)]
    other, fitting = await reranker.rerank("What finds abstracts?", passages)
    if fitting <= other:
        raise ConfigError(
            f"{reranker.name!r} scores a sentence about something else {other:.3g} and one that answers {fitting:.3g}; "
            "check that its model is a reranker"
        )
    return f"{reranker.name!r} scores a sentence that answers {fitting:.3g}, another one {other:.3g}"


def _passage(number: int, text: str) -> Passage:
    return Passage(number=number, paper=Paper(id=f"sample-{number}", title="Sample", abstract=text), text=text, score=0)


def _catalog(catalog: Catalog) -> str:
    catalog.check()
    return f"{catalog.place} holds {', '.join(row.name for row in catalog.libraries()) or 'no library yet'}"


async def _vectors(catalog: Catalog, row: LibraryRow, embedder: Embedder | None) -> str:
    """Check that the configured embedder gives the vectors that are stored."""
    counts = await asyncio.to_thread(catalog.counts, row.name)
    fault = find_mismatch(row, embedder.name) if embedder else ""
    if fault:
        raise LibraryError(fault)
    if embedder:
        for stored in (await asyncio.to_thread(catalog.sample, row.name, row.revision, 1)).values():
            text, vector = stored.text(stored.sentences[0]), stored.sentence_vectors[0]
            again = (await embedder.embed([text]))[0]
            if again.shape != vector.shape or float(again @ vector) < _SAME_COSINE:
                raise LibraryError(
                    f"embedder {embedder.name!r} gives another vector for a sentence of paper {stored.paper.id!r} than "
                    f"the one stored; {how_to_embed_again(row.name)}"
                )
    return f"{counts.papers} papers in {counts.chunks} chunks, with the vectors of {row.embedder!r}"


def _own(lock: Lock, row: LibraryRow) -> str:
    """Only the owner can check the indexes: another process may be writing them."""
    lock.acquire(row.name)
    return "not in use"


def _vector_index(catalog: Catalog, row: LibraryRow, indexes: Indexes, title: str) -> str:
    if row.chroma_revision == 0:
        return "empty" if row.revision == 0 else "not filled yet; the next command on this library does it"
    probed = indexes.probe()
    wanted = catalog.counts(row.name).chunks
    if row.chroma_revision == row.revision and probed.chunks != wanted:
        raise LibraryError(f"{title} holds {probed.chunks} chunks, the catalog {wanted}; {how_to_rebuild(row.name)}")
    found = f"{probed.chunks} chunks; {probed.found} of {probed.tried} papers tried are there"
    return f"{found}, {probed.reached} are found by their own vector"


def _keywords(catalog: Catalog, row: LibraryRow, indexes: Indexes) -> str:
    keywords, wanted = indexes.keywords(), catalog.counts(row.name).papers
    if keywords.revision < row.revision:
        return f"{row.revision - keywords.revision} changes behind; the next command on this library applies them"
    if keywords.revision > row.revision or len(keywords) != wanted:
        raise LibraryError(
            f"the keyword index holds {len(keywords)} papers up to change {keywords.revision}, the catalog {wanted} up "
            f"to {row.revision}; {how_to_rebuild(row.name)}"
        )
    sample = [stored.paper for stored in catalog.sample(row.name, row.revision, PROBE_COUNT).values()]
    if differing := keywords.differing(sample):
        raise LibraryError(
            f"{len(differing)} of {len(sample)} papers tried, such as {differing[0]!r}, have other words in the "
            f"keyword index than in the catalog, so it ranks by what is not there; {how_to_rebuild(row.name)}"
        )
    return f"{len(keywords)} papers; {len(sample)} of {len(sample)} papers tried have the words of the catalog"
