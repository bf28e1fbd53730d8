"""Backbones of published width, from a checkpoint through a model folder to every engine that runs here."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.modeling.importers.conftest import VOCABULARY, random_bert
from tests.modeling.models.backbones.plain_resnet import frame_features, logits
from tests.modeling.models.plain_milnce import video_feature
from tests.small_model import frames_of, mp4
from torch import Tensor

import videobert
from videobert.base.errors import ModelError
from videobert.engines.base import Engine, EngineOptions
from videobert.engines.selection import open_engine
from videobert.engines.tensorrt.build.build_process import BuildLimits, run_build
from videobert.engines.tensorrt.build.request import BuildRequest
from videobert.engines.tensorrt.plan_info import read_header
from videobert.engines.tensorrt.profiles import profiles_of
from videobert.families.build_check import check_sizes
from videobert.model.config import ModelConfig
from videobert.model.folder import ModelFolder
from videobert.model.manifest import write_manifest
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert_modeling.codebooks.video_features import cluster_into
from videobert_modeling.export.low_precision.engine_graphs import variants
from videobert_modeling.export.portable.graphs import graphs_of
from videobert_modeling.export.portable.onnx_file import to_onnx
from videobert_modeling.importers import import_checkpoint
from videobert_modeling.importers.shared.backbone_recipes import HOWTO100M, IMAGENET
from videobert_modeling.importers.shared.backbones import read_backbone, recipe_for
from videobert_modeling.models import load_weights

State = dict[str, Tensor]
SHORT = {"s3dg": HOWTO100M.replace(fps=Fraction(8), frames=6), "resnet": IMAGENET.replace(frames=2)}
SEEING = ("backbone", "object_head")
# The least that leaves odd sizes on the way: 54, 27, 14, 7, 4 and 2 pixels.
SIDE = 54


@dataclass(frozen=True)
class Made:
    """A folder that sees, the video that its codebook was made of, what its weights were, two clips and their features
    in float64."""

    kind: str
    folder: Path
    video: Path
    state: State
    clips: np.ndarray[Any, Any]
    plain: Tensor

    @property
    def recipe(self) -> Recipe:
        return Recipe.from_json(json.loads((self.folder / "recipe.json").read_text()))


def _plain(kind: str, state: State, clips: np.ndarray[Any, Any], recipe: Recipe) -> Tensor:
    """Features of uint8 clips in float64."""
    pixels = torch.from_numpy((clips / 255 - np.array(recipe.mean)) / np.array(recipe.std)).permute(0, 4, 1, 2, 3)
    if kind == "s3dg":
        return video_feature(state, pixels)
    return torch.stack([frame_features(state, clip).mean(0) for clip in pixels])


@pytest.fixture(scope="module", params=["s3dg", "resnet"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """What `import` and `cluster` leave, with weights as they were given, and the graphs that see."""
    kind: str = request.param
    root = tmp_path_factory.mktemp(kind)
    state: State = request.getfixturevalue("milnce_state" if kind == "s3dg" else "resnet50_state")
    torch.save(state, root / "published.pth")
    (root / "bert").mkdir()
    torch.save(random_bert(), root / "bert" / "pytorch_model.bin")
    (root / "bert" / "config.json").write_text(json.dumps({"model_type": "bert", "num_attention_heads": 4}))
    (root / "bert" / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    recipe = SHORT[kind].replace(short_side=SIDE, crop=SIDE)
    import_checkpoint(kind, root / "published.pth", root / "backbone.safetensors", recipe=recipe)
    model, video = root / "model", root / "video.mp4"
    import_checkpoint(
        "bert", root / "bert", model, backbone=root / "backbone.safetensors", visual_tokens=9, dtype="float32"
    )
    video.write_bytes(mp4(frames_of(9, seed=5)))
    cluster_into(model, [video], branching=2, depth=2)
    (model / "graphs").mkdir()
    for graph in graphs_of(*load_weights(model), recipe):
        if graph.name in SEEING:
            (model / "graphs" / f"{graph.name}.onnx").write_bytes(to_onnx(graph))
    write_manifest(model)
    with open_clips(video, recipe) as stream:
        clips = np.stack([clip.frames for clip in islice(stream, 2)])
    return Made(kind, model, video, state, clips, _plain(kind, state, clips, recipe))


def _near(ours: np.ndarray[Any, Any], plain: Tensor, bar: float = 1e-5) -> None:
    assert ours.shape == plain.shape
    assert np.abs(ours - plain.numpy()).max() <= bar * max(1.0, float(plain.abs().max()))


def _engine(made: Made, name: str, precision: str) -> Engine:
    return open_engine(ModelFolder(made.folder), engine=name, device="cpu", options=EngineOptions(precision=precision))


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_features_and_logits_are_those_of_the_plain_network(made: Made, engine: str) -> None:
    clips, plain = made.clips, made.plain
    opened = _engine(made, engine, "fp32")
    features = np.concatenate([opened.run("backbone", clips=clip[None]) for clip in clips])
    _near(features, plain)
    if engine == "torch":  # OpenVINO takes one clip at a time
        _near(opened.run("backbone", clips=clips), torch.from_numpy(features).double(), 2e-6)
    if made.kind == "resnet":
        found = opened.run("object_head", features=features)
        _near(found, logits(made.state, plain), 1e-4)
        assert len(ModelConfig.read(made.folder / "config.json").questions["object"].labels) == found.shape[1]
    opened.close()


def test_a_video_has_tokens_and_answers(made: Made) -> None:
    with videobert.load(made.folder, device="cpu", precision="fp32") as model:
        tokens, features = model.tokens(made.video), model.features(made.video)
        assert len(tokens) == len(features.features) > 4
        assert len(set(tokens.ids.tolist())) > 1
        assert tokens.ids.tolist() == model.codebook.assign(features.features.astype(np.float32))[0].tolist()
        if made.kind == "resnet":
            (segment, *_) = model.classify(made.video, question="object").segments
            assert segment.text in model.config.questions["object"].labels


def test_bf16_is_at_most_twice_as_far_off_as_torchs(made: Made) -> None:
    clips, plain = made.clips, made.plain.numpy()
    opened = _engine(made, "openvino", "bf16")
    ours = np.concatenate([opened.run("backbone", clips=clip[None]) for clip in clips])
    opened.close()
    backbone = load_weights(made.folder)[0].bfloat16()
    mean, std = (torch.tensor(values) for values in (made.recipe.mean, made.recipe.std))
    pixels = ((torch.from_numpy(clips) / 255 - mean) / std).permute(0, 4, 1, 2, 3)
    with torch.inference_mode():
        theirs = backbone(pixels.bfloat16()).float().numpy()
    assert np.sqrt(np.square(ours - plain).mean()) <= 2 * np.sqrt(np.square(theirs - plain).mean())


@pytest.mark.skipif(importlib.util.find_spec("tensorrt_rtx") is None, reason="TensorRT-RTX is not installed")
def test_tensorrt_rtx_builds_it(made: Made, tmp_path: Path) -> None:
    portable = (made.folder / "graphs" / "backbone.onnx").read_bytes()
    (tmp_path / "backbone.onnx").write_bytes(portable)
    content = dict(variants("backbone", "fp16", portable))["graphs/backbone.fp16.onnx"]
    (tmp_path / "low.onnx").write_bytes(content)
    config = ModelConfig.read(made.folder / "config.json")
    request = BuildRequest(
        target="tensorrt-rtx",
        graph=tmp_path / "low.onnx",
        targets=("8.9",),
        profiles=profiles_of("backbone", config, made.recipe),
        lengths=None,
    )
    built = run_build(request, BuildLimits(memory_bytes=3 << 30, time_s=300))
    assert read_header(built.plan).targets == ("8.9",)


def _changed(made: Made, place: Path, backbone: dict[str, Any], recipe: dict[str, Any]) -> None:
    """The folder without its graphs, with another `config.json` and `recipe.json`."""
    config, before = (json.loads((made.folder / f"{name}.json").read_text()) for name in ("config", "recipe"))
    config["backbone"] |= backbone
    (place / "config.json").write_text(json.dumps(config))
    (place / "recipe.json").write_text(json.dumps(before | recipe))
    (place / "model.safetensors").symlink_to(made.folder / "model.safetensors")


@pytest.mark.parametrize("kind", ["s3d", "i3d", "s3dg", "resnet50", "resnet101"])
def test_the_weights_of_another_backbone_are_told(made: Made, tmp_path: Path, kind: str) -> None:
    own = ModelConfig.read(made.folder / "config.json").backbone
    if kind == own.kind:
        pytest.skip("it is this one's")
    _changed(made, tmp_path, {"kind": kind, "feature_dim": 2048 if kind.startswith("resnet") else 1024}, {})
    with pytest.raises(ModelError, match="does not hold the tensors of this model"):
        load_weights(tmp_path)


def test_a_feature_of_another_length_is_told(made: Made, tmp_path: Path) -> None:
    _changed(made, tmp_path, {"feature_dim": 1028}, {})
    with pytest.raises(ModelError, match=r"backbone\.feature_dim is out of range; got 1028"):
        check_sizes(tmp_path)


@pytest.mark.parametrize("recipe", [{"frames": 5}, {"crop": 53}])
def test_an_odd_clip_is_told_where_the_backbone_takes_none(made: Made, tmp_path: Path, recipe: dict[str, Any]) -> None:
    _changed(made, tmp_path, {}, recipe)
    if made.kind == "s3dg":
        with pytest.raises(ModelError, match=r"S3D-G takes even sizes only.*allowed: even numbers"):
            check_sizes(tmp_path)
    else:
        check_sizes(tmp_path)


def test_what_is_no_backbone_is_refused(tmp_path: Path) -> None:
    torch.save(random_bert(), tmp_path / "bert.pt")
    with pytest.raises(ModelError, match="not an S3D checkpoint"):
        read_backbone(tmp_path / "bert.pt")


@pytest.mark.parametrize("content", [b"", b"\x10" + bytes(7) + b"no header at all"])
def test_a_damaged_backbone_file_is_told_before_its_recipe_is_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"b\.safetensors cannot be read"):
        recipe_for(tmp_path / "b.safetensors")
