"""Every family that has encoders: all precisions, and engines for one target, of its smallest instance."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.conse_folder import write_conse_folder
from tests.small_univl import config_of, write_small_univl

from videobert.base.errors import UsageError
from videobert.engines.tensorrt.build.engine_folder import build_engines
from videobert.engines.tensorrt.build.plan_cache import PlanCache
from videobert.engines.tensorrt.profiles import profiles_of
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import check_quantisable, missing_graphs
from videobert.model.precision import GRAPH_PRECISIONS
from videobert.model.stage import StageSpec
from videobert.model.stage_lists import stage_specs
from videobert_modeling.export import export_engine_graphs, export_folder
from videobert_modeling.export.low_precision.engine_graphs import EngineGraph
from videobert_modeling.export.low_precision.recorded_calls import Call, recorded_calls
from videobert_modeling.export.portable.parity import onnxruntime_runner
from videobert_modeling.models import S3D, load_weights, save_weights

TARGET = "8.9"
Exported = tuple[ModelFolder, dict[str, EngineGraph]]


def _write_univl(folder: Path) -> None:
    """With heads of 24, which the kernels lack, and statistics of a backbone that fp16 holds."""
    write_small_univl(folder, config_of(24), export=False)
    _, model = load_weights(folder)
    torch.manual_seed(0)
    backbone = S3D(model.config.backbone.width, model.config.backbone.feature_dim)
    for name, buffer in backbone.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    save_weights(model, backbone.eval(), folder / "model.safetensors")


@pytest.fixture(scope="module", params=["conse", "univl"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    root = tmp_path_factory.mktemp(request.param)
    (write_conse_folder if request.param == "conse" else _write_univl)(root)
    export_folder(root)
    written = export_engine_graphs(root, *GRAPH_PRECISIONS)
    return ModelFolder(root), {graph.name: graph for graph in written}


def test_every_precision_has_the_graphs_of_every_stage(exported: Exported) -> None:
    folder, _ = exported
    folder.verify()
    for precision in GRAPH_PRECISIONS:
        for mask in (False, True):
            assert missing_graphs(folder.names(), folder.config, precision, mask=mask) == ()


def test_every_encoder_is_quantised_and_judged(exported: Exported) -> None:
    folder, written = exported
    encoders = [spec.name for spec in stage_specs(folder.config, folder.recipe) if spec.is_encoder]
    assert encoders
    for stage in encoders:
        for kind in ("int8", "fp8"):
            agreement = written[f"graphs/{stage}.{kind}.onnx"].agreement
            assert agreement is not None
            assert agreement >= 0.99


def _calls(folder: ModelFolder) -> dict[StageSpec, list[Call]]:
    recorded = recorded_calls(folder)
    return {spec: recorded[spec.name] for spec in stage_specs(folder.config, folder.recipe) if spec.is_encoder}


def test_int8_is_near_and_not_the_same(exported: Exported) -> None:
    folder, _ = exported
    for spec, calls in _calls(folder).items():
        call = calls[-1]
        real = call.real(spec)
        ours = onnxruntime_runner(folder.path(f"graphs/{spec.name}.int8.onnx"))(call.inputs)
        error = np.sqrt(np.mean((ours - call.output)[real] ** 2) / np.mean(call.output[real] ** 2))
        assert 1e-4 < error < 0.15


def test_the_calls_of_a_model_are_the_same_each_time_and_of_every_length(exported: Exported) -> None:
    folder, _ = exported
    first, again = _calls(folder), _calls(folder)
    for spec, calls in first.items():
        for call, other in zip(calls, again[spec], strict=True):
            assert all(np.array_equal(call.inputs[name], other.inputs[name]) for name in call.inputs)
        assert len({int(call.real(spec).sum()) for call in calls}) > 3


def test_engines_of_every_stage_are_built_with_their_attention_fused(exported: Exported, tmp_path: Path) -> None:
    if importlib.util.find_spec("tensorrt_rtx") is None:
        pytest.skip("TensorRT-RTX is not installed")
    folder, _ = exported
    specs = {spec.name: spec for spec in stage_specs(folder.config, folder.recipe)}
    # Of the stages that have no int8 graph, those in fp16.
    built = build_engines(
        folder,
        tmp_path / "engines",
        target="tensorrt-rtx",
        precision="int8",
        capabilities=[TARGET],
        cache=PlanCache(tmp_path / "cache"),
    )
    assert [engine.stage for engine in built] == list(specs)
    for engine in built:
        profiles = len(profiles_of(engine.stage, folder.config, folder.recipe))
        assert engine.expected_attention == specs[engine.stage].attentions * profiles
        if specs[engine.stage].attentions:
            assert engine.fused_attention == engine.expected_attention
            assert engine.precision == "int8"


def test_a_model_without_an_encoder_is_refused_before_any_work(exported: Exported, tmp_path: Path) -> None:
    folder, _ = exported
    specs = [spec for spec in stage_specs(folder.config, folder.recipe) if not spec.is_encoder]
    check_quantisable(specs, "fp16")
    with pytest.raises(UsageError, match="no encoder, and nothing else is made in int8; got int8; allowed: fp32"):
        check_quantisable(specs, "int8")
