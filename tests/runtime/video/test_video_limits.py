"""Videos that are too large or too long are stopped: where the container says so, before a frame is decoded."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest

from videobert.base.errors import InputError, LimitExceeded
from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.source import opening
from videobert.video.source.frame_array import FrameArray

RECIPE = Recipe(frames=10, short_side=64, crop=64)


@pytest.fixture(scope="module")
def clip(factory, tmp_path_factory):
    """2 s at 20 fps, 160 x 120."""
    return factory.write_clip(tmp_path_factory.mktemp("clip") / "a.mp4", time_base=F(1, 20))


def drain(source, **options):
    with open_clips(source, RECIPE, **options) as stream:
        return list(stream)


def blank(count, height=64, width=64):
    return np.zeros((count, height, width, 3), np.uint8)


@pytest.mark.parametrize(("limit_px", "accepted"), [(159, False), (160, True), (161, True)])
def test_the_longest_side(clip, limit_px, accepted):
    limits = Limits(max_side_px=limit_px)
    for source in (
        clip,
        clip.read_bytes(),
        FrameArray(blank(3, 120, 160), [0, 1, 2]),
        iter([(blank(1, 160, 8)[0], 0)]),
    ):
        if accepted:
            open_clips(source, RECIPE, limits=limits).close()
        else:
            with pytest.raises(LimitExceeded, match=f"got .*160.*allowed: sides of up to {limit_px} pixels"):
                open_clips(source, RECIPE, limits=limits)


@pytest.mark.parametrize(("limit_s", "accepted"), [(1.95, False), (2.0, True), (2.05, True)])
def test_the_longest_duration(clip, limit_s, accepted):
    limits = Limits(max_duration_s=limit_s)
    frames = blank(40)
    for source in (
        clip,
        FrameArray(frames, np.arange(40) / 20),
        ((frame, n / 20) for n, frame in enumerate(frames)),
    ):
        if accepted:
            assert len(drain(source, limits=limits)) == 4
        else:
            with pytest.raises(LimitExceeded, match=f"allowed: up to {limit_s:g} s"):
                drain(source, limits=limits)


def test_the_default_limits_hold_at_their_edge():
    four_hours = 4 * 3600.0
    hourly = np.arange(0, 4) * 3600.0
    slow = Recipe(fps=F(1, 1800), frames=2, short_side=8, crop=8)
    with open_clips(FrameArray(blank(4, 8, 8), hourly), slow) as stream:
        assert [clip.end_s for clip in stream] == [3600, 7200, 10800, four_hours]
    with pytest.raises(LimitExceeded, match="allowed: up to 14400 s"):
        open_clips(FrameArray(blank(5, 8, 8), np.arange(0, 5) * 3600.001), slow)
    open_clips(FrameArray(blank(1, 8, 8192), [0.0]), slow).close()
    with pytest.raises(LimitExceeded, match="allowed: sides of up to 8192 pixels"):
        open_clips(FrameArray(blank(1, 8, 8193), [0.0]), slow)


def test_too_long_is_known_from_metadata_before_a_frame_is_decoded(clip, monkeypatch):
    opened = []
    real = opening.open_container

    def spy(*arguments):
        opened.append(real(*arguments))
        return opened[-1]

    monkeypatch.setattr(opening, "open_container", spy)
    with pytest.raises(LimitExceeded):
        open_clips(clip, RECIPE, limits=Limits(max_duration_s=1.0))
    assert len(opened) == 1
    with pytest.raises(AssertionError, match="not open"):
        opened[0].seek(0)


def test_a_stream_without_stated_length_is_stopped_at_the_limit(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.h264", ticks=range(100))
    clips = []
    with open_clips(path, RECIPE, limits=Limits(max_duration_s=2.0)) as stream:
        assert stream.info.duration_s is None
        with pytest.raises(LimitExceeded, match="allowed: up to 2 s"):
            clips.extend(stream)
    del clips


def test_a_picture_that_grows_in_mid_stream_is_stopped(factory, tmp_path):
    small = factory.write_clip(tmp_path / "a.m2v", codec="mpeg2video", ticks=range(15), options={"bf": "0"})
    large = factory.write_clip(
        tmp_path / "b.m2v", codec="mpeg2video", ticks=range(15), size=(320, 64), options={"bf": "0"}
    )
    (tmp_path / "c.m2v").write_bytes(small.read_bytes() + large.read_bytes())
    with pytest.raises(LimitExceeded, match="got 320x64; allowed: sides of up to 319 pixels"):
        drain(tmp_path / "c.m2v", limits=Limits(max_side_px=319))
    assert drain(tmp_path / "c.m2v", limits=Limits(max_side_px=320))


def test_a_container_that_lies_about_the_size_is_caught_by_the_decoder(factory, tmp_path):
    """The header says 160 x 120, the stream is larger than is allowed: no such picture is ever allocated."""
    path = factory.write_clip(tmp_path / "a.mp4", size=(640, 480), ticks=range(3))
    data = path.read_bytes().replace((640).to_bytes(2, "big") + (480).to_bytes(2, "big"), b"\x00\xa0\x00\x78")
    with pytest.raises(InputError):
        drain(data, limits=Limits(max_side_px=200))


def test_every_live_frame_is_held_against_the_longest_side():
    frames = [(blank(1, 120, width)[0], n / 20) for n, width in enumerate((160, 160, 161))]
    with (
        open_clips(iter(frames), RECIPE, limits=Limits(max_side_px=160)) as stream,
        pytest.raises(LimitExceeded, match="got 161x120; allowed: sides of up to 160 pixels"),
    ):
        list(stream)
