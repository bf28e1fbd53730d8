"""From videos to a codebook: what `videobert cluster --model` does."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import videobert
from videobert.base.errors import DecodeError, InputError, ModelError
from videobert.model.folder import BUNDLED, ModelFolder
from videobert_modeling.codebooks.video_features import cluster_videos, stream_features
from videobert_modeling.export.portable.manifest import write_manifest

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


def test_bad_sources_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no videos were given"):
        cluster_videos(SHAPES, [], tmp_path / "codebook.safetensors")
    (tmp_path / "text.mp4").write_text("not a film")
    with pytest.raises(DecodeError, match=r"text\.mp4"):
        cluster_videos(SHAPES, [tmp_path / "text.mp4"], tmp_path / "codebook.safetensors", branching=2, depth=1)
