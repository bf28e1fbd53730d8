"""`videobert fill`: words and moments, ranked."""

from __future__ import annotations

from typing import Any


def test_fill_ranks_words_and_moments(call: Any, fake: Any) -> None:
    ended = call("fill", "a [MASK] circle", "clip.mp4", "--visual", "1", "-v", "4", "--top", "2")
    assert ended.out.splitlines() == ["[MASK] 1\tcircle\t0.900", "[MASK] 1\tsquare\t0.100", "1.5–3.0 s\t<712>\t0.400"]
    _, arguments, options = fake.asked[0]
    assert arguments == ("a [MASK] circle", "clip.mp4", (1, 4))
    assert options["top"] == 2
