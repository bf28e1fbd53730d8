"""Clips that a model is calibrated on: whole ones alone, and no more read than is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from videobert.base.errors import DecodeError, InputError
from videobert.model.folder import BUNDLED, ModelFolder
from videobert.pipeline import calibration_clips
from videobert.pipeline.calibration_clips import check_enough, whole_clips

CLIP = BUNDLED / "shapes" / "clip.mp4"
RECIPE = ModelFolder("shapes").recipe


def test_enough_clips_are_read_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def counted(*_: object) -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    monkeypatch.setattr(calibration_clips, "whole_clips", counted)
    check_enough(RECIPE, [CLIP], 5, "to count")
    assert len(read) == 5


def test_too_few_are_counted_over_all_videos() -> None:
    assert len(list(whole_clips(RECIPE, [CLIP]))) == 7
    check_enough(RECIPE, [CLIP] * 2, 14, "to count")
    with pytest.raises(InputError, match=r"too few clips to count; got 14; allowed: 15 or more\. Give more videos"):
        check_enough(RECIPE, [CLIP] * 2, 15, "to count")


def test_a_video_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(DecodeError):
        check_enough(RECIPE, [tmp_path / "a.mp4"], 1, "to count")
