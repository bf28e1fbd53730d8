"""The rule that an exported graph is held to, at the widths of published models."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch

from videobert.base.errors import VideoBertError
from videobert.model.config import EncoderConfig
from videobert.model.recipe import Recipe
from videobert_modeling.export.portable.graphs import Graph, graphs_of
from videobert_modeling.export.portable.onnx_file import to_onnx
from videobert_modeling.export.portable.parity import Reference, onnxruntime_runner, openvino_runner
from videobert_modeling.models import S3D, VideoBert, tiny

Array = npt.NDArray[np.float32]


@pytest.fixture(scope="module", params=[768, 1024])
def head(request: pytest.FixtureRequest) -> Graph:
    """The visual head of a model of BERT-base's or BERT-large's width."""
    encoder = EncoderConfig(layers=1, width=request.param, heads=request.param // 64, feed_forward=64, positions=16)
    config = dataclasses.replace(tiny(), visual_tokens=12**4, encoder=encoder)
    torch.manual_seed(0)
    model = VideoBert(config).eval()
    graphs = graphs_of(S3D(0.125, config.backbone.feature_dim), model, Recipe())
    return next(graph for graph in graphs if graph.name == "visual_head")


@pytest.mark.parametrize("runner", [onnxruntime_runner, openvino_runner])
def test_a_head_of_a_published_width_is_accepted(head: Graph, runner: Callable[..., Callable[..., Array]]) -> None:
    assert Reference(head).check("this runner", runner(to_onnx(head))).holds


def linear(width: int, dtype: torch.dtype = torch.float32) -> Graph:
    torch.manual_seed(1)
    values = {"values": torch.randn(7, width)}
    return Graph(
        name="linear",
        module=torch.nn.Linear(width, 2048).to(dtype),
        example=values,
        outputs=("sums",),
        axes={"values": {0: "count"}},
        trials=(values, {"values": torch.randn(1, width)}),
        longest={},
    )


def in_order(graph: Graph, dtype: type[np.floating] = np.float32) -> Callable[[dict[str, Array]], Array]:
    """A runner that adds one product after another."""
    weight, bias = (parameter.detach().numpy().astype(dtype) for parameter in graph.module.parameters())

    def run(inputs: dict[str, Array]) -> Array:
        values = inputs["values"].astype(dtype)
        total = np.zeros((len(values), len(bias)), dtype)
        for index in range(values.shape[1]):
            total += values[:, index, None] * weight[None, :, index]
        return (total + bias).astype(np.float32)

    return run


@pytest.mark.parametrize("width", [1, 64, 1024, 4096])
def test_sums_in_order_are_as_right_as_sums_in_blocks(width: int) -> None:
    graph = linear(width)
    parity = Reference(graph).check("a runner in order", in_order(graph))
    assert parity.holds


@pytest.mark.parametrize("width", [64, 4096])
def test_more_error_than_twice_that_of_any_order_is_refused(width: int) -> None:
    graph = linear(width)
    ordered = in_order(graph)
    exact = in_order(graph, np.float64)
    noise = np.random.default_rng(0)

    def noisy(inputs: dict[str, Array]) -> Array:
        error = ordered(inputs) - exact(inputs)
        return exact(inputs) + 4 * np.sqrt(np.mean(error**2)) * noise.standard_normal(error.shape).astype(np.float32)

    with pytest.raises(VideoBertError, match="linear"):
        Reference(graph).check("a noisy runner", noisy)


def test_a_half_precision_graph_gets_no_second_look() -> None:
    """In float16, in-order sums of a thousand products would forgive nearly anything."""
    graph = linear(1024, torch.float16)
    with pytest.raises(VideoBertError, match="linear"):
        Reference(graph, torch.float16).check("a runner in order", in_order(graph, np.float16))


def test_a_network_that_gives_zeros_is_held_to_zeros() -> None:
    """Such as a head that was taught from examples that are all alike."""
    graph = linear(8)
    with torch.no_grad():
        for parameter in graph.module.parameters():
            parameter.zero_()
    assert Reference(graph).check("a runner in order", in_order(graph)).error == 0
    with pytest.raises(VideoBertError, match="linear"):
        Reference(graph).check("a runner of ones", lambda inputs: np.ones((len(inputs["values"]), 2048), np.float32))
