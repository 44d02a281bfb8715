"""How fast our embedder is beside the same weights in float32, run by us and by Chroma's own default embedder.

    python -m eval.bench.embedder [PAPERS] [--texts 64] [--rounds 3]

PAPERS is any file that can be ingested; the bundled sample by default. All candidates embed the same texts in turn in
one process, and the best round of each counts, so the ratios hold on a busy machine too. Chroma's class is the one it
ships, with its files made here: the usual export of the network (one node per step), which onnxruntime then fuses as
it can. Whole abstracts are the hard case for us: padding costs Chroma nothing there.
"""

import argparse
import asyncio
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from chromadb.utils.embedding_functions import ONNXMiniLM_L6_V2
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from eval.questions import SAMPLE_PAPERS
from rag import corpus
from rag.embedders import minilm, minilm_weights
from rag.text import chunk, sentences
from rag.types import Paper

Embed = Callable[[list[str]], NDArray[np.float32]]
QUESTION = "How do sequentially dependent draft heads speed up speculative decoding?"


def main() -> None:
    """Print a table for each kind of text, then the time of one question."""
    arguments = _arguments()
    papers = [record for record in corpus.read(arguments.papers) if isinstance(record, Paper)]
    with tempfile.TemporaryDirectory() as folder:
        candidates = _candidates(Path(folder))
        for kind, texts in _texts(papers).items():
            _table(kind, texts[: arguments.texts], candidates, arguments.rounds)
    times = asyncio.run(_question_milliseconds())
    print(f"\none question, int8: {statistics.median(times):.1f} ms median, {min(times):.1f} ms best")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("papers", nargs="?", type=Path, default=SAMPLE_PAPERS)
    parser.add_argument("--texts", type=int, default=64, help="how many texts of each kind")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def _texts(papers: list[Paper]) -> dict[str, list[str]]:
    """The texts that a library embeds of a paper, and the whole abstract under its title."""
    cut = [(paper, chunk.split(paper)) for paper in papers]
    return {
        "title and abstract": [f"{paper.title}. {paper.abstract}" for paper in papers],
        "title and chunk": [f"{paper.title}. {piece.text}" for paper, pieces in cut for piece in pieces],
        "sentence": [paper.abstract[start:end] for paper in papers for start, end in sentences.spans(paper.abstract)],
    }


def _candidates(folder: Path) -> dict[str, Embed]:
    """By name; the first is what the others are compared with."""
    single, ours = minilm.MiniLM(cache=folder, int8=False), minilm.MiniLM()
    return {
        "Chroma's default, float32": _chroma(folder / ONNXMiniLM_L6_V2.EXTRACTED_FOLDER_NAME),
        "ours, float32": lambda texts: asyncio.run(single.embed(texts)),
        "ours, int8": lambda texts: asyncio.run(ours.embed(texts)),
    }


def _chroma(folder: Path) -> Embed:
    """Chroma's own class, unchanged, with its files where it looks for them."""
    folder.mkdir()
    for name in ("config.json", "special_tokens_map.json", "tokenizer_config.json", "vocab.txt"):
        (folder / name).touch()  # it only checks that they exist
    source = minilm_weights.find()
    (folder / "tokenizer.json").write_bytes((source / minilm_weights.TOKENIZER).read_bytes())
    onnx.save(_export(minilm_weights.load(source)), folder / "model.onnx")
    function = ONNXMiniLM_L6_V2()
    function.DOWNLOAD_PATH = folder.parent
    return lambda texts: np.array(function(texts))


def _table(kind: str, texts: list[str], candidates: Mapping[str, Embed], rounds: int) -> None:
    vectors = {name: embed(texts) for name, embed in candidates.items()}  # also warms up
    seconds = dict.fromkeys(candidates, math.inf)
    for _ in range(rounds):
        seconds = {name: min(best, _seconds(candidates[name], texts)) for name, best in seconds.items()}
    first, *_ = candidates
    print(f"\n{kind}: {len(texts)} texts\n{'':28}{'texts/s':>10}{'times':>8}{'cosine, mean':>15}{'least':>9}")
    for name, best in seconds.items():
        cosines = (vectors[name] * vectors[first]).sum(axis=1)
        row = f"{len(texts) / best:10.1f}{seconds[first] / best:8.2f}{cosines.mean():15.4f}{cosines.min():9.4f}"
        print(f"{name:28}{row}")


async def _question_milliseconds() -> list[float]:
    embedder = minilm.MiniLM()
    times = []
    for _ in range(300):
        begin = time.perf_counter()
        await embedder.embed([QUESTION])
        times.append(1000 * (time.perf_counter() - begin))
    return times[50:]


def _seconds(embed: Embed, texts: list[str]) -> float:
    begin = time.perf_counter()
    embed(texts)
    return time.perf_counter() - begin


class _Export:
    """The network as a usual export to ONNX writes it: every step a node of its own, in float32."""

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: Any, kind: type = np.float32) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind, order="C"), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def weight(self, name: str) -> str:
        return self.constant(self.weights[name])

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def linear(self, value: str, name: str) -> str:
        product = self.add("MatMul", value, self.constant(self.weights[f"{name}.weight"].T))
        return self.add("Add", self.weight(f"{name}.bias"), product)

    def normalise(self, value: str, name: str) -> str:
        centred = self.add("Sub", value, self.add("ReduceMean", value, axes=[-1]))
        variance = self.add("ReduceMean", self.add("Pow", centred, self.constant(2)), axes=[-1])
        scaled = self.add("Div", centred, self.add("Sqrt", self.add("Add", variance, self.constant(1e-12))))
        return self.add("Add", self.add("Mul", scaled, self.weight(f"{name}.weight")), self.weight(f"{name}.bias"))

    def gelu(self, value: str) -> str:
        error = self.add("Erf", self.add("Div", value, self.constant(2**0.5)))
        doubled = self.add("Mul", value, self.add("Add", error, self.constant(1)))
        return self.add("Mul", doubled, self.constant(0.5))

    def heads(self, value: str, order: list[int]) -> str:
        return self.add("Transpose", self.add("Reshape", value, self.constant([0, 0, 12, 32], np.int64)), perm=order)

    def attend(self, states: str, mask: str, name: str) -> str:
        query = self.heads(self.linear(states, f"{name}self.query"), [0, 2, 1, 3])
        key = self.heads(self.linear(states, f"{name}self.key"), [0, 2, 3, 1])
        value = self.heads(self.linear(states, f"{name}self.value"), [0, 2, 1, 3])
        scores = self.add("Div", self.add("MatMul", query, key), self.constant(32**0.5))
        context = self.add("MatMul", self.add("Softmax", self.add("Add", scores, mask), axis=-1), value)
        joined = self.add("Transpose", context, perm=[0, 2, 1, 3])
        attended = self.linear(self.add("Reshape", joined, self.constant([0, 0, 384], np.int64)), f"{name}output.dense")
        return self.normalise(self.add("Add", attended, states), f"{name}output.LayerNorm")

    def feed_forward(self, states: str, name: str) -> str:
        wide = self.gelu(self.linear(states, f"{name}intermediate.dense"))
        return self.normalise(
            self.add("Add", self.linear(wide, f"{name}output.dense"), states), f"{name}output.LayerNorm"
        )


def _export(weights: Mapping[str, NDArray[Any]]) -> onnx.ModelProto:
    graph = _Export(weights)
    axes = graph.constant([1, 2], np.int64)
    blank = graph.add("Sub", graph.constant(1), graph.add("Cast", "attention_mask", to=TensorProto.FLOAT))
    mask = graph.add("Mul", graph.add("Unsqueeze", blank, axes), graph.constant(-1e9))
    words = graph.add("Gather", graph.weight("embeddings.word_embeddings.weight"), "input_ids")
    types = graph.add("Gather", graph.weight("embeddings.token_type_embeddings.weight"), "token_type_ids")
    positions = graph.constant(weights["embeddings.position_embeddings.weight"][:256])  # Chroma pads to 256
    states = graph.add("Add", graph.add("Add", words, types), positions)
    states = graph.normalise(states, "embeddings.LayerNorm")
    for layer in range(6):
        states = graph.attend(states, mask, f"encoder.layer.{layer}.attention.")
        states = graph.feed_forward(states, f"encoder.layer.{layer}.")
    graph.nodes.append(helper.make_node("Identity", [states], ["last_hidden_state"]))
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", 256]) for name in names]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["texts", 256, 384])
    body = helper.make_graph(graph.nodes, "export", inputs, [output], graph.constants)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


if __name__ == "__main__":
    main()
