"""Templates made of graphs with random weights: filled with other weights they are what the exporter makes of those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from videobert.base.errors import MismatchError, VideoBertError
from videobert.get.graph_template import GraphTemplate
from videobert.model.config import EncoderConfig
from videobert_modeling.export.low_precision.engine_graphs import variants
from videobert_modeling.export.portable.graphs import Graph
from videobert_modeling.export.portable.onnx_file import to_onnx
from videobert_modeling.export.portable.template import Array, norm_factors, random_tensors, template_of
from videobert_modeling.models.encoders.joint import JointEncoder

CHANNELS = 12


class Rows(nn.Module):
    """A head whose output matrix is some rows of a table, and a norm that is more than its bias."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(20, 16)
        self.shift = nn.Parameter(torch.zeros(20))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(states, self.table.weight[5:14], self.shift[5:14])


def convolutions() -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(3, CHANNELS, 3, bias=False),
        nn.BatchNorm3d(CHANNELS, eps=1e-3),
        nn.ReLU(),
        nn.Conv3d(CHANNELS, 2, 1),
        nn.BatchNorm3d(2),
    )


def encoder() -> nn.Module:
    return JointEncoder(EncoderConfig(layers=1, width=16, heads=2, feed_forward=32, positions=16), 40)


@dataclass(frozen=True, kw_only=True)
class Case:
    make: Callable[[], nn.Module]
    example: dict[str, torch.Tensor]
    axes: tuple[str, ...] = ("batch",)


CASES = {
    "convolutions": Case(make=convolutions, example={"clips": torch.zeros(2, 3, 4, 5, 5)}),
    "linear": Case(make=lambda: nn.Linear(16, 24), example={"states": torch.zeros(3, 4, 16)}, axes=("batch", "length")),
    "rows": Case(make=Rows, example={"states": torch.zeros(3, 16)}),
    "encoder": Case(
        make=encoder,
        example={
            "ids": torch.zeros(2, 7, dtype=torch.int64),
            "segments": torch.zeros(2, 7, dtype=torch.int64),
            "lengths": torch.tensor([7, 4]),
        },
        axes=("batch", "length"),
    ),
}


def shapes(case: Case) -> dict[str, tuple[int, ...]]:
    state = case.make().state_dict()
    return {name: tuple(value.shape) for name, value in state.items() if not name.endswith("num_batches_tracked")}


def export(name: str, tensors: dict[str, Array]) -> bytes:
    case = CASES[name]
    module = case.make()
    values = {each: torch.from_numpy(value.astype(np.float32)) for each, value in tensors.items()}
    module.load_state_dict(values, strict=False)
    graph = Graph(
        name=name,
        module=module,
        example=case.example,
        outputs=("out",),
        axes={given: dict(enumerate(case.axes[: value.dim()])) for given, value in case.example.items()},
        trials=(),
        longest={"length": 16},
    )
    return to_onnx(graph)


@pytest.fixture(scope="module", params=list(CASES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def drawn(name: str) -> list[dict[str, Array]]:
    return [random_tensors(shapes(CASES[name]), seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def graphs(name: str, drawn: list[dict[str, Array]]) -> list[bytes]:
    return [export(name, tensors) for tensors in drawn]


def test_random_weights_mean_something() -> None:
    tensors = random_tensors({"matrix": (4, 5), "bias": (6,)}, seed=0)
    assert tensors["matrix"].dtype == np.float16
    assert tensors["bias"].dtype == np.float32
    assert (tensors["bias"] > 0).all()
    assert not np.array_equal(tensors["bias"], tensors["bias"].astype(np.float16))
    again, other = (random_tensors({"matrix": (4, 5), "bias": (6,)}, seed=seed) for seed in (0, 1))
    assert all(np.array_equal(again[each], tensors[each]) for each in tensors)
    assert not any(np.array_equal(other[each], tensors[each]) for each in tensors)


def test_a_filled_template_is_the_export(name: str, drawn: list[dict[str, Array]], graphs: list[bytes]) -> None:
    template = template_of(graphs[0], drawn[0], {})
    assert template.holes
    assert template.fill(drawn[1]) == graphs[1]


def test_a_template_depends_on_no_weight(drawn: list[dict[str, Array]], graphs: list[bytes]) -> None:
    first, second = (template_of(graph, each, {}) for graph, each in zip(graphs, drawn, strict=True))
    assert first == second


def test_every_weight_is_cut_out(drawn: list[dict[str, Array]], graphs: list[bytes]) -> None:
    template = template_of(graphs[0], drawn[0], {})
    assert {hole.tensor for hole in template.holes} == set(drawn[0])
    assert len(template.rest) < 20_000


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_a_filled_template_of_another_precision_is_the_export(
    name: str, drawn: list[dict[str, Array]], graphs: list[bytes], precision: str
) -> None:
    norms = norm_factors(onnx.load_from_string(graphs[0]), drawn[0])
    stage = {"convolutions": "backbone", "encoder": "encoder"}.get(name, "text_head")
    first, second = (dict(variants(stage, precision, graph)) for graph in graphs)
    assert first.keys() == second.keys()
    for file, content in first.items():
        assert template_of(content, drawn[0], norms).fill(drawn[1]) == second[file]


@pytest.fixture(scope="module")
def convolved() -> tuple[GraphTemplate, dict[str, Array]]:
    tensors = random_tensors(shapes(CASES["convolutions"]), seed=3)
    return template_of(export("convolutions", tensors), tensors, {}), tensors


def test_scales_of_one_as_a_norm_without_a_scale_has_them_are_filled_as_exported(
    convolved: tuple[GraphTemplate, dict[str, Array]],
) -> None:
    template, tensors = convolved
    plain = tensors | {"1.weight": np.ones(CHANNELS, np.float32), "1.running_mean": np.zeros(CHANNELS, np.float32)}
    assert template.fill(plain) == export("convolutions", plain)


@pytest.mark.parametrize(
    "change",
    [
        {"3.bias": np.zeros(2, np.float32)},
        {"0.weight": np.full((CHANNELS, 3, 3, 3, 3), 1 / 3, np.float32)},
        {"4.bias": np.ones(2, np.float32), "4.weight": np.ones(2, np.float32)},
    ],
    ids=["a bias of zeros", "a kernel that does not fit half precision", "equal small tensors"],
)
def test_what_the_exporter_would_write_otherwise_is_refused(
    convolved: tuple[GraphTemplate, dict[str, Array]], change: dict[str, Array]
) -> None:
    template, tensors = convolved
    changed = tensors | change
    size = len(template.rest) + sum(hole.size_bytes for hole in template.holes)
    assert len(export("convolutions", changed)) != size
    with pytest.raises(MismatchError, match="videobert build"):
        template.fill(changed)


def test_a_norm_whose_statistics_are_no_tensors_of_the_model_is_told() -> None:
    tensors = random_tensors(shapes(CASES["convolutions"]), seed=3)
    graph = onnx.load_from_string(export("convolutions", tensors))
    del tensors["4.running_var"]
    with pytest.raises(VideoBertError, match="no tensor of the model"):
        norm_factors(graph, tensors)
