"""MIL-NCE's network at its published size, imported with weights filled from their names, against float64."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.modeling.models.plain_milnce import text_embedding, video_embedding, video_feature
from torch import Tensor

from videobert.engines.tensorrt.build.build_process import BuildLimits, run_build
from videobert.engines.tensorrt.build.request import BuildRequest
from videobert.engines.tensorrt.plan_info import read_header
from videobert.engines.tensorrt.profiles import profiles_of
from videobert.model.recipe import Recipe
from videobert_modeling.export.portable.graphs import Graph, graphs_of
from videobert_modeling.export.portable.onnx_file import to_onnx
from videobert_modeling.export.portable.parity import openvino_runner
from videobert_modeling.importers.milnce import read_milnce
from videobert_modeling.models.backbones.s3dg import S3DG
from videobert_modeling.models.families.milnce import MilNce

State = dict[str, Tensor]
Read = tuple[S3DG, MilNce]
WORDS = 100


@pytest.fixture(scope="module")
def state(milnce_state: State) -> State:
    return milnce_state


@pytest.fixture(scope="module")
def read(state: State, tmp_path_factory: pytest.TempPathFactory) -> Read:
    path = tmp_path_factory.mktemp("milnce") / "s3d_howto100m.pth"
    torch.save(state, path)
    backbone, model, ledger = read_milnce(path)
    assert ledger.count("unexplained") == ledger.count("missing") == 0
    return backbone, model


@pytest.fixture(scope="module")
def graphs(read: Read) -> dict[str, Graph]:
    recipe = Recipe(frames=16, short_side=200, crop=200)
    return {graph.name: graph for graph in graphs_of(*read, recipe) if graph.name != "backbone"}


@pytest.fixture(scope="module")
def files(graphs: dict[str, Graph]) -> dict[str, bytes]:
    return {name: to_onnx(graph) for name, graph in graphs.items()}


@pytest.fixture(scope="module")
def feature(state: State) -> Tensor:
    return video_feature(state, torch.from_numpy(np.random.default_rng(9).random((1, 3, 16, 200, 200))))


def near(ours: Tensor | np.ndarray, plain: Tensor) -> None:
    ours = torch.as_tensor(ours).double()
    assert ours.shape == plain.shape
    assert (ours - plain).abs().max() <= 1e-5 * max(1.0, float(plain.abs().max()))


def test_a_clip_has_the_vector_of_the_plain_network(state: State, read: Read, feature: Tensor) -> None:
    clip = torch.from_numpy(np.random.default_rng(9).random((1, 3, 16, 200, 200))).float()
    with torch.inference_mode():
        ours = read[0](clip)
        near(ours, feature)
        near(read[1].video_embedding(ours), video_embedding(state, feature))


@pytest.mark.parametrize("batch", [1, 3])
def test_texts_have_the_vectors_of_the_plain_network(
    state: State, read: Read, files: dict[str, bytes], batch: int
) -> None:
    ids = torch.from_numpy(np.random.default_rng(11).integers(0, WORDS, (batch, 16)))
    ids[:, 9:] = 0
    plain = text_embedding(state, ids)
    with torch.inference_mode():
        near(read[1].text_embedding(ids), plain)
    near(openvino_runner(files["text_embedding"])({"ids": ids.numpy()}), plain)


def test_openvino_gives_a_clips_vector_too(state: State, files: dict[str, bytes], feature: Tensor) -> None:
    run = openvino_runner(files["video_embedding"])
    near(run({"features": feature.float().numpy()}), video_embedding(state, feature))


def test_the_place_of_no_word_takes_part_in_the_maximum(read: Read) -> None:
    """As in training: a text of one word and the word 16 times are not the same."""
    with torch.inference_mode():
        once, often = (read[1].text_embedding(torch.tensor([[5] * n + [0] * (16 - n)])) for n in (1, 16))
    assert (once - often).abs().max() > 1e-3


@pytest.mark.skipif(importlib.util.find_spec("tensorrt_rtx") is None, reason="TensorRT-RTX is not installed")
@pytest.mark.parametrize("stage", ["video_embedding", "text_embedding"])
def test_tensorrt_rtx_builds_it(read: Read, files: dict[str, bytes], stage: str, tmp_path: Path) -> None:
    (tmp_path / "stage.onnx").write_bytes(files[stage])
    profiles = profiles_of(stage, read[1].config, Recipe())
    request = BuildRequest(
        target="tensorrt-rtx", graph=tmp_path / "stage.onnx", targets=("8.9",), profiles=profiles, lengths=None
    )
    built = run_build(request, BuildLimits(memory_bytes=3 << 30, time_s=120))
    assert read_header(built.plan).targets == ("8.9",)
    assert profiles[0].inputs.popitem()[1][2][0] == 64
