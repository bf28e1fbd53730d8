"""`videobert tokens`: a line a clip, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sample_report import make_everyday_report


def test_tokens_are_a_line_a_clip(call: Any, fake: Any) -> None:
    ended = call("tokens", "clip.mp4", "--assignment", "tree")
    assert ended.out.splitlines() == ["0.0–1.5 s\t<7>\t12", "1.5–3.0 s\t<1041>\t99"]
    assert fake.asked[0][2]["assignment"] == "tree"


def test_tokens_are_saved(call: Any, fake: Any, tmp_path: Path) -> None:
    ended = call("tokens", "clip.mp4", "--out", tmp_path / "clip.vbt")
    assert (tmp_path / "clip.vbt").read_bytes() == b"tokens"
    assert ended.out == ""
    assert "2 tokens, 6 bytes" in ended.err


def test_tokens_of_a_classifier_have_a_probability_and_say_where_it_is_unsure(call: Any, watch: Any, fake: Any) -> None:
    fake.report = make_everyday_report()
    assert call("tokens", "clip.mp4").out.splitlines() == [
        "0.0–1.5 s\t<7> juggling\t0.995\tyes",
        "1.5–3.0 s\t<1041> arm wrestling\t0.31\tno",
    ]
    shown = watch(80, "tokens", "clip.mp4").out
    assert "\x1b[2m<1041> arm wrestling\x1b[0m" in shown
    assert "\x1b[2m<7>" not in shown
    answer = call("tokens", "clip.mp4", "--json").json
    assert answer["sure"] == [True, False]
    assert answer["names"] == ["juggling", "arm wrestling"]
