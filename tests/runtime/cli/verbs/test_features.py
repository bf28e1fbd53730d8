"""`videobert features`: a line a clip, or a file that every verb takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.small_conse import film, open_small_conse
from tests.small_model import mp4

import videobert
from videobert.visual.video_features import VideoFeatures


def test_features_are_a_line_a_clip(call: Any, fake: Any) -> None:
    ended = call("features", "clip.mp4", "--stride", "2", "--track", "1")
    assert ended.out.splitlines() == ["0.0–1.5 s\t2 values\t5", "1.5–2.5 s\t2 values\t2"]
    ((verb, given, options),) = fake.asked
    assert (verb, given, options["stride"], options["track"]) == ("features", ("clip.mp4",), 2, 1)


def test_features_are_saved(call: Any, fake: Any, tmp_path: Path) -> None:
    ended = call("features", "clip.mp4", "--out", tmp_path / "clip.vbf")
    assert ended.out == ""
    assert VideoFeatures.load(tmp_path / "clip.vbf") == fake.features("clip.mp4")
    assert f"2 clips, {(tmp_path / 'clip.vbf').stat().st_size} bytes" in ended.err


def test_json_tells_all_but_the_numbers(call: Any, fake: Any, tmp_path: Path) -> None:
    answer = call("features", "clip.mp4", "--json", "--out", tmp_path / "clip.vbf").json
    assert answer["file"] == str(tmp_path / "clip.vbf")
    assert (answer["features"], answer["pictures"]) == ([2, 2], {"object": [2, 5]})
    assert (answer["start_s"], answer["end_s"], answer["padded_frames"]) == ([0.0, 1.5], [1.5, 2.5], 5)
    assert (answer["clip_s"], answer["clip_s_exact"], answer["cuts_s"]) == (1.5, "3/2", None)
    assert answer["origin"]["engine"] == "openvino"
    assert call("features", "clip.mp4", "--json").json["file"] is None


def test_a_saved_file_answers_as_the_video_does(call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("film.mp4").write_bytes(mp4(film((220, 10, 10), (10, 220, 10), (5, 5, 5))))
    monkeypatch.setitem(videobert.__dict__, "load", lambda *_, **__: open_small_conse(tmp_path / "model"))
    assert call("features", "film.mp4", "--out", "film.vbf").code == 0
    asked = {
        "run": (),
        "tokens": (),
        "classify": ("--label", "red", "--label", "a dark square"),
        "embed": ("--text", "red"),
    }
    for verb, options in asked.items():
        seen = [call(verb, name, *options, "--json").json for name in ("film.mp4", "film.vbf")]
        for answer in seen:
            # What they are made of, and what that took, differs.
            for name in ("origin", "source", "video", "timings_s", "shots_by", "duration_s"):
                answer.pop(name, None)
        assert _rounded(seen[0]) == _rounded(seen[1]), verb
    # Tokens do not tell the features that they were made of.
    assert call("tokens", "film.mp4", "--out", "film.vbt").code == 0
    assert call("features", "film.vbt").code == 3
    # A folder that has only what was saved.
    Path("film.mp4").rename("model/film")
    assert call("classify", ".", "--question", "colour").out.startswith("==> ./film.vbf <==")


def _rounded(value: Any) -> Any:
    """Numbers as far as float16 features give them."""
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, 2) if isinstance(value, float) else value
