"""Every example runs and says what it should about the bundled clip."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
CLIP = ROOT / "runtime/videobert/bundled/shapes/clip.mp4"


def run(name: str, argument: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), str(argument)], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return Path(shutil.copy(CLIP, tmp_path / "clip.mp4"))


def test_every_example_has_a_test() -> None:
    assert [path.name for path in EXAMPLES] == [
        "ask_often.py",
        "forecast.py",
        "live_frames.py",
        "many_videos.py",
        "sentiment.py",
        "summarize.py",
    ]


def test_tokens_are_kept_and_asked_often(clip: Path) -> None:
    first = run("ask_often.py", clip)
    assert clip.with_suffix(".vbt").stat().st_size < 1000
    assert re.search(r"^a yellow star bounces: (0\.[5-9]\d|1\.00) at (0\.0|1\.5)–", first, re.MULTILINE)
    assert re.search(r"^a green square blinks: 0\.[0-4]", first, re.MULTILINE)
    assert "\nmotion: bounces bounces slides slides slides grows grows\n" in first
    assert run("ask_often.py", clip) == first


def test_live_frames_are_answered(clip: Path) -> None:
    said = run("live_frames.py", clip).splitlines()
    assert [line.split(" s ")[0] for line in said] == ["0.0–3.0", "3.0–7.5", "7.5–10.5"]


def test_many_videos_and_a_broken_one(clip: Path) -> None:
    for number in range(3):
        shutil.copy(clip, clip.with_name(f"{number}.mp4"))
    clip.with_name("broken.mp4").write_bytes(b"no video")
    said = run("many_videos.py", clip.parent)
    assert "broken.mp4: " in said
    assert "42.0 s of video" in said
    assert len(list(clip.parent.glob("*.vbt"))) == 4


def test_a_video_is_summed_up_and_cut(clip: Path) -> None:
    said = run("summarize.py", clip).splitlines()
    assert re.match(r"0\.0–\d\.\d s: stands for 3\.0 s of 10\.5 s", said[0])
    assert "6.0 s stand for 100% of 10.5 s" in said
    assert re.search(r"^3\.0 s fits by (0\.9\d|1\.00)$", "\n".join(said), re.MULTILINE)
    assert said[-1] == "clip.short.mp4: 6.0 s"
    assert clip.with_name("clip.short.mp4").is_file()


def test_what_may_come_is_told_in_words(clip: Path) -> None:
    said = run("forecast.py", clip).splitlines()
    assert len(said) == 4
    assert re.match(r"10\.5–12\.0 s: 0\.[4-9]\d grows red heart happy <\d+>$", said[0])


def test_a_video_and_a_text_have_their_own_sentiment(clip: Path) -> None:
    said = run("sentiment.py", clip).splitlines()
    assert [line.split(": ")[1] for line in said[:7]] == ["happy", "happy", "sad", "sad", "sad", "happy", "happy"]
    assert said[7].startswith("the video by its mood: happy 0.5")
    assert said[8] == "the text alone: sad"
