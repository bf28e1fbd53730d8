"""`videobert align`: one number first."""

from __future__ import annotations

from typing import Any


def test_align_prints_the_score_first(call: Any, fake: Any) -> None:
    ended = call("align", "clip.mp4", "a red circle", "--window-clips", "2")
    assert fake.asked[0][2]["window_clips"] == 2
    assert ended.out.splitlines() == ["0.625", "0.0–24.0 s\t0.750", "24.0–30.0 s\t0.500"]
