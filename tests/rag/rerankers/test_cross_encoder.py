"""A cross-encoder of this machine: it scores pairs of texts, and a folder that holds none says what is missing."""

from pathlib import Path

import pytest

from rag import rerankers
from rag.errors import BackendError, ConfigError
from rag.protocols import Reranker
from rag.types import Paper, Passage
from tests.conftest import settings
from tests.support.onnx_models import cross_encoder_folder, embedder_folder


def passage(text: str) -> Passage:
    return Passage(number=1, paper=Paper(id=text, title="On Drinks", abstract=text), text=text, score=0.5)


def cross_encoder(folder: Path) -> Reranker:
    found = rerankers.reranker(settings(Path(), reranker=f"cross-encoder:{folder}"))
    assert found
    return found


async def test_the_question_is_compared_with_each_passage(tmp_path: Path) -> None:
    model = cross_encoder(cross_encoder_folder(tmp_path))
    separator = 1  # which stands behind both texts
    scores = await model.rerank("tea north", [passage("whales"), passage("tea north tea"), passage("north")])
    unknown = 0  # "On Drinks." has no word of the question, nor has the question an unknown one
    assert scores == [separator + unknown + equal - 100 for equal in (0, 3, 1)]


async def test_what_is_beyond_the_models_length_is_cut(tmp_path: Path) -> None:
    model = cross_encoder(cross_encoder_folder(tmp_path))
    short, long = await model.rerank("tea", [passage("tea " * 20), passage("tea " * 300)])
    assert 20 < short + 100 < long + 100 < 64


async def test_a_model_that_ranks_nothing_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"array of shape \(1, 3\) for a pair; set SCHOLIAST_RERANKER") as failed:
        await cross_encoder(cross_encoder_folder(tmp_path, labels=3)).rerank("tea", [passage("tea")])
    assert failed.value.reason == "its model can't be used"
    with pytest.raises(BackendError, match="array of shape"):
        await cross_encoder(embedder_folder(tmp_path / "embedder")).rerank("tea", [passage("tea")])


async def test_a_model_may_be_named_as_the_cache_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    cross_encoder_folder(tmp_path / "models--us--tiny" / "snapshots" / "a")
    named = cross_encoder(Path("us/tiny"))
    assert named.name == "cross-encoder:tiny"
    assert await named.rerank("tea", [passage("tea"), passage("whales")]) == [1 + 1 - 100, 1 - 100]


def test_a_name_that_the_cache_does_not_have_is_not_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ConfigError, match=r"SCHOLIAST_RERANKER names 'us/tiny'.*nothing is downloaded.*hf download"):
        cross_encoder(Path("us/tiny"))


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
async def test_a_missing_file_is_named_at_once_and_a_damaged_one_at_its_use(tmp_path: Path, name: str) -> None:
    path = cross_encoder_folder(tmp_path) / name
    path.write_bytes(b"x")
    with pytest.raises(BackendError, match=f"the model in {tmp_path} can't be loaded"):
        await cross_encoder(tmp_path).rerank("tea", [passage("tea")])
    path.unlink()
    with pytest.raises(ConfigError, match=rf"there is no .*{name}"):
        cross_encoder(tmp_path)
