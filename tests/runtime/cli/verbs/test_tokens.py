"""`videobert tokens`: a line a clip, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def test_tokens_are_a_line_a_clip(call: Any, fake: Any) -> None:
    ended = call("tokens", "clip.mp4", "--assignment", "tree")
    assert ended.out.splitlines() == ["0.0–1.5 s\t<7>\t12", "1.5–3.0 s\t<1041>\t99"]
    assert fake.asked[0][2]["assignment"] == "tree"


def test_tokens_are_saved(call: Any, fake: Any, tmp_path: Path) -> None:
    ended = call("tokens", "clip.mp4", "--out", tmp_path / "clip.vbt")
    assert (tmp_path / "clip.vbt").read_bytes() == b"tokens"
    assert ended.out == ""
    assert "2 tokens, 6 bytes" in ended.err
