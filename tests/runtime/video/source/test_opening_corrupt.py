"""Corrupt files: frames or a typed error, never a crash and never a hang, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

CHILD = Path(__file__).with_name("corrupt_child.py")
KINDS = [
    ("h264.mp4", "libx264", {"bf": "2"}),
    ("hevc.mp4", "libx265", {}),
    ("av1.mp4", "libsvtav1", {}),
    ("h264.mkv", "libx264", {"bf": "3"}),
    ("vp8.webm", "libvpx", {}),
    ("vp9.webm", "libvpx-vp9", {}),
    ("mpeg4.avi", "mpeg4", {"bf": "2"}),
    ("mjpeg.avi", "mjpeg", {}),
    ("mpeg2.ts", "mpeg2video", {"bf": "2"}),
    ("h264.ts", "libx264", {}),
    ("mpeg2.mpg", "mpeg2video", {}),
    ("h264.flv", "libx264", {}),
    ("vp8.ogv", "libvpx", {}),
    ("raw.h264", "libx264", {}),
    ("vp8.ivf", "libvpx", {}),
    ("prores.mov", "prores_ks", {}),
    ("ffv1.mkv", "ffv1", {}),
    ("palette.gif", "gif", {}),
    ("wmv.asf", "wmv2", {}),
    ("animated.apng", "apng", {}),
    ("animated.avif", "libsvtav1", {}),
]
# Of some kilobytes each; of processor time, so that a busy machine does not count.
CPU_S_PER_FILE = 10.0
FORMATS = {"mjpeg": "yuvj420p", "gif": "rgb8", "prores_ks": "yuv422p10le", "apng": "rgb24"}


@pytest.fixture(scope="module")
def corpus(factory, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    for name, codec, options in KINDS:
        factory.write_clip(
            folder / name,
            codec=codec,
            pixel_format=FORMATS.get(codec, "yuv420p"),
            size=(96, 64),
            ticks=range(16),
            options=options,
        )
    return folder


def run(corpus, first, last, timeout_s):
    """The outcome of each seed; none may take long."""
    child = subprocess.run(
        [sys.executable, "-X", "faulthandler", str(CHILD), str(corpus), str(first), str(last)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    lines = [line.split(maxsplit=3) for line in child.stdout.splitlines()]
    assert child.returncode == 0, f"{lines[-1]} ended with {child.returncode}: {child.stderr[-2000:]}"
    ended = [line[1:] for line in lines if line[0] == "end"]
    slow = {seed: cpu_s for seed, cpu_s, _ in ended if float(cpu_s) > CPU_S_PER_FILE}
    assert not slow, f"seeds that took too long: {slow}"
    return {int(seed): result for seed, _, result in ended}


def test_every_unharmed_file_of_the_corpus_is_read(corpus):
    """Otherwise the mutations would prove nothing."""
    from videobert.model.recipe import Recipe
    from videobert.video.open import open_clips

    for name, _, _ in KINDS:
        with open_clips(corpus / name, Recipe(frames=5)) as stream:
            assert len(list(stream)) >= 3, name
            assert stream.info.frames_decoded >= 15, name
            assert stream.info.damaged_packets == 0, name


def test_mutated_files_give_frames_or_a_typed_error(corpus):
    outcomes = run(corpus, 0, 285, timeout_s=250)
    assert list(outcomes) == list(range(285))
    kinds = Counter(result.split()[0] for result in outcomes.values())
    assert set(kinds) <= {"frames", "DecodeError", "InputError", "LimitExceeded"}
    # Both ends of the scale are there: the mutations neither spare nor kill everything.
    assert kinds["frames"] > 60
    assert kinds["DecodeError"] > 40


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_many_more_mutated_files(corpus):
    outcomes = run(corpus, 1000, 3000, timeout_s=1100)
    assert len(outcomes) == 2000
    assert {result.split()[0] for result in outcomes.values()} <= {
        "frames",
        "DecodeError",
        "InputError",
        "LimitExceeded",
    }
