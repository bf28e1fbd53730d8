"""Containers whose times stray: outliers, late clocks, packets that give no frame, single fields, joined recordings.

The pictures carry their number, so these tests see the frame that was chosen and not only the time it claims.
"""

from __future__ import annotations

from fractions import Fraction as F

import av
import numpy as np
import pytest

from videobert.base.errors import LimitExceeded
from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.source.frame_array import FrameArray

RECIPE = Recipe(frames=10, short_side=64, crop=64)
FRAME = F(1, 25)


def read(factory, source, *, limits=None):
    """The number of the picture at each sampling time, how many clips there are, and what is said about the stream."""
    with open_clips(source, RECIPE, limits=limits) as stream:
        clips = list(stream)
        info = stream.info
    numbers = [factory.number_of(square) for clip in clips for square in clip.frames]
    return numbers[: len(numbers) - clips[-1].padded_frames], len(clips), info


def check(factory, source, shown, end, **options):
    """Compare with brute force: `shown` has the time of each picture that is shown, by its number."""
    numbers, _, info = read(factory, source, **options)
    order = list(shown)
    expected = factory.expected_frames(list(shown.values()), end, RECIPE.fps)
    assert numbers == [order[place] for place in expected]
    assert info.start_s == pytest.approx(float(shown[order[0]]), abs=1e-9)
    assert info.end_s == pytest.approx(float(end), abs=1e-9)
    return info


def steady(numbers, frame=FRAME, start=F(0)):
    return {number: start + number * frame for number in numbers}


# --- outliers ---


@pytest.mark.parametrize(
    ("strays", "ahead_s"),
    [((30,), 7200), ((30,), 3), ((0,), 7200), ((0,), 3), ((59,), 7200), ((20, 21, 22), 7200), ((5, 25, 45), 3)],
    ids=str,
)
@pytest.mark.parametrize("suffix", ["mp4", "ts", "mkv"])
def test_an_outlier_ahead_is_left_out(factory, tmp_path, suffix, strays, ahead_s):
    """The container's own idea of the last time that it holds is wrong here, too."""
    plain = factory.write_clip(tmp_path / f"a.{suffix}", ticks=range(60), options={"x264-params": "bframes=0"})
    with av.open(str(plain)) as container:
        base = container.streams.video[0].time_base
        times = [packet.pts for packet in container.demux(video=0) if packet.size]
    moved = {number: times[number] + int(ahead_s / base) for number in strays}
    muxer = {"use_editlist": "0"} if suffix == "mp4" else {}
    path = factory.restamp(plain, tmp_path / f"b.{suffix}", moved, **muxer)
    shown = steady(set(range(60)) - set(strays), start=times[0] * base)
    info = check(factory, path, shown, max(shown.values()) + FRAME)
    assert (info.frames_left_out, info.stills_cut, info.clock_restarts) == (len(strays), 0, 0)


@pytest.mark.parametrize("behind", [1, 5, 100_000])
def test_an_outlier_behind_is_left_out(factory, tmp_path, behind):
    quick = {"lag-in-frames": "0", "deadline": "realtime"}
    path = factory.write_clip(tmp_path / "a.ivf", codec="libvpx", options=quick)
    factory.set_ivf_time(path, 20, 20 - behind)
    shown = steady(set(range(40)) - {20})
    assert check(factory, path, shown, F(40, 25)).frames_left_out == 1


def test_an_outlier_costs_no_work(factory, tmp_path):
    plain = factory.write_clip(tmp_path / "a.mp4", options={"x264-params": "bframes=0"})
    path = factory.restamp(plain, tmp_path / "b.mp4", {20: 12800 * 10_800})
    _, clips, info = read(factory, path)
    assert (clips, info.frames_decoded, info.end_s) == (4, 40, 1.6)


# --- pictures that stand still ---


def test_slides_stand_for_as_long_as_they_do(factory, tmp_path):
    ticks = [0, 1500, 1525, 3000]
    for suffix in ("mp4", "mkv", "ts"):
        path = factory.write_clip(tmp_path / f"a.{suffix}", ticks=ticks, options={"x264-params": "bframes=0"})
        numbers, _, info = read(factory, path)
        assert [numbers.count(n) for n in range(4)] == [1200, 20, 1180, 1]
        assert (info.frames_left_out, info.stills_cut) == (0, 0)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_clock_that_jumps_ahead_for_good_leaves_a_picture_for_so_long(factory, tmp_path, suffix):
    """At most: what stands still for longer than is allowed stands for as long as its own time."""
    ticks = [*range(20), *range(20 + 25 * 60, 40 + 25 * 60)]
    path = factory.write_clip(tmp_path / f"a.{suffix}", ticks=ticks, options={"x264-params": "bframes=0"})
    info = check(factory, path, steady(range(40)), F(40, 25), limits=Limits(max_repeated_frames=60 * 20))
    assert (info.stills_cut, info.frames_left_out) == (1, 0)
    shown = {n: F(tick, 25) for n, tick in enumerate(ticks)}
    info = check(factory, path, shown, F(ticks[-1] + 1, 25), limits=Limits(max_repeated_frames=60 * 20 + 1))
    assert (info.stills_cut, info.frames_left_out) == (0, 0)


# --- late clocks ---


LATE = 18_000 * 25


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mkv", "libx264"), ("webm", "libvpx"), ("asf", "mpeg4"), ("flv", "libx264"), ("mp4", "libx264")],
)
def test_a_late_clock_is_no_length(factory, tmp_path, suffix, codec):
    path = factory.write_clip(
        tmp_path / f"a.{suffix}", codec=codec, ticks=range(LATE, LATE + 40), muxer={"avoid_negative_ts": "disabled"}
    )
    info = check(
        factory, path, steady(range(40), start=F(18_000)), F(18_000) + 40 * FRAME, limits=Limits(max_duration_s=2)
    )
    assert info.duration_s == pytest.approx(1.6, abs=0.1)
    with pytest.raises(LimitExceeded, match="allowed: up to 1 s"):
        read(factory, path, limits=Limits(max_duration_s=1))


def test_live_frames_of_a_late_clock(factory):
    camera = ((factory.picture(n), 1.7e9 + n / 20) for n in range(20))
    numbers, _, info = read(factory, camera, limits=Limits(max_duration_s=1))
    assert numbers == list(range(20))
    assert info.start_s == 1.7e9


# --- packets that give no frame ---


def with_changed_chunks(factory, path, numbers, change):
    data = bytearray(path.read_bytes())
    chunks = factory.avi_chunks(path)
    for number in numbers:
        at, size = chunks[number]
        data[at : at + size] = change(bytes(data[at : at + size]))
    path.write_bytes(data)
    return path


def not_coded(chunk):
    """MPEG-4: a picture that is like the one before (vop_coded = 0), and stuffing up to the size that it had."""
    at = chunk.index(b"\x00\x00\x01\xb6")
    return b"\x00\x00\x01\xb6\x50\x40" + bytes(len(chunk) - at - 6) + chunk[:at]


def without_slices(chunk):
    """H.264: all slices made into filler."""
    data = bytearray(chunk)
    for at in range(3, len(data)):
        if data[at - 3 : at] == b"\x00\x00\x01" and data[at] & 31 in (1, 5):
            data[at] = 12
    return bytes(data)


@pytest.mark.parametrize("lost", [(11,), (3, 4, 5, 20), range(10, 30)], ids=str)
def test_pictures_that_are_not_coded_in_avi(factory, tmp_path, lost):
    path = factory.write_clip(tmp_path / "a.avi", codec="mpeg4", options={"g": "1"})
    with_changed_chunks(factory, path, lost, not_coded)
    info = check(factory, path, steady(set(range(40)) - set(lost)), F(40, 25))
    assert info.frames_decoded == 40 - len(lost)


@pytest.mark.parametrize("bframes", [0, 3])
@pytest.mark.parametrize("lost", [range(1), range(12), (20, 21, 22)], ids=str)
def test_missing_pictures_in_avi_move_no_other(factory, tmp_path, lost, bframes):
    """H.264 cannot be decoded again before the next key frame, or shows what lies before it in between."""
    path = factory.write_clip(
        tmp_path / "a.avi", options={"x264-params": f"keyint=10:min-keyint=10:scenecut=0:bframes={bframes}"}
    )
    with_changed_chunks(factory, path, lost, without_slices)
    with open_clips(path, Recipe(frames=10, fps=F(25), short_side=64, crop=64)) as stream:
        shown = {
            round(time * 25): factory.number_of(square)
            for clip in stream
            for square, time in zip(clip.frames, clip.times_s, strict=True)
        }
    unharmed = {time: number for time, number in shown.items() if not set(lost) & set(range(time - 10, time + 5))}
    assert len(unharmed) > 10
    assert unharmed == {time: time for time in unharmed}
    assert 39 in unharmed


def test_a_missing_first_key_frame_of_mpeg4_in_avi(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.avi", codec="mpeg4", options={"bf": "2", "g": "12"})
    with_changed_chunks(factory, path, (0,), lambda chunk: bytes(len(chunk)))
    numbers, _, info = read(factory, path)
    whole = factory.expected_frames([n * FRAME for n in range(40)], F(40, 25), RECIPE.fps)
    assert numbers[12:] == whole[12:]
    assert (info.start_s, info.end_s, info.timestamps) == (0.0, 1.6, "decode order")


def test_a_lost_picture_of_a_raw_stream_moves_no_other(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.h264", options={"x264-params": "keyint=1"})
    with av.open(str(path)) as container:
        sizes = [packet.size for packet in container.demux(video=0) if packet.size]
    data, at = bytearray(path.read_bytes()), sum(sizes[:10])
    slice_at = data.index(b"\x00\x00\x01\x65", at) + 4
    data[slice_at : at + sizes[10]] = b"\xff" * (at + sizes[10] - slice_at)
    path.write_bytes(data)
    info = check(factory, path, steady(set(range(40)) - {10}), F(40, 25))
    assert (info.timestamps, info.damaged_packets) == ("estimated", 1)


# --- single fields ---


def reordered(count):
    """I B P B P… in the order of decoding."""
    return [0, *(n for key in range(2, count, 2) for n in (key, key - 1))]


@pytest.mark.parametrize(
    "as_fields", [[True] * 19, [n % 3 != 1 for n in range(19)], [False] * 19], ids=["all", "some", "none"]
)
@pytest.mark.parametrize("order", [list(range(19)), reordered(19)], ids=["as decoded", "reordered"])
@pytest.mark.parametrize("rate", [F(25), F(30000, 1001)], ids=str)
def test_raw_h264_field_by_field(factory, field_stream, tmp_path, order, as_fields, rate):
    path = tmp_path / "a.h264"
    pictures = [factory.picture(n, 64, 64) for n in order]
    packets = field_stream.field_stream(pictures, shown=order, as_fields=as_fields, rate=rate)
    path.write_bytes(b"".join(packets))
    info = check(factory, path, steady(range(19), 1 / rate), 19 / rate)
    assert (info.timestamps, info.frames_decoded) == ("estimated", 19)


@pytest.mark.parametrize("suffix", ["ts", "mkv", "mp4", "flv"])
@pytest.mark.parametrize("single", [True, False], ids=["a packet each", "a packet for both"])
def test_containers_with_h264_field_by_field(factory, field_stream, tmp_path, suffix, single):
    packets = field_stream.field_stream([factory.picture(n, 64, 64) for n in range(20)])
    if not single:
        packets = [a + b for a, b in zip(packets[::2], packets[1::2], strict=True)]
    raw, path = tmp_path / "a.h264", tmp_path / f"a.{suffix}"
    raw.write_bytes(b"".join(packets))
    with av.open(str(raw)) as one, av.open(str(path), "w", options={"muxdelay": "0"}) as output:
        copy = output.add_stream_from_template(one.streams.video[0])
        for number, data in enumerate(packets):
            packet = av.Packet(data)
            packet.stream, packet.time_base = copy, F(1, 50 if single else 25)
            packet.pts = packet.dts = number
            packet.duration, packet.is_keyframe = 1, number == 0
            output.mux(packet)
    start = F(0)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        start = stream.start_time * stream.time_base
    check(factory, path, steady(range(20), start=start), start + F(20, 25))


# --- joined recordings ---


@pytest.mark.parametrize("lengths", [(12, 12, 12), (5, 5, 5, 5), (20, 3, 15)], ids=str)
@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        ("ts", "libx264", {"x264-params": "bframes=0"}),
        ("ts", "libx264", {"x264-params": "bframes=3:b-pyramid=normal"}),
        ("ts", "mpeg2video", {"bf": "2"}),
        ("mpg", "mpeg2video", {"bf": "0"}),
    ],
    ids=["no B-frames", "pyramid", "MPEG-2", "few times"],
)
def test_short_recordings_joined(factory, tmp_path, lengths, suffix, codec, options):
    whole = b""
    for length in lengths:
        path = factory.write_clip(tmp_path / f"a.{suffix}", codec=codec, ticks=range(length), options=options)
        whole += path.read_bytes()
    numbers, _, info = read(factory, whole)
    total = sum(lengths)
    expected = factory.expected_frames([n * FRAME for n in range(total)], total * FRAME, RECIPE.fps)
    in_each = [n for length in lengths for n in range(length)]
    assert numbers == [in_each[n] for n in expected]
    assert (info.clock_restarts, info.frames_left_out, info.frames_decoded) == (len(lengths) - 1, 0, total)


# --- live input ---


def camera(factory, times, given):
    for n, time in enumerate(times):
        given.append(n)
        yield factory.picture(n), float(time)


def test_live_clips_wait_for_few_frames_behind_a_pause(factory):
    times = [*(F(n, 20) for n in range(15)), *(60 + F(n, 20) for n in range(25))]
    given, when = [], {}
    with open_clips(camera(factory, times, given), RECIPE) as stream:
        for clip in stream:
            when.setdefault(clip.index, len(given))
        info = stream.info
    # The first clip is complete before the pause, that of the pause two frames behind its first frame.
    assert when[0] == 10
    assert {when[index] for index in range(1, 120)} == {18}
    assert (when[120], when[121]) == (25, 35)
    assert (info.frames_left_out, info.end_s) == (0, pytest.approx(61.25))


def test_a_live_outlier_is_left_out(factory):
    times = [F(n, 20) for n in range(40)]
    times[17] = F(7200)
    numbers, clips, info = read(factory, camera(factory, times, []))
    assert numbers == [*range(17), 16, *range(18, 40)]
    assert (clips, info.frames_left_out) == (4, 1)


def test_the_last_slide_of_an_array_may_come_late(factory):
    frames = np.stack([factory.picture(n) for n in range(10)])
    numbers, _, info = read(factory, FrameArray(frames, [*(n / 20 for n in range(9)), 5.0]))
    assert (numbers.count(8), info.frames_left_out) == (92, 0)
