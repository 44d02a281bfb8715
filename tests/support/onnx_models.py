"""Tiny models in ONNX with their tokenizers, as sentence-transformers and its exporters lay out a folder."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing

WORDS = ("[UNK]", "[CLS]", "[SEP]", "query:", "passage:", "north", "east", "south", "west", "tea", "whales")
VECTORS = np.eye(len(WORDS), dtype=np.float32)
"""Each word has a direction of its own, so a vector tells which words went into it."""


def direction(*words: str) -> list[float]:
    """The unit vector of a text of these words, each taken once."""
    total = sum(VECTORS[WORDS.index(word)] for word in words)
    return [float(number) for number in total / np.linalg.norm(total)]


def embedder_folder(folder: Path, *, pooling: str = "mean_tokens", pooled: bool = False, **config: Any) -> Path:
    """A model whose tokens have the directions of their words; `config` goes into config.json."""
    write_tokenizer(folder)
    write_json(folder / "config.json", {"model_type": "bert", **config})
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 11, f"pooling_mode_{pooling}": True})
    write_modules(folder, "Transformer", "Pooling", "Normalize")
    write_embedder(folder / "onnx" / "model.onnx", VECTORS, pooled=pooled)
    return folder


def write_modules(folder: Path, *kinds: str) -> None:
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    modules = [
        {
            "idx": n,
            "name": str(n),
            "path": paths.get(kind, f"{n}_{kind}"),
            "type": f"sentence_transformers.models.{kind}",
        }
        for n, kind in enumerate(kinds)
    ]
    write_json(folder / "modules.json", modules)


def write_tokenizer(folder: Path) -> None:
    tokenizer = Tokenizer(WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))


def write_embedder(path: Path, vectors: Any, *, pooled: bool = False) -> None:
    """Looks the words up; with `pooled` the sum over the tokens is the only output."""
    name = "sentence_embedding" if pooled else "last_hidden_state"
    looked_up = helper.make_node("Gather", ["vectors", "input_ids"], ["states" if pooled else name])
    nodes = [looked_up]
    constants = [numpy_helper.from_array(np.asarray(vectors, np.float32), "vectors")]
    if pooled:
        constants.append(numpy_helper.from_array(np.array([1]), "axis"))
        nodes.append(helper.make_node("ReduceSum", ["states", "axis"], [name], keepdims=0))
    shape = [1, len(WORDS)] if pooled else [1, "tokens", len(WORDS)]
    _save(path, nodes, ("input_ids", "attention_mask"), name, shape, constants)


def cross_encoder_folder(folder: Path, *, labels: int = 1) -> Path:
    """A model whose score is how many pairs of equal words two texts have, less 100."""
    write_tokenizer(folder)
    write_json(folder / "config.json", {"model_type": "bert", "max_position_embeddings": 64})
    nodes = [
        helper.make_node("Unsqueeze", ["input_ids", "last"], ["rows"]),
        helper.make_node("Unsqueeze", ["input_ids", "one"], ["columns"]),
        helper.make_node("Equal", ["rows", "columns"], ["same"]),
        helper.make_node("Cast", ["same"], ["equal"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["token_type_ids"], ["second"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["second", "one"], ["of_second"]),
        helper.make_node("Mul", ["equal", "of_second"], ["columns_of_second"]),
        helper.make_node("Sub", ["unit", "second"], ["first"]),
        helper.make_node("Unsqueeze", ["first", "last"], ["of_first"]),
        helper.make_node("Mul", ["columns_of_second", "of_first"], ["pairs"]),
        helper.make_node("ReduceSum", ["pairs", "both"], ["sum"], keepdims=0),
        helper.make_node("Unsqueeze", ["sum", "one"], ["column"]),
        helper.make_node("Sub", ["column", "offset"], ["logits"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([1]), "one"),
        numpy_helper.from_array(np.array([2]), "last"),
        numpy_helper.from_array(np.array([1, 2]), "both"),
        numpy_helper.from_array(np.ones(1, np.float32), "unit"),
        numpy_helper.from_array(np.full(labels, 100, np.float32), "offset"),
    ]
    inputs = ("input_ids", "attention_mask", "token_type_ids")
    _save(folder / "model.onnx", nodes, inputs, "logits", [1, labels], constants)
    return folder


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def _save(
    path: Path, nodes: Sequence[Any], inputs: Sequence[str], output: str, shape: Sequence[Any], constants: Sequence[Any]
) -> None:
    fed = [helper.make_tensor_value_info(name, TensorProto.INT64, [1, "tokens"]) for name in inputs]
    given = [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)]
    graph = helper.make_graph(nodes, "tiny", fed, given, constants)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), str(path))
