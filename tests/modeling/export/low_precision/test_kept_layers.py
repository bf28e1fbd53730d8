"""Layers that are kept stay in a higher precision, and all others do not."""

from __future__ import annotations

import shutil
from pathlib import Path

import onnx
import pytest
from onnx import ModelProto, TensorProto

from videobert.base.errors import MismatchError
from videobert.model.folder import ModelFolder, find
from videobert.model.kept_layers import KeptLayers, weights_name
from videobert_modeling.export.low_precision.engine_graphs import variants
from videobert_modeling.export.low_precision.lowered import lowered
from videobert_modeling.export.low_precision.quantised import activations_of, quantised

KEPT = "node_conv3d_3"


@pytest.fixture(scope="module")
def backbone() -> ModelProto:
    return onnx.load(find("shapes") / "graphs" / "backbone.onnx")


def convolutions(model: ModelProto) -> dict[str, int]:
    """The type that each computes in: that of its weight."""
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    casts = {node.output[0]: node.attribute[0].i for node in model.graph.node if node.op_type == "Cast"}
    return {
        node.name: types.get(node.input[1], casts.get(node.input[1], 0))
        for node in model.graph.node
        if node.op_type == "Conv"
    }


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_kept_layer_stays_in_float32(backbone: ModelProto, precision: str) -> None:
    low = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}[precision]
    plain = convolutions(lowered(backbone, precision))  # type: ignore[arg-type]
    kept = convolutions(lowered(backbone, precision, frozenset({KEPT})))  # type: ignore[arg-type]
    assert set(plain.values()) == {low}
    assert kept[KEPT] == TensorProto.FLOAT
    assert {name for name, kind in kept.items() if kind != low} == {KEPT}


def test_a_kept_product_is_not_quantised() -> None:
    encoder = lowered(onnx.load(find("shapes") / "graphs" / "encoder.onnx"), "fp16")
    weights = {tensor.name for tensor in encoder.graph.initializer}
    names = [n.name for n in encoder.graph.node if n.op_type in ("MatMul", "Gemm") and n.input[1] in weights]
    kept = frozenset(names[1:3])
    found = quantised(encoder, "int8", dict.fromkeys(activations_of(encoder), 1.0), kept)
    inputs = {node.name: node.input[1] for node in found.graph.node if node.name in names}
    assert {name for name, weight in inputs.items() if not weight.endswith(".back")} == kept
    assert len(activations_of(encoder, frozenset(names))) == 0


def test_the_graphs_of_a_folder_are_written_with_them(backbone: ModelProto) -> None:
    portable = (find("shapes") / "graphs" / "backbone.onnx").read_bytes()
    ((_, plain),) = variants("backbone", "bf16", portable)
    ((name, kept),) = variants("backbone", "bf16", portable, frozenset({KEPT}))
    assert name == "graphs/backbone.bf16.onnx"
    assert plain != kept


def test_those_of_another_model_are_refused(tmp_path: Path) -> None:
    shutil.copytree(find("shapes"), tmp_path / "model")
    folder = ModelFolder(tmp_path / "model")
    KeptLayers(weights=weights_name(folder)).check(folder)
    with pytest.raises(MismatchError, match="another model"):
        KeptLayers(weights="0").check(folder)
