"""The HTTP service: routes, middleware and errors put together, and what lives as long as the server does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from rag import build, config
from rag.build import Workspace
from rag.config import Settings
from rag.errors import ScholiastError
from rag.interfaces import Embedder
from service import conversations, feedback, http, openai_api, problems
from service.metrics import Metrics
from service.middleware import BodyLimit, Envelope, Guard
from service.slack import door as slack
from service.warmup import Warmup

_DESCRIPTION = "Answers questions about scientific abstracts and shows the very words that support each sentence."


def create_app(settings: Settings | None = None, embedder: Embedder | None = None, url: str = "") -> FastAPI:
    """The app for an ASGI server. Settings come from the environment and the embedder from them unless given.

    `url` is where the service answers, for whoever finds a library in use. Raises ConfigError.
    """
    settings = settings or config.load()
    app = FastAPIOffline(
        title="Scholiast", description=_DESCRIPTION, version=version("scholiast"), redoc_url=None, lifespan=_lifespan
    )
    app.state.workspace = Workspace(settings, embedder, url)
    app.state.notebook = build.notebook(settings)
    app.state.warmup = Warmup(app.state.workspace)
    app.state.metrics = Metrics()
    app.state.slack = slack.SlackDoor(app.state.workspace, app.state.notebook, app.state.metrics)
    app.include_router(http.v1)
    app.include_router(conversations.routes)
    app.include_router(feedback.routes)
    app.include_router(openai_api.routes)
    app.include_router(slack.routes)
    app.include_router(http.operations)
    app.add_exception_handler(ScholiastError, problems.handle)
    app.add_exception_handler(HTTPException, problems.handle_http)
    app.add_exception_handler(ClientDisconnect, problems.handle_left)
    app.add_exception_handler(RequestValidationError, problems.handle_invalid)
    # The last one added is the first to see a request.
    app.add_middleware(BodyLimit)
    app.add_middleware(Guard, keys=settings.keys)
    app.add_middleware(Envelope, metrics=app.state.metrics)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.workspace, app.state.slack:
        warming = asyncio.create_task(app.state.warmup.run())
        yield
        warming.cancel()
        with suppress(asyncio.CancelledError):
            await warming
    await asyncio.to_thread(app.state.notebook.close)
