"""The only place where settings become objects: the embedder, the libraries, the engine that answers from one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rag import decide, embedders
from rag.condense import Rules
from rag.config import Settings
from rag.engine import Engine
from rag.errors import ConfigError, NotFoundError, RequestError
from rag.interfaces import Condenser, Embedder, Writer
from rag.library import shelf
from rag.library.database import Database
from rag.library.library import Library
from rag.library.shelf import Summary
from rag.notebook.inbox import Inbox
from rag.notebook.notebook import Notebook
from rag.retrieve import HybridRetriever
from rag.writers.extractive import ExtractiveWriter

DEFAULT = "default"
"""The library that is meant where none is named."""

DEMO = "demo"
"""The library of the bundled sample."""

MODELS = (ExtractiveWriter.name,)
"""What a request may always choose to write its answer."""


async def library(
    settings: Settings, name: str, embedder: Embedder, *, create: bool = False, repair: bool = False
) -> Library:
    """Open one library, as `Library.open` does. Raises ConfigError too, when the home folder can't be used."""
    with _home_errors(settings):
        return await Library.open(
            settings.home,
            name,
            embedder,
            settings.database_url,
            settings.chroma_url,
            create=create,
            repair=repair,
        )


def models(settings: Settings) -> tuple[str, ...]:
    """What a request may choose to write its answer; the first is what writes unless one is chosen."""
    return tuple(dict.fromkeys((settings.model, *MODELS, *settings.choosable)))


def engine(settings: Settings, library: Library, model: str = "") -> Engine:
    """What answers from an open library, an empty model being the settings' own. A chat model takes seconds to load.

    Raises RequestError or ConfigError.
    """
    offered = models(settings)
    name = model or offered[0]
    if name not in offered:
        raise RequestError(
            f"model {name!r} is not offered; there is {', '.join(offered)} (SCHOLIAST_MODELS adds others)"
        )
    writer, backup, condenser = _writing(settings, library, name)
    return Engine(
        library=library.name,
        retriever=HybridRetriever(library, library.embedder),
        vocabulary=library,
        writer=writer,
        backup=backup,
        condenser=condenser,
        unsupported=settings.unsupported,
        answer_from=decide.calibrated(settings.home / decide.CALIBRATION),
    )


def notebook(settings: Settings) -> Notebook:
    """What was asked; its database is opened when it is first needed. Raises ConfigError."""
    return Notebook(Database(settings.home, settings.database_url))


def inbox(settings: Settings) -> Inbox:
    """What has been taken in to be answered; its database is opened when it is first needed. Raises ConfigError."""
    return Inbox(Database(settings.home, settings.database_url))


class Workspace:
    """The libraries that a process works with: each is opened when it is first asked for, all are closed together.

    An empty name means `default`. As long as that holds no papers and the demo has been run, it means the demo's, so
    that a newcomer's first question need not name a library.
    """

    def __init__(self, settings: Settings, embedder: Embedder | None = None, url: str = "") -> None:
        """`embedder` takes the place of the one in the settings. Whoever finds a library in use is told of `url`.

        Raises ConfigError.
        """
        self.settings = settings
        self.embedder = embedder or embedders.embedder(settings.embedder)
        self._url = url
        self._opened: dict[str, Library] = {}
        self._opening = asyncio.Lock()
        self._unnamed = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def library(self, name: str = "", *, create: bool = False, repair: bool = False) -> Library:
        """The library, open. The default one is made if it is missing, any other if `create` says so.

        Raises NotFoundError, RequestError, LockedError, LibraryError or ConfigError.
        """
        opened = self._opened.get(name or self._unnamed)
        if opened is not None:
            return opened
        async with self._opening:
            return await (self._named(name, create, repair) if name else self._meant(repair))

    async def engine(self, name: str = "", model: str = "") -> Engine:
        """What answers from a library. Raises as `library` does, and RequestError for a model that is not offered."""
        return await asyncio.to_thread(engine, self.settings, await self.library(name), model)

    async def close(self) -> None:
        """Let other processes have the libraries."""
        while self._opened:
            _, library = self._opened.popitem()
            await asyncio.to_thread(library.close)

    async def _meant(self, repair: bool) -> Library:
        default = await self._named(DEFAULT, repair=repair)
        if (await default.counts()).papers:
            self._unnamed = DEFAULT
            return default
        try:
            return await self._named(DEMO, repair=repair)
        except NotFoundError:
            return default

    async def _named(self, name: str, create: bool = False, repair: bool = False) -> Library:
        if name not in self._opened:
            create = create or name == DEFAULT
            opened = await library(self.settings, name, self.embedder, create=create, repair=repair)
            self._opened[name] = opened
            if self._url:
                await asyncio.to_thread(opened.announce, self._url)
        return self._opened[name]


async def libraries(settings: Settings) -> list[Summary]:
    """Every library, by name, whether somebody has it open or not."""
    with _home_errors(settings):
        return await shelf.libraries(settings.home, settings.database_url)


async def remove(settings: Settings, name: str) -> None:
    """Delete a library and all it holds. Raises NotFoundError, LockedError, ConfigError."""
    with _home_errors(settings):
        await shelf.remove(settings.home, name, settings.database_url, settings.chroma_url)


def _writing(settings: Settings, library: Library, name: str) -> tuple[Writer, Writer | None, Condenser]:
    """What writes, what goes on where that fails, and what makes a follow-up stand alone."""
    extractive = ExtractiveWriter(library)
    if name == extractive.name:
        return extractive, None, Rules()
    from rag.writers import chat  # LangChain takes seconds to import, and only chat models need it

    window, seconds = settings.model_context_tokens, settings.model_timeout_seconds
    writer = chat.writer(name, extractive, settings.model_base_url, window, seconds)
    return writer, extractive if settings.on_model_failure == "extractive" else None, writer


@contextmanager
def _home_errors(settings: Settings) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"SCHOLIAST_HOME is {settings.home}, and that can't be used ({reason}); set it to a folder you may write to"
        ) from error
