"""An engine over thirteen invented papers on medicine, with real indexes and an embedder that needs no model."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rag.engine import Engine
from rag.workspace import Workspace
from tests.conftest import settings
from tests.support.catalog_papers import PAPERS
from tests.support.command import words


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    async with Workspace(settings(tmp_path / "home"), words()) as workspace:
        await workspace.ingest(*PAPERS)
        yield await workspace.engine()
