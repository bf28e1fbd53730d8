"""A walk over a video: each clip that is needed is seen once, and what is known outlives an interruption."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.modeling.learn.features.conftest import Counting

from videobert.base.errors import DecodeError, ModelError
from videobert_modeling.learn.data.stretch import Stretch
from videobert_modeling.learn.features.video_features import VideoFeatures
from videobert_modeling.learn.features.walk import walk


def stretch(start_s: float | None = None, end_s: float | None = None) -> Stretch:
    return Stretch(video=Path("a.mp4"), name="a.mp4", start_s=start_s, end_s=end_s, labels={"q": "a"}, where="line 1")


def go(backbone: Counting, video: Path, *stretches: Stretch, known: VideoFeatures | None = None) -> Any:
    run, _ = backbone.source.open()
    kept: list[VideoFeatures] = []
    try:
        walk(video, stretches, backbone=backbone.source, run=run, known=known, keep=kept.append)
    finally:
        assert len(kept) == 1
    return kept[0]


def test_every_clip_is_seen_whatever_the_stride_of_the_recipe(backbone: Counting, film: Callable[..., Path]) -> None:
    found = go(backbone, film(7), stretch())
    assert found.complete
    assert found.start_s.tolist() == [0.0, 1.5, 3.0, 4.5, 6.0]
    assert found.padded_frames.tolist() == [0, 0, 0, 0, 5]
    assert sorted(found.features) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(np.stack([found.features[n] for n in range(5)]), np.concatenate(backbone.calls))


def test_reading_ends_with_the_last_stretch_and_skips_what_lies_between(
    backbone: Counting, film: Callable[..., Path]
) -> None:
    found = go(backbone, film(12), stretch(0.0, 1.5), stretch(4.5, 6.0))
    assert sorted(found.features) == [0, 3]
    assert not found.complete
    assert found.start_s[-1] == 6.0
    assert found.has(stretch(0.0, 1.5))
    assert found.has(stretch(4.5, 6.0))


def test_what_is_known_is_not_seen_again_and_not_forgotten(backbone: Counting, film: Callable[..., Path]) -> None:
    video = film(7)
    first = go(backbone, video, stretch(3.0, 4.5))
    second = go(backbone, video, stretch(), known=first)
    assert len(backbone.calls) == 5
    third = go(backbone, video, stretch(0.0, 1.0), known=second)
    assert len(backbone.calls) == 5
    assert third.complete
    assert third.start_s.tolist() == second.start_s.tolist()
    assert sorted(third.features) == sorted(second.features)


def test_an_interruption_keeps_what_was_found(backbone: Counting, film: Callable[..., Path]) -> None:
    video = film(7)
    run, _ = backbone.source.open()
    kept: list[VideoFeatures] = []
    backbone.fails.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        walk(video, [stretch()], backbone=backbone.source, run=run, known=None, keep=kept.append)
    assert sorted(kept[0].features) == [0, 1]
    assert not kept[0].complete
    backbone.fails.clear()
    assert sorted(go(backbone, video, stretch(), known=kept[0]).features) == [0, 1, 2, 3, 4]
    assert len(backbone.calls) == 5


def test_a_video_that_cannot_be_read_and_a_feature_that_is_not_finite_are_errors(
    backbone: Counting, film: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(DecodeError):
        go(backbone, tmp_path / "text.mp4", stretch())

    def broken(clips: np.ndarray) -> np.ndarray:
        return np.full((1, 3), np.nan, np.float32)

    with pytest.raises(ModelError, match=r"not finite; got .*\.mp4, the clip at 0\.00 s"):
        walk(film(3), [stretch()], backbone=backbone.source, run=broken, known=None, keep=lambda _: None)
