"""Exported graphs: what they hold and what they compute."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from safetensors.torch import load_file

from videobert.base.errors import VideoBertError
from videobert.model.recipe import Recipe
from videobert_modeling.export.portable.graphs import graphs_of
from videobert_modeling.export.portable.onnx_file import to_onnx
from videobert_modeling.export.portable.parity import Reference, onnxruntime_runner, openvino_runner
from videobert_modeling.models import S3D, VideoBert, load_weights, tiny

RECIPE = Recipe(frames=14, short_side=40, crop=32)
NAMES = ["backbone", "encoder", "text_head", "visual_head", "alignment_head"]


def _graph(folder: Path, name: str) -> onnx.ModelProto:
    return onnx.load(folder / "graphs" / f"{name}.onnx")


def _interface(values) -> dict[str, tuple[int, list[str | int]]]:
    return {
        value.name: (
            value.type.tensor_type.elem_type,
            [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim],
        )
        for value in values
    }


def test_inputs_and_outputs_are_as_documented(folder: Path):
    config, sequence = tiny(), ["batch", "length"]
    features = (TensorProto.FLOAT, ["batch", config.backbone.feature_dim])
    states = (TensorProto.FLOAT, ["count", config.encoder.width])
    expected = {
        "backbone": ({"clips": (TensorProto.UINT8, ["batch", 14, 32, 32, 3])}, {"features": features}),
        "encoder": (
            {
                "ids": (TensorProto.INT64, sequence),
                "segments": (TensorProto.INT64, sequence),
                "lengths": (TensorProto.INT64, ["batch"]),
            },
            {"states": (TensorProto.FLOAT, [*sequence, config.encoder.width])},
        ),
        "text_head": ({"states": states}, {"logits": (TensorProto.FLOAT, ["count", config.words])}),
        "visual_head": ({"states": states}, {"logits": (TensorProto.FLOAT, ["count", config.visual_tokens])}),
        "alignment_head": ({"states": states}, {"logits": (TensorProto.FLOAT, ["count"])}),
    }
    for name, (inputs, outputs) in expected.items():
        model = _graph(folder, name)
        assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 24)]
        assert _interface(model.graph.input) == inputs, name
        assert _interface(model.graph.output) == outputs, name


def test_only_a_cast_touches_the_bytes_and_it_comes_first(folder: Path):
    graph = _graph(folder, "backbone").graph
    assert [node.op_type for node in graph.node if "clips" in node.input] == ["Cast"]
    assert list(graph.node[0].input) == ["clips"]


def test_attention_takes_lengths_and_no_mask(folder: Path):
    nodes = [node for node in _graph(folder, "encoder").graph.node if node.op_type == "Attention"]
    assert len(nodes) == tiny().encoder.layers
    for node in nodes:
        assert list(node.input[3:]) == ["", "", "", "lengths"]
        assert len(set(node.input[:3])) == 3


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_stored_in_half_without_loss(folder: Path, name: str):
    graph = _graph(folder, name).graph
    matrices = [tensor for tensor in graph.initializer if len(tensor.dims) > 1]
    assert matrices
    assert {tensor.data_type for tensor in matrices} == {TensorProto.FLOAT16}
    stored = {
        np.sort(value.half().numpy(), None).tobytes() for value in load_file(folder / "model.safetensors").values()
    }
    if name in ("backbone", "encoder"):  # heads hold a slice of the token table
        assert all(np.sort(numpy_helper.to_array(tensor), None).tobytes() in stored for tensor in matrices)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_the_machine_is_in_the_file(folder: Path, name: str):
    model = _graph(folder, name)
    parts = (model, model.graph, *model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output)
    assert not any(part.doc_string or part.metadata_props for part in parts)
    assert (model.producer_name, model.producer_version) == ("videobert", "")
    content = (folder / "graphs" / f"{name}.onnx").read_bytes()
    assert not re.search(rb"\.py\b|/home|/root|site-packages", content)
    assert str(Path(__file__).parents[4]).encode() not in content


@pytest.mark.parametrize("runner", [onnxruntime_runner, openvino_runner])
def test_padding_has_no_influence_in_the_graph(folder: Path, runner):
    run = runner((folder / "graphs" / "encoder.onnx").read_bytes())
    rng = np.random.default_rng(0)
    inputs = {
        "ids": rng.integers(tiny().vocabulary, size=(3, 21)),
        "segments": rng.integers(2, size=(3, 21)),
        "lengths": np.array([21, 8, 1]),
    }
    states = np.array(run(inputs))
    for row, length in enumerate(inputs["lengths"]):
        inputs["ids"][row, length:] = rng.integers(tiny().vocabulary, size=21 - length)
        inputs["segments"][row, length:] = 1 - inputs["segments"][row, length:]
    other = np.array(run(inputs))
    for row, length in enumerate(inputs["lengths"]):
        assert np.array_equal(states[row, :length], other[row, :length])


@pytest.mark.parametrize("runner", [onnxruntime_runner, openvino_runner])
def test_a_batch_gives_each_clip_its_own_feature(folder: Path, runner):
    run = runner((folder / "graphs" / "backbone.onnx").read_bytes())
    clips = np.random.default_rng(0).integers(256, size=(3, 14, 32, 32, 3), dtype=np.uint8)
    together = np.array(run({"clips": clips}))
    alone = np.concatenate([np.array(run({"clips": clips[i : i + 1]})) for i in range(3)])
    assert together.shape == (3, tiny().backbone.feature_dim)
    assert np.abs(together - alone).max() <= 1e-5 * np.abs(alone).max()


def test_a_graph_that_computes_something_else_is_refused(folder: Path, source: Path):
    backbone, model = load_weights(source)
    graph = next(graph for graph in graphs_of(backbone, model, RECIPE) if graph.name == "text_head")
    content = (folder / "graphs" / "text_head.onnx").read_bytes()
    reference = Reference(graph)
    assert reference.check("onnxruntime", onnxruntime_runner(content)).holds
    run = onnxruntime_runner(content)
    for wrong in (lambda x: run(x) + 1e-5, lambda x: run(x)[:, 1:], lambda x: run(x) * np.float32(np.nan)):
        with pytest.raises(VideoBertError, match="text_head"):
            reference.check("onnxruntime", wrong)


def test_heads_that_the_model_lacks_get_no_graph():
    config = dataclasses.replace(tiny(), heads=("visual",))
    names = [graph.name for graph in graphs_of(S3D(0.125, 32), VideoBert(config), RECIPE)]
    assert names == ["backbone", "encoder", "visual_head"]


@pytest.mark.parametrize("positions", [5, 8])
def test_a_model_of_few_positions_is_exported(positions: int):
    encoder = dataclasses.replace(tiny().encoder, positions=positions)
    model = VideoBert(dataclasses.replace(tiny(), encoder=encoder)).eval()
    graph = next(graph for graph in graphs_of(S3D(0.125, 32), model, RECIPE) if graph.name == "encoder")
    assert max(len(inputs["ids"][0]) for inputs in graph.trials) == positions
    assert Reference(graph).check("onnxruntime", onnxruntime_runner(to_onnx(graph))).holds
