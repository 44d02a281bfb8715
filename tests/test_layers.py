"""The map holds: imports point one way, and each outside library lives in its own file."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = {
    "prompts": {"prompts"},
    "rag": {"rag", "prompts"},
    "service": {"service", "rag", "prompts"},
    "eval": {"eval", "rag", "prompts"},
}
EXCEPTIONS = {("service/cli/main.py", "eval")}
"""Inside a function, so that it loads only when it is used."""

HOMES = {
    "aiohttp": {"service/slack/"},
    "chromadb": {"rag/library/vector_index.py"},
    "fastapi": {"service/"},
    "fastapi_offline": {"service/http/app.py"},
    "filelock": {"rag/library/lock.py"},
    "httpx": {"rag/library/vector_index.py"},
    "httpx2": {"eval/targets/", "rag/writers/"},
    "jinja2": {"eval/report.py"},
    "langchain": {"eval/judge.py", "rag/embedders/langchain.py", "rag/writers/"},
    "langchain_core": {"rag/embedders/langchain.py", "rag/langchain_retriever.py", "rag/writers/"},
    "matplotlib": {"eval/plots.py"},
    "onnx": {"rag/embedders/minilm_graph.py"},
    "onnxruntime": {"rag/embedders/minilm.py"},
    "openai": {"rag/embedders/openai.py", "rag/writers/"},
    "platformdirs": {"rag/config.py", "rag/embedders/minilm.py", "rag/text/tokens.py"},
    "prometheus_client": {"service/http/metrics.py"},
    "pydantic": {
        "rag/config.py",
        "rag/serialize.py",
        "rag/types.py",
        "rag/langchain_retriever.py",
        "service/",
        "eval/questions.py",
    },
    "pydantic_core": {"rag/types.py", "service/http/schemas.py"},
    "pydantic_settings": {"rag/config.py"},
    "rich": {"service/cli/terminal.py", "eval/terminal.py"},
    "sentencex": {"rag/text/sentences.py"},
    "sklearn": {"eval/fit.py"},
    "slack_bolt": {"service/slack/"},
    "slack_sdk": {"service/slack/"},
    "sqlalchemy": {"rag/database.py", "rag/library/", "rag/history/"},
    "starlette": {"service/"},
    "tantivy": {"rag/library/keyword_index.py", "rag/text/analysis.py"},
    "tiktoken": {"rag/text/tokens.py"},
    "tokenizers": {"rag/embedders/minilm.py"},
    "typer": {"service/cli/main.py", "eval/cli.py"},
    "uvicorn": {"service/http/server.py"},
}
"""Where each library may be imported: a file, or a folder with a slash at its end. `eval/bench` may try anything."""

ANYWHERE = {"anyio", "numpy"}


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """The top-level package of every import, and how far the statement is indented."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.col_offset) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write imports in full"
            yield (node.module or "").partition(".")[0], node.col_offset


def sources(layer: str) -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / layer).rglob("*.py"))


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_one_way(layer: str) -> None:
    wrong = [
        f"{file} imports {package}"
        for file in sources(layer)
        for package, indent in imports(ROOT / file)
        if package in LAYERS and package not in LAYERS[layer] and not (indent > 0 and (file, package) in EXCEPTIONS)
    ]
    assert wrong == []


@pytest.mark.parametrize("layer", LAYERS)
def test_each_outside_library_lives_in_its_own_file(layer: str) -> None:
    """A new library gets a row in HOMES: choose its file with care."""
    strangers = [
        f"{file} imports {package}"
        for file in sources(layer)
        if not file.startswith("eval/bench/")
        for package, _ in imports(ROOT / file)
        if package not in LAYERS and package not in sys.stdlib_module_names and package not in ANYWHERE
        if not any(file == home or (home.endswith("/") and file.startswith(home)) for home in HOMES.get(package, ()))
    ]
    assert strangers == []


@pytest.mark.parametrize("layer", LAYERS)
def test_every_module_begins_with_a_sentence_that_a_newcomer_can_use(layer: str) -> None:
    without = [
        file for file in sources(layer) if not (ast.get_docstring(ast.parse((ROOT / file).read_text("utf-8"))) or "")
    ]
    assert without == []


def test_nothing_that_is_pinned_names_a_host() -> None:
    pins = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    assert len(pins) > 50
    assert [pin for pin in pins if "==" not in pin or set("/@:") & set(pin) or pin.startswith("-")] == []


def test_text_analysis_is_below_storage() -> None:
    allowed = ("rag.text", "rag.types", "rag.errors")
    wrong = [
        f"{path.name} imports {node.module}"
        for path in (ROOT / "rag" / "text").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in LAYERS
        if not (node.module or "").startswith(allowed)
    ]
    assert wrong == []
