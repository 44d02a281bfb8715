"""The network of all-MiniLM-L6-v2 as an ONNX graph in int8, made from the publisher's weights.

Input `ids`: int64, shape (1, tokens): one text, so there is no padding and no mask. Output `vector`: float32, shape
(1, 384), the mean of the token states at length 1. The network is BERT's (Devlin et al., 2019): 6 layers, 12 heads.
Four choices make it fast and keep it close to float32:

* `DynamicQuantizeMatMul` multiplies in int8 and scales each text's activations by their own range, so a text's vector
  does not depend on its neighbours.
* Weights have 7 bits, one scale per column. With 8, x86 processors that lack VNNI overflow when they add two products
  in 16 bits (255 * 127 * 2 > 32767), and the same text would get other vectors there.
* The feed-forward part treats the first token, [CLS], separately: its activations are ten times as large as the
  others', and one scale for all would spend most of the 8 bits on it.
* `Add` and `LayerNormalization` instead of the fused `SkipLayerNormalization`, which took eight times as long on a CPU.

A change here needs a new `VERSION` in minilm.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_WIDTH = 384
_HEADS = 12
_LAYERS = 6
_EPSILON = 1e-12
_MAX_QUANTISED = 63
_MICROSOFT = "com.microsoft"

Weights = Mapping[str, NDArray[Any]]


def build(weights: Weights, *, int8: bool = True) -> bytes:
    """The graph, serialised. Without `int8` the same in float32: slower, for comparison."""
    graph = _Graph(weights, int8)
    states = _embed(graph)
    for layer in range(_LAYERS):
        states = _attend(graph, f"encoder.layer.{layer}.attention.", states)
        states = _feed_forward(graph, f"encoder.layer.{layer}.", states)
    total = graph.add("ReduceSum", [states, graph.constant(np.array([1]))], keepdims=0)
    graph.add("LpNormalization", [total], output="vector", axis=1, p=2)
    return graph.serialise()


@dataclass
class _Graph:
    """The nodes and constants so far; each method returns the name of what it added."""

    weights: Weights
    int8: bool
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, value: NDArray[Any]) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def weight(self, name: str) -> str:
        return self.constant(self.weights[name])

    def add(self, kind: str, inputs: list[str], *, output: str = "", domain: str = "", **attributes: Any) -> str:
        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output

    def split(self, value: str, sizes: str, *, parts: int, axis: int) -> list[str]:
        outputs = [f"{value}_part_{part}" for part in range(parts)]
        self.nodes.append(helper.make_node("Split", [value, sizes], outputs, axis=axis))
        return outputs

    def layer(self, *names: str) -> list[str]:
        """The constants that `linear` multiplies with and adds; several layers with one input make a wide one."""
        matrix = np.concatenate([self.weights[f"{name}.weight"] for name in names]).T
        bias = self.constant(np.concatenate([self.weights[f"{name}.bias"] for name in names]))
        if not self.int8:
            return [self.constant(matrix), bias]
        scale = (np.abs(matrix).max(axis=0) / _MAX_QUANTISED).astype(np.float32)
        quantised = self.constant(np.round(matrix / scale).astype(np.int8))
        return [quantised, self.constant(scale), self.constant(np.zeros(len(scale), np.int8)), bias]

    def linear(self, value: str, layer: list[str]) -> str:
        if self.int8:
            return self.add("DynamicQuantizeMatMul", [value, *layer], domain=_MICROSOFT)
        matrix, bias = layer
        return self.add("Add", [self.add("MatMul", [value, matrix]), bias])

    def normalise(self, value: str, name: str) -> str:
        inputs = [value, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")]
        return self.add("LayerNormalization", inputs, axis=-1, epsilon=_EPSILON)

    def serialise(self) -> bytes:
        ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])
        vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, _WIDTH])
        graph = helper.make_graph(self.nodes, "minilm", [ids], [vector], self.constants)
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid(_MICROSOFT, 1)]
        model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
        return model


def _embed(graph: _Graph) -> str:
    """Word and position, every token of type 0. Leaves `first_and_rest`, the sizes that `_feed_forward` splits by."""
    zero, one, two = (graph.constant(np.array([number])) for number in range(3))
    graph.add("Slice", [graph.add("Shape", ["ids"]), one, two], output="length")
    graph.add("Concat", [one, graph.add("Sub", ["length", one])], output="first_and_rest", axis=0)
    types = graph.weights["embeddings.token_type_embeddings.weight"]
    positions = graph.constant(graph.weights["embeddings.position_embeddings.weight"] + types[0])
    words = graph.add("Gather", [graph.weight("embeddings.word_embeddings.weight"), "ids"])
    states = graph.add("Add", [words, graph.add("Slice", [positions, zero, "length"])])
    return graph.normalise(states, "embeddings.LayerNorm")


def _attend(graph: _Graph, name: str, states: str) -> str:
    layer = graph.layer(*(f"{name}self.{part}" for part in ("query", "key", "value")))
    sizes = graph.constant(np.full(3, _WIDTH))
    parts = graph.split(graph.linear(states, layer), sizes, parts=3, axis=2)
    context = graph.add("MultiHeadAttention", parts, domain=_MICROSOFT, num_heads=_HEADS)
    attended = graph.linear(context, graph.layer(f"{name}output.dense"))
    return graph.normalise(graph.add("Add", [attended, states]), f"{name}output.LayerNorm")


def _feed_forward(graph: _Graph, name: str, states: str) -> str:
    widen, narrow = graph.layer(f"{name}intermediate.dense"), graph.layer(f"{name}output.dense")
    first_and_rest = graph.split(states, "first_and_rest", parts=2, axis=1)
    parts = [graph.linear(graph.add("Gelu", [graph.linear(part, widen)]), narrow) for part in first_and_rest]
    joined = graph.add("Concat", parts, axis=1)
    return graph.normalise(graph.add("Add", [joined, states]), f"{name}output.LayerNorm")
