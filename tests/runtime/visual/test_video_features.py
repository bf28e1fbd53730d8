"""The features of a video, in memory and in a file that is not trusted."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from videobert.base.errors import InputError, UsageError
from videobert.visual.feature_file import FeatureFiles
from videobert.visual.video_feature_file import is_video_feature_file
from videobert.visual.video_features import VideoFeatures


def features(clips: int = 5, **changes: Any) -> VideoFeatures:
    random = np.random.default_rng(clips)
    fields: dict[str, Any] = {
        "features": random.standard_normal((clips, 8)).astype(np.float16),
        "pictures": {"object": random.standard_normal((clips, 3)).astype(np.float16)},
        "first_s": 0.5,
        "end_s": 0.5 + 1.5 * clips - 0.25,
        "padded_frames": 4,
        "stride": 1,
        "clip_s": Fraction(3, 2),
        "cuts_s": np.array([1.25, 4.0]),
        "model": "m",
        "backbone": "0123456789abcdef",
        "clip_recipe": "fedcba9876543210",
        "engine": "openvino",
        "precision": "bf16",
    }
    return VideoFeatures(**{**fields, **changes})


@pytest.mark.parametrize("clips", [1, 2, 7, 300])
@pytest.mark.parametrize("changes", [{}, {"pictures": {}, "cuts_s": None}, {"clip_s": Fraction(64, 25), "stride": 1}])
def test_a_file_gives_back_what_was_saved(tmp_path: Path, clips: int, changes: dict[str, Any]) -> None:
    given = features(clips, **({**changes, "end_s": 0.5 + 2.56 * clips} if "clip_s" in changes else changes))
    given.save(tmp_path / "a.vbf")
    found = VideoFeatures.load(tmp_path / "a.vbf")
    assert found == given
    assert len(found) == clips
    assert is_video_feature_file(tmp_path / "a.vbf")


def test_a_clip_takes_as_many_bytes_as_its_numbers(tmp_path: Path) -> None:
    given = features(200, features=np.zeros((200, 1024), np.float16), pictures={}, cuts_s=None)
    given.save(tmp_path / "a.vbf")
    assert 2048 * 200 < (tmp_path / "a.vbf").stat().st_size < 2048 * 201


def test_clustering_reads_it_as_any_feature_file(tmp_path: Path) -> None:
    given = features()
    given.save(tmp_path / "a.vbf")
    files = FeatureFiles.open([tmp_path / "a.vbf"])
    assert (files.backbone_hash, files.clip_hash, files.rows, files.dim) == (given.backbone, given.clip_recipe, 5, 8)
    np.testing.assert_array_equal(np.concatenate(list(files.blocks())), given.features.astype(np.float32))


def test_times_lie_on_the_grid() -> None:
    given = features(3)
    assert given.start_s.tolist() == [0.5, 2.0, 3.5]
    assert given.end_of_clip_s.tolist() == [2.0, 3.5, 4.75]


@pytest.mark.parametrize(("clips", "padded", "end_s"), [(5, 4, 7.75), (4, 0, 5.0)])
def test_a_larger_stride_keeps_every_second_clip(clips: int, padded: int, end_s: float) -> None:
    given = features(clips)
    found = given.strided(2)
    np.testing.assert_array_equal(found.features, given.features[::2])
    np.testing.assert_array_equal(found.pictures["object"], given.pictures["object"][::2])
    assert (found.stride, found.padded_frames, found.end_s) == (2, padded, end_s)
    assert found.start_s.tolist() == given.start_s[::2].tolist()


@pytest.mark.parametrize(
    "changes",
    [
        {"features": np.zeros((5, 8), np.float32)},
        {"features": np.zeros(5, np.float16)},
        {"features": np.full((5, 8), np.nan, np.float16)},
        {"features": np.full((5, 8), np.inf, np.float16)},
        {"pictures": {"object": np.zeros((4, 3), np.float16)}},
        {"pictures": {"object": np.zeros((5, 0), np.float16)}},
        {"clip_s": 1.5},
        {"clip_s": Fraction(0)},
        {"stride": 6},
        {"padded_frames": -1},
        {"end_s": 3.0},
        {"end_s": float("nan")},
        {"first_s": float("inf")},
        {"cuts_s": np.array([2.0, 1.0])},
        {"cuts_s": np.array([1, 2])},
        {"cuts_s": [1.0]},
        {"model": None},
        {"backbone": 3},
    ],
)
def test_what_no_video_has_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        features(**changes)


def test_nothing_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no features to save"):
        features(0).save(tmp_path / "a.vbf")
    with pytest.raises(InputError, match="cannot be written"):
        features().save(tmp_path / "missing" / "a.vbf")
    assert not list(tmp_path.iterdir())


def test_a_file_that_lies_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.vbf"
    features().save(path)
    content = path.read_bytes()
    tensors = load(content)
    for damaged in (
        b"",
        content[:7],
        content[:100],
        content[:-1],
        (1 << 40).to_bytes(8, "little") + content[8:],
        content.replace(b"videobert-features", b"videobert-fXatures"),
        content.replace(b'\\"stride\\": 1', b'\\"stride\\": 9'),
        content.replace(b'\\"clip_s\\": \\"3/2\\"', b'\\"clip_s\\": \\"3/0\\"'),
        content.replace(b'\\"engine\\"', b'\\"enginX\\"'),
        content.replace(b"cuts_s", b"cutX_s"),
        save(tensors),
    ):
        path.write_bytes(damaged)
        with pytest.raises(InputError) as refused:
            VideoFeatures.load(path)
        assert refused.value.fix
        assert "Error:" not in str(refused.value)


def test_a_file_without_a_video_is_refused(tmp_path: Path) -> None:
    from videobert.visual.feature_file import write_features

    path = tmp_path / "plain.safetensors"
    write_features(path, np.zeros((3, 8), np.float16), backbone_hash="a", clip_hash="b")
    assert is_video_feature_file(path)
    with pytest.raises(InputError, match="does not hold the features of a video"):
        VideoFeatures.load(path)


@pytest.mark.parametrize("content", [b"", b"\0\0\0 ftypisom", b"12345678{}", b"RIFF1234AVI LIST", bytes(64)])
def test_videos_are_not_taken_for_features(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "film.mp4").write_bytes(content)
    assert not is_video_feature_file(tmp_path / "film.mp4")
    assert not is_video_feature_file(tmp_path / "missing.mp4")
    assert not is_video_feature_file(tmp_path)


def test_equality_is_of_all_that_a_file_keeps() -> None:
    given = features()
    assert given == features()
    for changes in ({"end_s": 7.5}, {"cuts_s": None}, {"pictures": {}}, {"precision": "fp32"}):
        assert dataclasses.replace(given, **changes) != given  # type: ignore[arg-type]
    assert given != "features"
