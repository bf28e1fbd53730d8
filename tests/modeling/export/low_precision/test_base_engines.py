"""A base-size model with random weights, from torch to TensorRT-RTX plans for three generations of GPUs."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import torch

from videobert.engines.tensorrt.build.build_process import BuildLimits, run_build
from videobert.engines.tensorrt.build.request import BuildRequest
from videobert.engines.tensorrt.plan_info import read_fusion, read_header
from videobert.engines.tensorrt.profiles import profiles_of
from videobert.model.recipe import Recipe
from videobert_modeling.export.low_precision.engine_graphs import variants
from videobert_modeling.export.portable.graphs import graphs_of
from videobert_modeling.export.portable.onnx_file import to_onnx
from videobert_modeling.models import S3D, VideoBert
from videobert_modeling.models.configurations import base

TARGETS = ("8.6", "8.9", "12.0")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("tensorrt_rtx") is None, reason="TensorRT-RTX is not installed")
@pytest.mark.parametrize("stage", ["encoder", "visual_head"])
def test_a_base_size_model_is_built_in_fp16(stage: str, tmp_path: Path) -> None:
    config = base()
    torch.manual_seed(0)
    model = VideoBert(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())  # as weights on disk are, so that they are shared
    graphs = graphs_of(S3D(0.125, config.backbone.feature_dim), model, Recipe())
    portable = to_onnx(next(graph for graph in graphs if graph.name == stage))
    (tmp_path / f"{stage}.onnx").write_bytes(portable)
    content = dict(variants(stage, "fp16", portable))[f"graphs/{stage}.fp16.onnx"]
    assert len(content) < 1 << 20 < len(portable)
    (tmp_path / "low.onnx").write_bytes(content)
    profiles = profiles_of(stage, config, Recipe())
    request = BuildRequest(
        target="tensorrt-rtx",
        graph=tmp_path / "low.onnx",
        targets=TARGETS,
        profiles=profiles,
        lengths="lengths" if stage == "encoder" else None,
    )
    built = run_build(request, BuildLimits(memory_bytes=3 << 30, time_s=300))
    header, fusion = read_header(built.plan), read_fusion(built.plan)
    layers = config.encoder.layers if stage == "encoder" else 0
    facts = {"build_s": built.result.build_s, "plan": len(built.plan), "memory": built.peak_memory_bytes}
    print(stage, json.dumps(facts))
    assert header.targets == TARGETS
    assert header.size_bytes == len(built.plan)
    assert fusion is not None
    assert fusion.attention == layers * len(profiles)
    assert built.result.attentions == built.result.lengths_given == layers
    assert built.result.build_s < 60
