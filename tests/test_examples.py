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
    tests = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES if f'run("{path.name}"' not in tests] == []


@pytest.mark.parametrize(
    "path", [path for path in EXAMPLES if "sys.exit(__doc__)" in path.read_text()], ids=lambda path: path.stem
)
def test_an_example_without_its_video_says_how_it_is_called(path: Path) -> None:
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"python examples/{path.name} " in done.stderr
    assert "Traceback" not in done.stderr


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


def test_what_a_text_says_is_located(clip: Path) -> None:
    said = run("locate.py", clip).splitlines()
    hits = [line.split(" s ")[0] for line in said if not line.startswith(" ")]
    assert sorted(hits) == ["0.0–3.0", "7.5–10.5"]
    assert len(said) == 2 + 4


def test_questions_are_answered_with_their_stretch(clip: Path) -> None:
    said = run("answer.py", clip).splitlines()
    assert said[0].startswith("is there a red heart? yes")
    assert said[0].endswith("7.5–10.5 s")
    assert said[1].startswith("a [MASK] circle blue")
    assert said[1].endswith("3.0–7.5 s")
    assert said[2].startswith("what happens? a yellow star bounces")


def test_events_overlap(clip: Path) -> None:
    said = run("events.py", clip)
    assert re.search(r"^3\.0–7\.5 s motion: slides \(0\.\d\d\)$", said, re.MULTILINE)
    assert re.search(r"^3\.0–7\.5 s colour: blue ", said, re.MULTILINE)
    assert said.endswith("changes at 3.0 7.5\n")


def test_captions_are_subtitles(clip: Path) -> None:
    said = run("caption.py", clip)
    assert said.startswith("method: labels\n")
    assert "3.0 to 7.5 s: It slides. It is blue. It is a circle. It looks sad." in said
    assert (
        clip.with_suffix(".srt").read_text().startswith("1\n00:00:00,000 --> 00:00:03,000\nIt bounces. It is yellow.")
    )


def test_a_folder_is_indexed_and_searched(clip: Path) -> None:
    films = clip.parent / "films"
    films.mkdir()
    clip.rename(films / "clip.mp4")
    (films / "broken.mp4").write_bytes(b"no video")
    said = run("search_videos.py", films).splitlines()
    assert said[0] == "7 stretches of 1 videos, 1 failed"
    assert re.match(r"(0\.9\d\d|1\.000) 0\.0–3\.0 s clip\.mp4", said[1])
    assert said[-1] == "most like it: 0.0–3.0 s"
    assert "#t=0.000,3.000" in (clip.parent / "found.html").read_text(encoding="utf-8")


def test_a_film_is_cut(clip: Path) -> None:
    said = run("edit_film.py", clip)
    assert said.startswith(
        "move the last 2 s to the front\ncut out 3–4.5 s\nkeep at most 8 s\n8.50–10.50 s, 60 frames:"
    )
    assert "001  AX       V     C        00:00:08:15 00:00:10:15 01:00:00:00 01:00:02:00\n" in said
    assert re.search(r"^240 frames, [1-9]\d* of them copied as they are: smart$", said, re.MULTILINE)


def test_a_video_is_summed_up_and_cut(clip: Path) -> None:
    said = run("summarize.py", clip).splitlines()
    assert re.match(r"0\.0–\d\.\d s: stands for 3\.0 s of 10\.5 s", said[0])
    assert re.search(r"^6\.0 s stand for (99|100)% of 10\.5 s$", "\n".join(said), re.MULTILINE)
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
