"""A stream's limits, where they are wider than any video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips


def test_limits_wider_than_a_decoder_can_be_told_let_every_video_pass(factory: Any, tmp_path: Path) -> None:
    path = factory.write_clip(tmp_path / "a.mp4", ticks=range(5))
    for side in (1 << 16, 1 << 40, 10**6000):
        with open_clips(path, Recipe(fps=25, frames=5), limits=Limits(max_side_px=side)) as stream:
            assert len(list(stream)) == 1
