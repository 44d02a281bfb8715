"""Models of sentence-transformers in ONNX: a folder says how its vectors are made, and a library knows its model."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from rag.embedders import embedder, minilm_graph, minilm_weights
from rag.errors import BackendError, ConfigError, LibraryError
from rag.workspace import open_library
from tests.conftest import settings
from tests.rag.embedders.test_embedders import CARD, COSINES
from tests.support.onnx_models import VECTORS, direction, embedder_folder, write_embedder, write_json, write_modules
from tests.support.stand_ins import papers


@pytest.mark.parametrize(
    ("pooling", "words"),
    [
        ("mean_tokens", ("[CLS]", "north", "east", "[SEP]")),
        ("cls_token", ("[CLS]",)),
        ("lasttoken", ("[SEP]",)),
    ],
)
async def test_the_tokens_are_pooled_as_the_folder_says(tmp_path: Path, pooling: str, words: tuple[str, ...]) -> None:
    model = embedder(f"onnx:{embedder_folder(tmp_path, pooling=pooling)}")
    (vector,) = await model.embed(["north east"])
    assert vector.dtype == np.float32
    assert vector == pytest.approx(direction(*words))
    assert await model.embed_query("north east") == pytest.approx(vector)


async def test_the_newer_way_to_name_a_pooling_is_read(tmp_path: Path) -> None:
    write_json(embedder_folder(tmp_path) / "1_Pooling" / "config.json", {"pooling_mode": "lasttoken"})
    assert (await embedder(f"onnx:{tmp_path}").embed(["north"]))[0] == pytest.approx(direction("[SEP]"))


async def test_a_graph_that_pools_itself_is_left_to_do_it(tmp_path: Path) -> None:
    model = embedder(f"onnx:{embedder_folder(tmp_path, pooling='cls_token', pooled=True)}")
    assert (await model.embed(["tea"]))[0] == pytest.approx(direction("[CLS]", "tea", "[SEP]"))


async def test_many_texts_come_in_order_each_by_itself(tmp_path: Path) -> None:
    model = embedder(f"onnx:{embedder_folder(tmp_path)}")
    together = await model.embed(["north", "east south west", "", "\ud83d", "north"])
    alone = np.concatenate([await model.embed([text]) for text in ("north", "east south west", "", "\ud83d", "north")])
    assert np.array_equal(together, alone)
    assert (await model.embed([])).shape == (0, 0)


# Prompts


async def test_the_prompts_of_the_folder_stand_before_queries_and_documents(tmp_path: Path) -> None:
    prompts = {"query": "query: ", "passage": "passage: "}
    write_json(embedder_folder(tmp_path) / "config_sentence_transformers.json", {"prompts": prompts})
    model = embedder(f"onnx:{tmp_path}")
    assert (await model.embed(["tea"]))[0] == pytest.approx(direction("[CLS]", "passage:", "tea", "[SEP]"))
    assert await model.embed_query("tea") == pytest.approx(direction("[CLS]", "query:", "tea", "[SEP]"))


async def test_the_default_prompt_stands_where_there_is_no_other(tmp_path: Path) -> None:
    config = {"prompts": {"search": "query: ", "query": ""}, "default_prompt_name": "search"}
    write_json(embedder_folder(tmp_path) / "config_sentence_transformers.json", config)
    model = embedder(f"onnx:{tmp_path}")
    assert (await model.embed(["tea"]))[0] == pytest.approx(direction("[CLS]", "query:", "tea", "[SEP]"))
    assert await model.embed_query("tea") == pytest.approx(direction("[CLS]", "tea", "[SEP]"))


@pytest.mark.parametrize(
    ("published", "query", "document"),
    [
        ("intfloat/multilingual-e5-small", "query:", "passage:"),
        ("Snowflake/snowflake-arctic-embed-m-v2.0", "query:", ""),
        ("thenlper/gte-base", "", ""),
        ("BAAI/bge-m3", "", ""),
    ],
)
async def test_models_whose_folder_names_no_prompts_get_those_of_their_card(
    tmp_path: Path, published: str, query: str, document: str
) -> None:
    model = embedder(f"onnx:{embedder_folder(tmp_path / 'model', _name_or_path=published)}")
    for vector, prompt in ((await model.embed_query("tea"), query), ((await model.embed(["tea"]))[0], document)):
        assert vector == pytest.approx(direction(*filter(None, ("[CLS]", prompt, "tea", "[SEP]"))))


async def test_the_place_in_a_model_cache_tells_a_known_model_too(tmp_path: Path) -> None:
    folder = embedder_folder(tmp_path / "models--BAAI--bge-small-en-v1.5" / "snapshots" / "5c38")
    model = embedder(f"onnx:{folder}")
    assert not np.allclose(await model.embed_query("tea"), (await model.embed(["tea"]))[0])


# Length


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("sentence_bert_config.json", {"max_seq_length": 4}),
        ("tokenizer_config.json", {"model_max_length": 4}),
        ("config.json", {"max_position_embeddings": 4}),
        ("config.json", {"model_type": "xlm-roberta", "max_position_embeddings": 6}),
    ],
)
async def test_what_is_beyond_the_models_length_is_not_read(
    tmp_path: Path, name: str, config: dict[str, object]
) -> None:
    write_json(embedder_folder(tmp_path) / name, config)
    first, second = await embedder(f"onnx:{tmp_path}").embed(["north east south", "north east west"])
    assert first == pytest.approx(direction("[CLS]", "north", "east", "[SEP]"))
    assert np.array_equal(first, second)


# A published model


@pytest.mark.slow
async def test_a_published_model_gives_the_vectors_that_it_was_published_with(tmp_path: Path) -> None:
    weights = minilm_weights.find()
    shutil.copyfile(weights / "tokenizer.json", tmp_path / "tokenizer.json")  # says 128 tokens, with padding
    write_json(tmp_path / "sentence_bert_config.json", {"max_seq_length": 256, "do_lower_case": False})
    write_json(tmp_path / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True})
    write_modules(tmp_path, "Transformer", "Pooling", "Normalize")
    (tmp_path / "model.onnx").write_bytes(minilm_graph.build(minilm_weights.load(weights), int8=False))
    first, second, third = await embedder(f"onnx:{tmp_path}").embed(CARD)
    assert [first @ second, first @ third, second @ third] == pytest.approx(COSINES, abs=0.0002)


# The name


def test_the_name_is_that_of_the_files_wherever_they_are(tmp_path: Path) -> None:
    names = {embedder(f"onnx:{embedder_folder(tmp_path / place)}").name for place in ("here", "there")}
    assert len(names) == 1
    assert names.pop().startswith("onnx:")


@pytest.mark.parametrize("changed", ["weights", "data", "prompts", "pooling", "tokenizer"])
def test_whatever_changes_the_vectors_changes_the_name(tmp_path: Path, changed: str) -> None:
    before = embedder(f"onnx:{embedder_folder(tmp_path)}").name
    match changed:
        case "weights":
            write_embedder(tmp_path / "onnx" / "model.onnx", 2 * VECTORS)
        case "data":
            (tmp_path / "onnx" / "model.onnx_data").write_bytes(b"weights that are too large for the other file")
        case "prompts":
            write_json(tmp_path / "config_sentence_transformers.json", {"prompts": {"query": "query: "}})
        case "pooling":
            write_json(tmp_path / "1_Pooling" / "config.json", {"pooling_mode_cls_token": True})
        case "tokenizer":
            (tmp_path / "tokenizer.json").write_text((tmp_path / "tokenizer.json").read_text() + " ")
    assert embedder(f"onnx:{tmp_path}").name != before


async def test_a_library_is_not_mixed_with_another_model(tmp_path: Path) -> None:
    folder = embedder_folder(tmp_path / "model")
    library = await open_library(settings(tmp_path), "main", embedder(f"onnx:{folder}"), create=True)
    await library.ingest(papers(2))
    library.close()
    write_embedder(folder / "onnx" / "model.onnx", VECTORS[::-1])
    with pytest.raises(LibraryError, match=r"built with embedder 'onnx:\w+', not 'onnx:.*FOLDER.*rebuild --embed"):
        await open_library(settings(tmp_path), "main", embedder(f"onnx:{folder}"))


# What is missing


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tokenizer.json", r"there is no .*tokenizer\.json; copy it"),
        ("modules.json", r"there is no .*modules\.json; copy it"),
        ("1_Pooling/config.json", r"there is no .*1_Pooling/config\.json; copy it"),
        ("onnx/model.onnx", r"there is no .*model\.onnx, nor .*export the model"),
    ],
)
def test_a_missing_file_is_named(tmp_path: Path, name: str, message: str) -> None:
    (embedder_folder(tmp_path) / name).unlink()
    with pytest.raises(ConfigError, match=message):
        embedder(f"onnx:{tmp_path}")


def test_the_only_model_may_have_another_name_and_several_may_not(tmp_path: Path) -> None:
    onnx = embedder_folder(tmp_path) / "onnx"
    (onnx / "model.onnx").rename(onnx / "model_quantized.onnx")
    assert embedder(f"onnx:{tmp_path}").name
    write_embedder(onnx / "model_O4.onnx", VECTORS)
    with pytest.raises(ConfigError, match=r"several models \(model_O4\.onnx, model_quantized\.onnx\); name the one"):
        embedder(f"onnx:{tmp_path}")


@pytest.mark.parametrize(
    ("pooling", "asked"),
    [
        ({"pooling_mode_max_tokens": True}, "pooling_mode_max_tokens"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, "cls_token, pooling_mode_mean_tokens"),
        ({"pooling_mode_mean_tokens": True, "include_prompt": False}, "mean_tokens without the prompt"),
        ({"word_embedding_dimension": 11}, "no pooling"),
    ],
)
def test_a_pooling_that_is_not_supported_is_refused(tmp_path: Path, pooling: dict[str, object], asked: str) -> None:
    write_json(embedder_folder(tmp_path) / "1_Pooling" / "config.json", pooling)
    with pytest.raises(ConfigError, match=f"asks for .*{asked}; use a model"):
        embedder(f"onnx:{tmp_path}")


def test_a_module_that_is_not_supported_is_refused(tmp_path: Path) -> None:
    write_modules(embedder_folder(tmp_path), "Transformer", "Pooling", "Dense")
    with pytest.raises(ConfigError, match="names Dense, which is not supported"):
        embedder(f"onnx:{tmp_path}")


@pytest.mark.parametrize("text", ["{", "3", '[{"path": 1}]', "null", "[" * 100_000])
@pytest.mark.parametrize("name", ["modules.json", "1_Pooling/config.json"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, text: str) -> None:
    (embedder_folder(tmp_path) / name).write_text(text)
    with pytest.raises(ConfigError, match=name):
        embedder(f"onnx:{tmp_path}")


async def test_a_damaged_model_is_named_with_what_to_do(tmp_path: Path) -> None:
    (embedder_folder(tmp_path) / "onnx" / "model.onnx").write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"can't be loaded .*set SCHOLIAST_EMBEDDER=onnx:FOLDER"):
        await embedder(f"onnx:{tmp_path}").embed(["text"])


async def test_vectors_that_are_not_finite_are_an_error(tmp_path: Path) -> None:
    write_embedder(embedder_folder(tmp_path) / "onnx" / "model.onnx", np.full_like(VECTORS, np.nan))
    with pytest.raises(BackendError, match="not finite"):
        await embedder(f"onnx:{tmp_path}").embed(["text"])


def test_no_folder_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="SCHOLIAST_EMBEDDER=onnx:FOLDER"):
        embedder("onnx")


async def test_a_model_may_be_named_as_the_cache_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--us--tiny"
    for commit in ("aa", "bb"):
        embedder_folder(repository / "snapshots" / commit, pooling="cls_token" if commit == "aa" else "mean_tokens")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("bb")
    named = embedder("onnx:us/tiny")
    assert named.name == embedder(f"onnx:{repository / 'snapshots' / 'bb'}").name
    assert named.name != embedder(f"onnx:{repository / 'snapshots' / 'aa'}").name
    with pytest.raises(ConfigError, match=r"SCHOLIAST_EMBEDDER names 'us/other'.*nothing is downloaded"):
        embedder("onnx:us/other")
