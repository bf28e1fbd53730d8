"""What a caller gave as a video is told once, without reading any of it."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import numpy as np
import pytest

from videobert.base.errors import InputError
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.source.frame_array import FrameArray
from videobert.video.source.kind import SourceKind, kind_of

RECIPE = Recipe(frames=10, short_side=64, crop=64)


def called(value):
    """The same in every process, as an address in memory is not."""
    return value.name if isinstance(value, SourceKind) else type(value).__name__


@pytest.mark.parametrize("source", [None, 3, 2.5, {}, np.zeros((3, 8, 8, 3), np.uint8), object()], ids=called)
def test_things_that_are_no_video(source):
    with pytest.raises(InputError, match="not a video"):
        open_clips(source, RECIPE)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_live(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    frame = np.zeros((8, 8, 3), np.uint8)
    live = [tmp_path / "pipe", str(tmp_path / "pipe"), os.devnull, iter([]), (pair for pair in [(frame, 0)])]
    still = [tmp_path / "file", "nowhere", tmp_path, b"", io.BytesIO(), FrameArray(frame[None], [0]), [(frame, 0)], ()]
    assert [kind_of(source).is_live for source in live] == [True] * len(live)
    assert [kind_of(source).is_live for source in still] == [False] * len(still)


class Refusing:
    """A path that cannot be told, for whatever reason."""

    def __fspath__(self):
        raise RuntimeError("not now")


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("nowhere.mp4", SourceKind.PATH),
        ("a\0b", SourceKind.PATH),
        (Refusing(), SourceKind.PATH),
        (os.devnull, SourceKind.PIPE),
        (memoryview(b"film"), SourceKind.BYTES),
        (io.BytesIO(), SourceKind.FILE),
        (type("ReadOnly", (), {"read": bytes})(), SourceKind.ONE_WAY_FILE),
        (FrameArray(np.zeros((1, 8, 8, 3), np.uint8), [0]), SourceKind.FRAME_ARRAY),
        ([], SourceKind.ITEMS),
        (iter([]), SourceKind.LIVE_ITEMS),
        (np.zeros((1, 8, 8, 3), np.uint8), SourceKind.NOT_A_VIDEO),
        ({}, SourceKind.NOT_A_VIDEO),
        (None, SourceKind.NOT_A_VIDEO),
    ],
    ids=called,
)
def test_kinds(source, kind):
    assert kind_of(source) is kind
    assert kind.is_path == (kind in (SourceKind.PATH, SourceKind.PIPE))


def test_an_iterator_is_not_read_to_be_told():
    items = iter([1, 2])
    kind_of(items)
    assert list(items) == [1, 2]


def test_the_kind_is_told_without_the_library_that_reads_videos():
    code = "import sys; from videobert.video.source.kind import kind_of; kind_of(iter([])); print('av' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
