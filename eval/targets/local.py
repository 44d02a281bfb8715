"""Our own engine in this process, as `SCHOLIAST_*` sets it up."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from time import perf_counter
from typing import Any

from eval.questions import PaperRef, Question
from eval.records import SeenPaper
from eval.targets import SEARCH_LIMIT, Options, Target, TargetDescription, TargetReply, milliseconds_since
from rag import corpus, serialize
from rag.answerability import CALIBRATION
from rag.engine import Delta, Done, Engine
from rag.errors import RequestError
from rag.library.library import Library
from rag.types import EVERYTHING, Filters, Paper, Passage, Record
from rag.workspace import Workspace

_PAGE = 1000
_RECORDED_SETTINGS = {"embedder", "model", "model_base_url"}
_PRODUCT_SUFFIXES = frozenset({".py", ".json", ".md", ".txt"})


@asynccontextmanager
async def local(options: Options) -> AsyncIterator[Target]:
    """Open the library, load `options.papers` into it, and answer from it. Raises ScholiastError."""
    async with Workspace() as workspace:
        if options.papers:
            library = await workspace.library(options.library, create=bool(options.library))
            await library.ingest(_records(options.papers), options.progress)
        library = await workspace.library(options.library)
        engine = await workspace.engine(options.library, options.model)
        calibration = workspace.settings.home / CALIBRATION
        yield LocalTarget(engine, library, options, _details(workspace), calibration)


class LocalTarget:
    """Asks an engine, which may have another retriever or writer than the settings say."""

    def __init__(
        self,
        engine: Engine,
        library: Library,
        options: Options,
        details: dict[str, Any],
        calibration: Path | None = None,
    ) -> None:
        """`details` go into the manifest; `calibration` is the file that may change when to answer."""
        self._calibration = calibration
        self._engine = engine
        self._library = library
        self._options = options
        self.offers = options.own_offers
        self._details = details
        self._papers: tuple[PaperRef, ...] = ()

    async def describe(self) -> TargetDescription:
        """The library's papers and the settings."""
        papers = [paper async for paper in _every_paper(self._library)]
        self._papers = tuple(PaperRef(paper.id, paper.title) for paper in papers)
        return TargetDescription(
            identity={
                "library": self._library.name,
                "model": self._engine.writer.name,
                "corpus_sha256": corpus_hash(papers),
                "product_sha256": await asyncio.to_thread(product_hash, self._calibration),
                "top_k": self._options.top_k,
                "search_only": self._options.search_only,
                **({"without_gold": True} if self._options.without else {}),
            },
            details=self._details,
            papers=self._papers,
        )

    async def ask(self, question: Question) -> TargetReply:
        """The answer from the engine's stream, the ranking from its retriever."""
        reply = TargetReply(answer=None, latency_ms=0.0) if self._options.search_only else await self._answer(question)
        standalone = reply.answer["standalone_question"] if reply.answer else question.question
        start = perf_counter()
        found = await self._engine.retriever.retrieve(standalone, SEARCH_LIMIT, self._filters(question))
        elapsed = milliseconds_since(start) if reply.answer is None else reply.latency_ms
        ranked = tuple({"id": passage.paper.id, "title": passage.paper.title} for passage in found)
        return TargetReply(
            answer=reply.answer,
            ranked=ranked,
            papers=(*reply.papers, *_seen(found)),
            latency_ms=elapsed,
            first_token_ms=reply.first_token_ms,
        )

    async def _answer(self, question: Question) -> TargetReply:
        start, first = perf_counter(), None
        stream = self._engine.stream(question.question, question.history, self._filters(question), self._options.top_k)
        async with aclosing(stream) as events:
            async for event in events:
                if isinstance(event, Delta) and first is None:
                    first = milliseconds_since(start)
                if isinstance(event, Done):
                    return TargetReply(
                        answer=serialize.answer(event.answer),
                        papers=_seen(event.answer.passages),
                        latency_ms=milliseconds_since(start),
                        first_token_ms=first,
                    )
        raise AssertionError("a stream ends with Done or an error")

    def _filters(self, question: Question) -> Filters:
        """Every paper but those to leave out. Raises RequestError if none would be left."""
        complete = self._options.without.get(question.id)
        if complete is None:
            return EVERYTHING
        rest = tuple(paper.id for paper in self._papers if complete.key(paper) not in complete.gold)
        if not rest:
            raise RequestError(f"{question.id}: without its gold papers library {self._library.name!r} is empty")
        return Filters(papers=rest)


def corpus_hash(papers: Iterable[Paper]) -> str:
    """SHA-256 over the content of all papers, in any order."""
    return sha256("".join(sorted(f"{paper.id}\t{paper.content_hash}\n" for paper in papers)).encode()).hexdigest()


def product_hash(calibration: Path | None) -> str:
    """SHA-256 over the product's code, weights and prompts, and the calibration if there is one.

    With another hash, the answers in a folder are those of another version.
    """
    found = sha256()
    for package in ("rag", "prompts"):
        root = Path(str(files(package)))
        for path in sorted(root.rglob("*")):
            if path.suffix in _PRODUCT_SUFFIXES and path.is_file():
                found.update(f"{package}/{path.relative_to(root)}\0".encode() + path.read_bytes())
    if calibration and calibration.exists():
        found.update(calibration.read_bytes())
    return found.hexdigest()


def _details(workspace: Workspace) -> dict[str, Any]:
    return {"settings": workspace.settings.model_dump(mode="json", include=_RECORDED_SETTINGS)}


def _records(paths: Sequence[Path]) -> Iterator[Record]:
    for path in paths:
        yield from corpus.read(path)


async def _every_paper(library: Library) -> AsyncIterator[Paper]:
    offset = 0
    while page := await library.papers(offset, _PAGE):
        for paper in page:
            yield paper
        offset += len(page)


def _seen(passages: Sequence[Passage]) -> tuple[SeenPaper, ...]:
    return tuple(SeenPaper(id=p.paper.id, title=p.paper.title, abstract=p.paper.abstract) for p in passages)
