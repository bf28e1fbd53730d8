"""One specification of a stage, read by everything that makes, runs, serves or describes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import InputError, ModelError
from videobert.base.limits import Limits
from videobert.engines.base import EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine, _shapes
from videobert.engines.tensorrt.profiles import profiles_of
from videobert.model import stage_lists
from videobert.model.config import ModelConfig
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import ALL_STAGES, portable_graph, stages_of
from videobert.model.recipe import Recipe
from videobert.model.stage import Axis, StageSpec, TensorSpec
from videobert.model.stage_lists import stage_names, stage_specs
from videobert.runtime import Runtime
from videobert.serve.triton.graph_signature import check_signature, signature_of
from videobert.serve.triton.model_config import ServedTensor
from videobert.serve.triton.repository import served_graph

DOCS = Path(__file__).parents[3] / "docs" / "model-folder.md"
SHAPES = ModelFolder("shapes")
SPECS = {spec.name: spec for spec in stage_specs(SHAPES.config, SHAPES.recipe)}
ENCODER, HEAD = SPECS["encoder"], SPECS["text_head"]


def sequences(batch: int = 2, length: int = 5, **changes: Any) -> dict[str, Any]:
    inputs = {name: np.zeros((batch, length), np.int64) for name in ("ids", "segments")}
    return {**inputs, "lengths": np.ones(batch, np.int64), **changes}


def changed(spec: StageSpec) -> StageSpec:
    """A head that is told otherwise: other names, and larger batches."""
    rest = spec.outputs[0].axes[1:]
    rows = Axis("rows")
    states = TensorSpec("planted_states", "float32", (rows, *spec.inputs[0].axes[1:]))
    scores = TensorSpec("planted_scores", "float32", (rows, *rest))
    return dataclasses.replace(spec, inputs=(states,), outputs=(scores,), batch="rows", usual_batch=7, most_batch=70)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    known = stage_lists.STAGE_LISTS["videobert"]

    def specs(config: ModelConfig, recipe: Recipe) -> tuple[StageSpec, ...]:
        return tuple(changed(spec) if spec.name == "text_head" else spec for spec in known(config, recipe))

    monkeypatch.setitem(stage_lists.STAGE_LISTS, "videobert", specs)


def test_names_follow_the_heads_and_the_device() -> None:
    config = dataclasses.replace(SHAPES.config, heads=("visual",))
    assert stage_names(config, gpu=False) == ("backbone", "encoder", "visual_head")
    assert stages_of(config) == ("backbone", "nearest", "encoder", "visual_head")
    assert set(stages_of(SHAPES.config)) <= set(ALL_STAGES)


@pytest.mark.parametrize("name", stage_names(SHAPES.config, gpu=False))
def test_the_bundled_graphs_are_what_their_specification_says(name: str) -> None:
    check_signature(SHAPES.read(portable_graph(name)), SPECS[name])


def test_a_specification_says_what_else_would_go_by_the_name() -> None:
    def names(holds: Callable[[StageSpec], object]) -> set[str]:
        return {name for name, spec in SPECS.items() if holds(spec)}

    assert names(lambda spec: spec.one_at_a_time) == {"backbone"}
    assert names(lambda spec: spec.lengths) == names(lambda spec: spec.attentions) == {"encoder"}
    assert (ENCODER.lengths, ENCODER.attentions) == ("lengths", SHAPES.config.encoder.layers)
    assert names(lambda spec: spec.of_text) == {"encoder", "text_head"}
    assert names(lambda spec: spec.scores_candidates) == {"text_head", "visual_head"}


def test_free_axes_come_with_the_batch_first() -> None:
    assert [axis.name for axis in ENCODER.free_axes] == ["batch", "length"]
    assert [axis.longest for axis in ENCODER.free_axes] == [None, SHAPES.config.encoder.positions]
    assert ENCODER.lengths_of(sequences()) == {"batch": 2, "length": 5}


@pytest.mark.parametrize(
    "inputs",
    [
        {"ids": np.zeros((1, 5), np.int64)},
        sequences(states=np.zeros(1)),
        sequences(lengths=np.ones(3, np.int64)),
        sequences(segments=np.zeros((2, 4), np.int64)),
        sequences(ids=np.zeros((2, 5), np.int32)),
        sequences(ids=np.zeros((2, 5, 1), np.int64)),
    ],
    ids=["missing", "too-many", "other-batch", "other-length", "dtype", "axes"],
)
def test_inputs_that_do_not_fit_are_refused(inputs: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="encoder"):
        ENCODER.lengths_of(inputs)


def test_a_clip_on_a_device_may_lack_its_batch() -> None:
    class OnDevice:
        shape = SPECS["backbone"].inputs[0].shape[1:]

    assert SPECS["backbone"].lengths_of({"clips": OnDevice()}) == {"batch": 1}


@pytest.mark.parametrize(
    "output",
    [np.zeros((2, 5), np.float32), np.zeros((2, 50), np.float64), np.zeros((3, 50), np.float32)],
    ids=["size", "dtype", "batch"],
)
def test_an_output_that_does_not_fit_is_refused(output: np.ndarray) -> None:
    HEAD.check_output(np.zeros((2, 50), np.float32), {"count": 2})
    with pytest.raises(ModelError, match=r"text_head does not fit config\.json"):
        HEAD.check_output(output, {"count": 2})


def test_an_unknown_family_is_refused() -> None:
    config = dataclasses.replace(SHAPES.config, family="other")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="family is not known"):
        stage_specs(config, SHAPES.recipe)


def test_openvino_compiles_for_the_shapes_of_the_specification() -> None:
    recipe = SHAPES.recipe
    assert _shapes(SPECS["backbone"]) == {"clips": [1, recipe.frames, recipe.crop, recipe.crop, 3]}
    assert _shapes(ENCODER) == {}


def test_the_table_of_the_documentation_is_the_specification() -> None:
    text = DOCS.read_text(encoding="utf-8")
    rows = [f"| `{spec.name}` | {_listed(spec.inputs)} | {_listed(spec.outputs)} |" for spec in SPECS.values()]
    assert "\n".join(["| --- | --- | --- |", *rows, ""]) in text


def _listed(tensors: Iterable[TensorSpec]) -> str:
    return "; ".join(
        f"`{tensor.name}` {tensor.dtype} ({', '.join(f'`{a.name}`' if a.is_free else a.name for a in tensor.axes)})"
        for tensor in tensors
    )


def test_a_planted_stage_changes_the_profiles(planted: None) -> None:
    width = SHAPES.config.encoder.width
    (profile,) = profiles_of("text_head", SHAPES.config, SHAPES.recipe)
    assert profile.inputs == {"planted_states": ((1, width), (7, width), (70, width))}


def test_a_planted_stage_changes_what_the_engine_may_be_given(
    planted: None, model_folder: Path, make_video: Callable[..., Any], cache_dir: Path
) -> None:
    engine = OpenVinoEngine(ModelFolder(model_folder), EngineOptions(precision="fp32", cache_dir=cache_dir))
    with (
        Runtime(ModelFolder(model_folder), engine, Limits()) as model,
        pytest.raises(InputError, match="text_head takes other inputs"),
    ):
        model.fill("a [MASK] square")


def test_a_planted_stage_changes_the_export_and_what_is_served(planted: None) -> None:
    torch = pytest.importorskip("torch")
    from videobert_modeling.export.portable.graphs import graphs_of
    from videobert_modeling.export.portable.onnx_file import to_onnx
    from videobert_modeling.models import S3D, VideoBert

    class PlantedHead(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, head: Any) -> None:
            super().__init__()
            self.head = head

        def forward(self, planted_states: Any) -> Any:
            return self.head(planted_states)

    config, width = SHAPES.config, SHAPES.config.encoder.width
    spec = next(s for s in stage_specs(config, SHAPES.recipe) if s.name == "text_head")
    with pytest.raises(ModelError, match=r"has other inputs than config\.json says"):
        served_graph(spec, SHAPES.read("graphs/text_head.onnx"))
    backbone = S3D(config.backbone.width, config.backbone.feature_dim)
    graph = next(g for g in graphs_of(backbone, VideoBert(config).eval(), SHAPES.recipe) if g.name == "text_head")
    content = to_onnx(dataclasses.replace(graph, module=PlantedHead(graph.module)))
    signature = signature_of(content, "text_head.onnx")
    assert [(port.name, port.dims) for port in signature.inputs] == [("planted_states", (-1, width))]
    assert [(port.name, port.dims) for port in signature.outputs] == [("planted_scores", (-1, config.words))]
    served = served_graph(spec, content)
    assert served.inputs == (ServedTensor(name="planted_states", dtype="float32", dims=(width,)),)
    assert served.outputs == (ServedTensor(name="planted_scores", dtype="float32", dims=(config.words,)),)
