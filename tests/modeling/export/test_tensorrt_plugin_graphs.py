"""Graphs made of plugins: each plugin's meaning played by the operator's reference, the rest by onnx's evaluator."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from videobert.base.errors import ModelError
from videobert.model.folder import find
from videobert_kernels import attention, nearest_centroid, pack_centroids
from videobert_kernels.tensorrt_plugins import NAMESPACE, PLUGINS
from videobert_modeling.export.low_precision.masked import masked
from videobert_modeling.export.portable.parity import onnxruntime_runner
from videobert_modeling.export.tensorrt_plugin_graphs import attention_with_plugins, nearest_with_plugins

HEADS, HEAD_SIZE = 4, 64


class PackedAttention(OpRun):
    op_domain = NAMESPACE

    def _run(self, *inputs: np.ndarray, **attributes: Any) -> tuple[np.ndarray]:
        tensors = [torch.from_numpy(np.ascontiguousarray(each)) for each in inputs]
        answer = attention(*tensors, longest_query=attributes["longest_query"], causal=bool(attributes["causal"]))
        return (answer.numpy(),)


@pytest.fixture(scope="module")
def encoder() -> ModelProto:
    return onnx.load(find("shapes") / "graphs" / "encoder.onnx")


def plugins_of(model: ModelProto) -> list[Any]:
    """The plugins of a graph, which have no standard operator's name and the attributes that they declare."""
    found = [node for node in model.graph.node if node.domain == NAMESPACE]
    for node in found:
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        assert attributes.pop("plugin_namespace") == NAMESPACE.encode()
        assert attributes.pop("plugin_version") == b"1"
        assert tuple(sorted(attributes)) == tuple(sorted(PLUGINS[node.op_type]))
        assert not onnx.defs.has(node.op_type)
    return found


def test_an_encoder_with_packed_attention_computes_the_same(encoder: ModelProto) -> None:
    made = attention_with_plugins(encoder, HEADS, HEAD_SIZE, 64)
    layers = sum(node.op_type == "Attention" for node in encoder.graph.node)
    assert [node.op_type for node in plugins_of(made)] == ["PackedAttention"] * layers
    assert not any(node.op_type == "Attention" for node in made.graph.node)
    random = np.random.default_rng(0)
    lengths = np.array([2, 5, 1], np.int64)
    inputs = {
        "ids": random.integers(100, size=(3, 5)),
        "segments": random.integers(2, size=(3, 5)),
        "lengths": lengths,
    }
    (states,) = ReferenceEvaluator(made, new_ops=[PackedAttention]).run(None, inputs)
    expected = onnxruntime_runner(encoder.SerializeToString())(inputs)
    for state, wanted, length in zip(states, expected, lengths, strict=True):
        np.testing.assert_allclose(state[:length], wanted[:length], rtol=0, atol=2e-5)


def test_attention_with_a_mask_is_refused(encoder: ModelProto) -> None:
    with pytest.raises(ModelError, match="no attention that a plugin can take"):
        attention_with_plugins(masked(encoder), HEADS, HEAD_SIZE, 64)


@pytest.mark.parametrize("most_rows", [16, 1000])
def test_the_nearest_centroid_is_a_chain_of_three(most_rows: int) -> None:
    leaves = np.random.default_rng(0).normal(size=(200, 70)).astype(np.float32)
    made = nearest_with_plugins(leaves, most_rows)
    prepare, search, rescore = plugins_of(made)
    assert search.input[0] == prepare.output[0]
    assert list(rescore.input[3:]) == [prepare.output[1], *search.output]
    constants = {each.name: onnx.numpy_helper.to_array(each) for each in made.graph.initializer}
    packed = pack_centroids(torch.from_numpy(leaves))
    assert np.array_equal(constants["centroids"], leaves)
    assert np.array_equal(constants["codebook"], packed.coarse.numpy())
    assert helper.get_node_attr_value(prepare, "exponent") == packed.exponent
    assert helper.get_node_attr_value(search, "centroids") == 200
    assert {helper.get_node_attr_value(node, "most_rows") for node in (search, rescore)} == {most_rows}
    assert nearest_centroid(torch.from_numpy(leaves), packed).tolist() == list(range(200))
