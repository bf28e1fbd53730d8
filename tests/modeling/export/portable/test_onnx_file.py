"""An I3D as a graph: what torch cannot say of padding, the graph does."""

from __future__ import annotations

import onnx
import pytest
import torch
from torch import nn

from videobert.model.recipe import Recipe
from videobert_modeling.export.portable.graphs import Graph
from videobert_modeling.export.portable.onnx_file import to_onnx
from videobert_modeling.export.portable.parity import Reference, onnxruntime_runner, openvino_runner
from videobert_modeling.models import I3D
from videobert_modeling.models.stage_modules import BackboneStage

# About the smallest that the pool leaves room for; even, so that the first padding is not the same at both ends.
FRAMES, SIDE = 10, 194
RECIPE = Recipe(frames=FRAMES, short_side=SIDE, crop=SIDE, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


@pytest.fixture(scope="module")
def graph() -> Graph:
    torch.manual_seed(0)
    network = I3D(0.125, 64).eval()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm3d):
            assert part.running_mean is not None
            part.running_mean.normal_(0, 0.1)
            part.bias.data.normal_(0, 0.1)

    def clips(batch: int) -> dict[str, torch.Tensor]:
        return {"clips": torch.randint(256, (batch, FRAMES, SIDE, SIDE, 3), dtype=torch.uint8)}

    return Graph(
        name="backbone",
        module=BackboneStage(network, RECIPE).eval(),
        example=clips(2),
        outputs=("features",),
        axes={"clips": {0: "batch"}},
        trials=(clips(1),),
        longest={},
    )


@pytest.fixture(scope="module")
def content(graph: Graph) -> bytes:
    return to_onnx(graph)


def test_padding_is_an_attribute_and_no_node(content: bytes) -> None:
    nodes = list(onnx.load_from_string(content).graph.node)
    assert not [node for node in nodes if node.op_type == "Pad"]
    stem = next(node for node in nodes if node.op_type == "Conv")
    pads = next(list(attribute.ints) for attribute in stem.attribute if attribute.name == "pads")
    assert pads == [2, 2, 2, 3, 3, 3]


def test_batch_norm_stays_unfolded(content: bytes) -> None:
    kinds = [node.op_type for node in onnx.load_from_string(content).graph.node]
    assert kinds.count("BatchNormalization") == kinds.count("Conv") == 57


@pytest.mark.parametrize("runner", [onnxruntime_runner, openvino_runner])
def test_the_graph_computes_what_the_network_does(graph: Graph, content: bytes, runner) -> None:
    assert Reference(graph).compare(runner(content)).holds


def test_few_zeros_that_two_nodes_share_stay() -> None:
    """The bias that a convolution does not have, and the one of BatchNorm, which holds nothing but zeros yet."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), nn.BatchNorm2d(8)).eval()
    graph = Graph(
        name="two",
        module=module,
        example={"input": torch.randn(2, 3, 4, 4)},
        outputs=("maps",),
        axes={"input": {0: "batch"}},
        trials=({"input": torch.randn(1, 3, 4, 4)},),
        longest={},
    )
    nodes = onnx.load_from_string(to_onnx(graph)).graph.node
    assert [len(node.input) for node in nodes if node.op_type in ("Conv", "BatchNormalization")] == [2, 5]
