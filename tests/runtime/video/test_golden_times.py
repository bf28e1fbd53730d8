"""Golden times: made clips of every kind, and which picture stands for every sampling time in them.

The pictures carry their number, so these tests see the frame that was chosen and not only the time it claims.
"""

from __future__ import annotations

import struct
from fractions import Fraction as F

import numpy as np
import pytest

from videobert.model.recipe import Recipe
from videobert.video.open import open_clips

RECIPE = Recipe(frames=10)


def read(source, recipe=RECIPE):
    """(numbers without padding, times without padding, clips, info)."""
    with open_clips(source, recipe) as stream:
        clips = list(stream)
        info = stream.info
    return clips, info


def check(factory, source, times, end, *, recipe=RECIPE, numbers=None):
    """Compare with brute force over `times`, the presentation time of each frame; `numbers` are their codes."""
    clips, info = read(source, recipe)
    expected = factory.expected_frames(times, end, recipe.fps)
    wanted = [numbers[n] if numbers else n for n in expected]
    padded = clips[-1].padded_frames
    chosen = [factory.number_of(square) for clip in clips for square in clip.frames]
    shown_at = np.concatenate([clip.times_s for clip in clips])
    assert chosen[: len(wanted)] == wanted
    assert len(chosen) == len(wanted) + padded
    assert chosen[len(wanted) :] == [numbers[-1] if numbers else len(times) - 1] * padded
    np.testing.assert_allclose(shown_at[: len(wanted)], [float(times[n]) for n in expected], rtol=0, atol=1e-9)
    length = recipe.frames / recipe.fps
    for number, clip in enumerate(clips):
        assert clip.index == number
        assert clip.start_s == pytest.approx(float(times[0] + number * length), abs=1e-9)
        full = times[0] + (number + 1) * length
        assert clip.end_s == pytest.approx(float(end if clip.padded_frames else full), abs=1e-9)
        assert clip.frames.shape == (recipe.frames, recipe.crop, recipe.crop, 3)
        assert clip.frames.dtype == np.uint8
    assert info.start_s == pytest.approx(float(times[0]), abs=1e-9)
    assert info.damaged_packets == info.damaged_frames == info.frames_left_out == info.clock_restarts == 0
    return info


def steady(count, duration, start=F(0)):
    times = [start + n * duration for n in range(count)]
    return times, times[-1] + duration


B_FRAMES = {"bf": "3", "b-pyramid": "normal", "x264-params": "scenecut=0:keyint=30"}


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        ("mp4", "libx264"),
        ("mov", "libx264"),
        ("mkv", "libx264"),
        ("mp4", "libx265"),
        ("mp4", "libsvtav1"),
        ("webm", "libvpx"),
        ("webm", "libvpx-vp9"),
        ("avi", "mpeg4"),
        ("ogv", "libvpx"),
        ("ivf", "libvpx"),
        ("mp4", "mpeg4"),
    ],
    ids=lambda x: x,
)
def test_25_frames_a_second(factory, tmp_path, suffix, codec):
    path = factory.write_clip(tmp_path / f"a.{suffix}", codec=codec)
    check(factory, path, *steady(40, F(1, 25)))


@pytest.mark.parametrize("rate", [F(24000, 1001), F(30000, 1001), F(60000, 1001), F(12), F(20), F(50)], ids=str)
def test_frame_rates_in_mp4(factory, tmp_path, rate):
    path = factory.write_clip(tmp_path / "a.mp4", time_base=1 / rate, options=B_FRAMES)
    info = check(factory, path, *steady(40, 1 / rate))
    assert info.fps == pytest.approx(float(rate), rel=1e-3)
    assert info.timestamps == "presentation"


def test_two_seconds_a_frame(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.mp4", time_base=F(2), ticks=range(4))
    check(factory, path, *steady(4, F(2)))


def test_matroska_rounds_times_to_milliseconds(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.mkv", time_base=F(1001, 30000), options=B_FRAMES)
    times = [F(int(n * 1001 / 30 + 0.5), 1000) for n in range(40)]
    check(factory, path, times, times[-1] + F(33, 1000))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_variable_frame_rate(factory, tmp_path, suffix, seed):
    rng = np.random.default_rng(seed)
    gaps = rng.choice([10, 16, 33, 40, 50, 51, 99, 700], 40)
    ticks = [0, *np.cumsum(gaps).tolist()[:-1]]
    path = factory.write_clip(tmp_path / f"a.{suffix}", ticks=ticks, time_base=F(1, 1000), rate=F(25), options=B_FRAMES)
    times = [F(t, 1000) for t in ticks]
    clips, info = read(path)
    # What the last frame's duration is, the container decides: compare up to the last frame.
    expected = factory.expected_frames(times, times[-1], RECIPE.fps)
    chosen = [factory.number_of(square) for clip in clips for square in clip.frames]
    assert chosen[: len(expected)] == expected
    assert set(chosen[len(expected) :]) <= {39}
    assert info.frames_decoded == 40


@pytest.mark.parametrize("suffix", ["ts", "mpg", "flv"])
def test_streams_that_do_not_start_at_zero(factory, tmp_path, suffix):
    codec = {"ts": "libx264", "mpg": "mpeg2video", "flv": "libx264"}[suffix]
    options = B_FRAMES if codec == "libx264" else {"bf": "2"}
    path = factory.write_clip(tmp_path / f"a.{suffix}", codec=codec, options=options)
    _, info = read(path)
    assert info.start_s > 0
    # FLV counts whole milliseconds.
    check(factory, path, *steady(40, F(1, 25), F(info.start_s).limit_denominator(90000)))


@pytest.mark.parametrize("offset", [75, 1001])
def test_a_late_start_in_matroska(factory, tmp_path, offset):
    ticks = range(offset, offset + 40)
    path = factory.write_clip(
        tmp_path / "a.mkv", ticks=ticks, options=B_FRAMES, muxer={"avoid_negative_ts": "disabled"}
    )
    check(factory, path, *steady(40, F(1, 25), F(offset, 25)))


def test_a_negative_start(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.ivf", codec="libvpx", options={"lag-in-frames": "0"})
    factory.shift_ivf(path, -20)
    info = check(factory, path, *steady(40, F(1, 25), F(-20, 25)))
    assert info.start_s == -0.8


@pytest.mark.parametrize("first", [1, 13, 25])
def test_an_edit_list_hides_the_beginning(factory, tmp_path, first):
    """Frames before the edit are decoded (the key frame may lie there) and never shown."""
    path = factory.write_clip(tmp_path / "a.mp4", options={"x264-params": "keyint=20:scenecut=0:bframes=0"})
    track_ticks = 12800 // 25  # the muxer's time base for 25 fps
    factory.set_edit_list(path, first * track_ticks, (40 - first) * 40)
    info = check(factory, path, *steady(40 - first, F(1, 25)), numbers=list(range(first, 40)))
    assert info.frames_decoded == 40 - first


def test_an_edit_list_hides_the_end(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.mp4", options={"x264-params": "bframes=0"})
    factory.set_edit_list(path, 0, 22 * 40)
    clips, _ = read(path)
    assert max(factory.number_of(square) for clip in clips for square in clip.frames) == 21
    assert clips[-1].end_s == pytest.approx(22 / 25)


@pytest.mark.parametrize("first", [1, 2, 13, 25])
def test_an_edit_list_in_a_stream_with_b_frames(factory, tmp_path, first):
    """The edit begins at a time of presentation, and the frames around it are stored in another order."""
    path = factory.write_clip(tmp_path / "a.mp4", options={"x264-params": "keyint=20:scenecut=0:bframes=3"})
    track_ticks = 12800 // 25
    shown_from = factory.edit_start(path)
    assert shown_from > 0, "no frame is stored out of order"
    factory.set_edit_list(path, shown_from + first * track_ticks, (40 - first) * 40)
    check(factory, path, *steady(40 - first, F(1, 25)), numbers=list(range(first, 40)))


@pytest.mark.parametrize("bframes", [0, 3])
def test_an_empty_edit_delays_the_first_frame(factory, tmp_path, bframes):
    path = factory.write_clip(
        tmp_path / "a.mp4", ticks=range(30, 70), options={"x264-params": f"scenecut=0:bframes={bframes}"}
    )
    assert factory.edit_start(path) == -1
    check(factory, path, *steady(40, F(1, 25), F(30, 25)))


# Stored picture and matrix (a, b, c, d) that undo each other.
TURNS = {
    "upright": (lambda p: p, (1, 0, 0, 1), 0, False),
    "90 clockwise": (lambda p: np.rot90(p, 1), (0, 1, -1, 0), 90, False),
    "180": (lambda p: np.rot90(p, 2), (-1, 0, 0, -1), 180, False),
    "270 clockwise": (lambda p: np.rot90(p, -1), (0, -1, 1, 0), 270, False),
    "mirrored": (lambda p: p[:, ::-1], (-1, 0, 0, 1), 0, True),
    "upside down": (lambda p: p[::-1], (1, 0, 0, -1), 180, True),
}


@pytest.mark.parametrize("turn", TURNS)
def test_display_rotation(factory, tmp_path, turn):
    stored, matrix, degrees, mirrored = TURNS[turn]
    pictures = [np.ascontiguousarray(stored(factory.picture(n, 120, 160))) for n in range(12)]
    height, width, _ = pictures[0].shape
    path = factory.write_clip(tmp_path / "a.mp4", ticks=range(12), frames=pictures, size=(width, height))
    factory.set_display_matrix(path, *matrix)
    info = check(factory, path, *steady(12, F(1, 25)))
    assert (info.rotation, info.mirrored) == (degrees, mirrored)
    assert (info.width, info.height) == (width, height)


@pytest.mark.parametrize("size", [(161, 121), (33, 47), (255, 64)], ids=str)
@pytest.mark.parametrize(("suffix", "codec"), [("webm", "libvpx-vp9"), ("mkv", "ffv1"), ("avi", "mjpeg")])
def test_odd_sizes(factory, tmp_path, suffix, codec, size):
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = factory.write_clip(
        tmp_path / f"a.{suffix}", codec=codec, size=size, pixel_format=pixel_format, ticks=range(12)
    )
    info = check(factory, path, *steady(12, F(1, 25)))
    assert (info.width, info.height) == size


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1"])
def test_ten_bits(factory, tmp_path, codec):
    path = factory.write_clip(tmp_path / "a.mkv", codec=codec, pixel_format="yuv420p10le", ticks=range(25))
    assert check(factory, path, *steady(25, F(1, 25))).pixel_format == "yuv420p10le"


@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [("mp4", "libx264", {"x264-params": "interlaced=1:tff=1"}), ("ts", "mpeg2video", {"flags": "+ilme+ildct"})],
)
def test_interlaced(factory, tmp_path, suffix, codec, options):
    path = factory.write_clip(tmp_path / f"a.{suffix}", codec=codec, options=options, ticks=range(25))
    start = F(read(path)[1].start_s).limit_denominator(90000)
    assert check(factory, path, *steady(25, F(1, 25), start)).interlaced


@pytest.mark.parametrize(("suffix", "codec"), [("h264", "libx264"), ("hevc", "libx265")])
def test_raw_streams_have_estimated_times(factory, tmp_path, suffix, codec):
    path = factory.write_clip(tmp_path / f"a.{suffix}", codec=codec)
    assert check(factory, path, *steady(40, F(1, 25))).timestamps == "estimated"


@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [("avi", "libx264", B_FRAMES), ("avi", "mpeg4", {"bf": "2"}), ("m2v", "mpeg2video", {"bf": "2"})],
)
def test_containers_with_decoding_times_only(factory, tmp_path, suffix, codec, options):
    path = factory.write_clip(tmp_path / f"a.{suffix}", codec=codec, options=options)
    assert check(factory, path, *steady(40, F(1, 25))).timestamps == "decode order"


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
@pytest.mark.parametrize(("stated", "end"), [(39, F(39, 50)), (40, F(4, 5)), (4000, F(4, 5))])
def test_the_last_frame_of_an_avi_that_counts_in_finer_ticks(factory, tmp_path, codec, stated, end):
    """Each of its packets states one tick, of which a picture has two; a header may promise more than comes."""
    path = factory.write_clip(
        tmp_path / "a.avi", codec=codec, time_base=F(1, 50), ticks=range(0, 40, 2), options={"bf": "2"}
    )
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"strh") + 8 + 32, stated)
    path.write_bytes(data)
    assert check(factory, path, steady(20, F(1, 25))[0], end).timestamps == "decode order"


def test_gif(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.gif", codec="gif", pixel_format="rgb8", time_base=F(1, 10), ticks=range(20))
    assert check(factory, path, *steady(20, F(1, 10))).matrix == "rgb"


@pytest.mark.parametrize("stride", range(1, 6))
def test_stride_keeps_every_nth_clip(factory, tmp_path, stride):
    path = factory.write_clip(tmp_path / "a.mp4", time_base=F(1, 20), ticks=range(75))
    every, _ = read(path)
    kept, info = read(path, RECIPE.replace(stride=stride))
    assert [clip.index for clip in kept] == list(range(0, 8, stride))
    for clip in kept:
        assert (clip.start_s, clip.end_s) == (every[clip.index].start_s, every[clip.index].end_s)
        assert (clip.frames == every[clip.index].frames).all()
    assert info.frames_converted == sum(10 - clip.padded_frames for clip in kept)


def test_only_needed_frames_are_converted(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.mp4", time_base=F(1, 50), ticks=range(100))
    clips, info = read(path)
    assert len(clips) == 4
    assert info.frames_decoded == 100
    assert info.frames_converted == len({time for clip in clips for time in clip.times_s}) == 40


def test_resolution_change_in_mid_stream(factory, tmp_path):
    small = factory.write_clip(tmp_path / "a.h264", ticks=range(25))
    large = factory.write_clip(tmp_path / "b.h264", ticks=range(25), size=(320, 180))
    (tmp_path / "c.h264").write_bytes(small.read_bytes() + large.read_bytes())
    info = check(factory, tmp_path / "c.h264", *steady(50, F(1, 25)), numbers=[*range(25), *range(25)])
    assert info.size_changes == 1


def test_joined_recordings_whose_clock_restarts(factory, tmp_path):
    one = factory.write_clip(tmp_path / "a.ts", codec="mpeg2video", ticks=range(50, 90), options={"bf": "0"})
    two = factory.write_clip(tmp_path / "b.ts", codec="mpeg2video", ticks=range(40), options={"bf": "0"})
    (tmp_path / "c.ts").write_bytes(one.read_bytes() + two.read_bytes())
    clips, info = read(tmp_path / "c.ts")
    chosen = [factory.number_of(square) for clip in clips for square in clip.frames]
    times = steady(80, F(1, 25))[0]
    expected = factory.expected_frames(times, times[-1] + F(1, 25), RECIPE.fps)
    assert chosen[: len(expected)] == [n % 40 for n in expected]
    assert info.clock_restarts == 1
