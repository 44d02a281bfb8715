"""What several test files share: a small library over the sample's first papers, and the doors that open onto it."""

import asyncio
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rag import corpus
from rag.config import Settings
from rag.types import Paper
from rag.workspace import DEFAULT_LIBRARY, open_library
from service.cli.main import main
from service.http.app import create_app
from tests.support.command import words
from tests.support.fake_slack import FakeSlack
from tests.support.small_disk import mounted as small_disk_mounted

# A shell that starts the tests in the background has Ctrl-C ignored, by every process that they start in turn.
signal.signal(signal.SIGINT, signal.default_int_handler)

SAMPLE = Path(str(files("rag") / "data" / "sample_papers.jsonl"))
FEW = 12
QUESTION = "What is the best recipe for the heads named Hydra++?"
"""The sample's first paper answers it."""


def settings(home: Path, **others: str) -> Settings:
    """As if nothing were in the environment."""
    return Settings(_env_file=None, home=home, **others)  # type: ignore[call-arg, arg-type]  # pydantic's own


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: one that begins last would keep a single processor busy at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SCHOLIAST_{name.upper()}", raising=False)
    monkeypatch.setenv("SCHOLIAST_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def papers() -> list[Paper]:
    """The first papers of the sample; the first of all is Hydra's."""
    return [record for record in corpus.read(SAMPLE) if isinstance(record, Paper)][:FEW]


@pytest.fixture(scope="session")
def _built_home(tmp_path_factory: pytest.TempPathFactory, papers: list[Paper]) -> Path:
    home = tmp_path_factory.mktemp("built")

    async def ingest() -> None:
        library = await open_library(settings(home), DEFAULT_LIBRARY, words(), create=True)
        await library.ingest(papers)
        library.close()

    asyncio.run(ingest())
    return home


@pytest.fixture
def home(_built_home: Path, tmp_path: Path) -> Path:
    """A home folder of one's own whose default library holds the papers."""
    return Path(shutil.copytree(_built_home, tmp_path / "home"))


@pytest.fixture(scope="session")
def client(_built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """HTTP over the papers. Shared: put new papers into a library of your own."""
    home = shutil.copytree(_built_home, tmp_path_factory.mktemp("served") / "home")
    app = create_app(settings(home), words())
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    """A Slack on a loopback port."""
    with FakeSlack().running() as fake:
        yield fake


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that can be filled (`small_disk.fill`)."""
    with small_disk_mounted(tmp_path / "disk"):
        yield tmp_path / "disk"


@dataclass(frozen=True)
class CommandResult:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def scholiast(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., CommandResult]:
    """Runs a command line in this process, with the home folder of this test and an embedder that needs no model."""
    monkeypatch.setattr("rag.embedders.embedder", words)
    monkeypatch.setenv("SCHOLIAST_EMBEDDER", "words")

    def run(*arguments: str | Path) -> CommandResult:
        monkeypatch.setattr("sys.argv", ["scholiast", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit:
            main()
        captured = capsys.readouterr()
        return CommandResult(int(exit.value.code or 0), captured.out, captured.err)

    return run
