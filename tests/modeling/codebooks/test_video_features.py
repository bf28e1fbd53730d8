"""From videos to a codebook: what `videobert cluster --model` does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import videobert
from videobert.base.errors import DecodeError, InputError, ModelError
from videobert.model.folder import BUNDLED, ModelFolder
from videobert.model.manifest import write_manifest
from videobert_modeling.codebooks.backbone_source import BackboneSource
from videobert_modeling.codebooks.video_features import cluster_videos, features_of_videos, stream_features

SHAPES = BUNDLED / "shapes"
CLIP = SHAPES / "clip.mp4"


def test_features_are_those_that_the_runtime_assigns() -> None:
    features = np.concatenate(list(stream_features(ModelFolder("shapes"), [CLIP, CLIP])))
    half = len(features) // 2
    np.testing.assert_array_equal(features[:half], features[half:])
    with videobert.load("shapes") as model:
        tokens = model.tokens(CLIP)
        whole = len(tokens) - (tokens.padded_frames > 0)
        assert half == whole
        np.testing.assert_array_equal(model.codebook.assign(features[:half])[0], tokens.ids[:whole])


def test_a_codebook_of_videos_fits_the_model_that_saw_them(tmp_path: Path) -> None:
    result = cluster_videos(SHAPES, [CLIP, CLIP], tmp_path / "codebook.safetensors", branching=2, depth=2)
    folder = ModelFolder("shapes")
    codebook = videobert.Codebook.load(tmp_path / "codebook.safetensors")
    codebook.check(folder.backbone_hash(), folder.recipe.clip_hash)
    assert len(codebook) == len(result.codebook) <= 4
    assert result.training_rows >= 10


def test_a_folder_needs_no_codebook_but_its_weights(tmp_path: Path) -> None:
    for name in ("config.json", "recipe.json", "model.safetensors", "graphs/backbone.onnx"):
        target = tmp_path / "model" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SHAPES / name, target)
    write_manifest(tmp_path / "model")
    cluster_videos(tmp_path / "model", [CLIP], tmp_path / "codebook.safetensors", branching=2, depth=1)
    (tmp_path / "model/model.safetensors").unlink()
    write_manifest(tmp_path / "model")
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        cluster_videos(tmp_path / "model", [CLIP], tmp_path / "codebook.safetensors", branching=2, depth=1)


def backbone_of(run: Callable[[np.ndarray], np.ndarray], closed: list[bool]) -> BackboneSource:
    return BackboneSource(
        recipe=ModelFolder("shapes").recipe, hash="b" * 16, open=lambda: (run, lambda: closed.append(True))
    )


def test_features_come_video_by_video_and_the_backbone_is_closed() -> None:
    seen: list[int] = []
    closed: list[bool] = []

    def run(clips: np.ndarray) -> np.ndarray:
        assert clips.shape == (1, 30, 112, 112, 3)
        seen.append(len(seen))
        return np.full((1, 4), seen[-1], np.float32)

    blocks = list(features_of_videos(backbone_of(run, closed), [CLIP, CLIP]))
    assert [block.shape for block in blocks] == [(7, 4), (7, 4)]
    assert np.concatenate(blocks)[:, 0].tolist() == seen
    assert closed == [True]


def test_a_feature_that_is_not_finite_names_the_video_and_the_clip() -> None:
    seen: list[int] = []
    closed: list[bool] = []

    def run(clips: np.ndarray) -> np.ndarray:
        seen.append(len(clips))
        return np.full((1, 4), np.nan if len(seen) == 3 else 1.0, np.float32)

    with pytest.raises(ModelError, match=r"not finite; got .*clip\.mp4, the clip at 3\.00 s"):
        list(features_of_videos(backbone_of(run, closed), [CLIP]))
    assert len(seen) == 3
    assert closed == [True]


def test_bad_sources_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no videos were given"):
        cluster_videos(SHAPES, [], tmp_path / "codebook.safetensors")
    (tmp_path / "text.mp4").write_text("not a film")
    with pytest.raises(DecodeError, match=r"text\.mp4"):
        cluster_videos(SHAPES, [tmp_path / "text.mp4"], tmp_path / "codebook.safetensors", branching=2, depth=1)
