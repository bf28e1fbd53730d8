"""How a clip stream behaves: limits, live input, progress, cancelling, closing, threads, and a real film."""

from __future__ import annotations

import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction as F
from pathlib import Path

import av
import numpy as np
import pytest

from videobert.base.errors import Cancelled, InputError, LimitExceeded
from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.source import containers as sources_module
from videobert.video.source.frame_array import FrameArray

RECIPE = Recipe(frames=10, short_side=64, crop=64)
FILM = Path(__file__).parents[2] / "media" / "bigbuckbunny.mp4"


@pytest.fixture(scope="module")
def clip(factory, tmp_path_factory):
    """2 s at 20 fps, 160 x 120."""
    return factory.write_clip(tmp_path_factory.mktemp("clip") / "a.mp4", time_base=F(1, 20))


def drain(source, **options):
    with open_clips(source, RECIPE, **options) as stream:
        return list(stream)


def blank(count, height=64, width=64):
    return np.zeros((count, height, width, 3), np.uint8)


# --- limits ---


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
            with pytest.raises(LimitExceeded, match=f"got .*160.*max_side_px = {limit_px}"):
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
            with pytest.raises(LimitExceeded, match=f"max_duration_s = {limit_s:g}"):
                drain(source, limits=limits)


def test_the_default_limits_hold_at_their_edge():
    four_hours = 4 * 3600.0
    hourly = np.arange(0, 4) * 3600.0
    slow = Recipe(fps=F(1, 1800), frames=2, short_side=8, crop=8)
    with open_clips(FrameArray(blank(4, 8, 8), hourly), slow) as stream:
        assert [clip.end_s for clip in stream] == [3600, 7200, 10800, four_hours]
    with pytest.raises(LimitExceeded, match="max_duration_s = 14400"):
        open_clips(FrameArray(blank(5, 8, 8), np.arange(0, 5) * 3600.001), slow)
    open_clips(FrameArray(blank(1, 8, 8192), [0.0]), slow).close()
    with pytest.raises(LimitExceeded, match="max_side_px = 8192"):
        open_clips(FrameArray(blank(1, 8, 8193), [0.0]), slow)


def test_too_long_is_known_from_metadata_before_a_frame_is_decoded(clip, monkeypatch):
    opened = []
    real = sources_module._open

    def spy(*arguments):
        opened.append(real(*arguments))
        return opened[-1]

    monkeypatch.setattr(sources_module, "_open", spy)
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
        with pytest.raises(LimitExceeded, match="max_duration_s = 2"):
            clips.extend(stream)
    del clips


def test_a_picture_that_grows_in_mid_stream_is_stopped(factory, tmp_path):
    small = factory.write_clip(tmp_path / "a.m2v", codec="mpeg2video", ticks=range(15), options={"bf": "0"})
    large = factory.write_clip(
        tmp_path / "b.m2v", codec="mpeg2video", ticks=range(15), size=(320, 64), options={"bf": "0"}
    )
    (tmp_path / "c.m2v").write_bytes(small.read_bytes() + large.read_bytes())
    with pytest.raises(LimitExceeded, match="got 320x64; allowed: max_side_px = 319"):
        drain(tmp_path / "c.m2v", limits=Limits(max_side_px=319))
    assert drain(tmp_path / "c.m2v", limits=Limits(max_side_px=320))


def test_a_container_that_lies_about_the_size_is_caught_by_the_decoder(factory, tmp_path):
    """The header says 160 x 120, the stream is larger than is allowed: no such picture is ever allocated."""
    path = factory.write_clip(tmp_path / "a.mp4", size=(640, 480), ticks=range(3))
    data = path.read_bytes().replace((640).to_bytes(2, "big") + (480).to_bytes(2, "big"), b"\x00\xa0\x00\x78")
    with pytest.raises(InputError):
        drain(data, limits=Limits(max_side_px=200))


# --- live input and numpy frames ---


def test_every_live_frame_is_held_against_the_longest_side():
    frames = [(blank(1, 120, width)[0], n / 20) for n, width in enumerate((160, 160, 161))]
    with (
        open_clips(iter(frames), RECIPE, limits=Limits(max_side_px=160)) as stream,
        pytest.raises(LimitExceeded, match="got 161x120; allowed: max_side_px = 160"),
    ):
        list(stream)


def test_live_clips_come_out_as_soon_as_they_are_complete(factory):
    given = []

    def camera():
        for n in range(35):
            given.append(n)
            yield factory.picture(n), n / 20

    with open_clips(camera(), RECIPE) as stream:
        when = []
        for clip in stream:
            when.append(len(given))
            assert factory.number_of(clip.frames[0]) == clip.index * 10
    # The tenth frame completes the first clip; the last clip waits for the end.
    assert when == [10, 20, 30, 35]
    assert (clip.padded_frames, clip.end_s) == (5, pytest.approx(35 / 20))


def test_a_camera_may_reuse_its_buffer(factory):
    buffer = np.empty((120, 160, 3), np.uint8)

    def camera():
        for n in range(60):
            buffer[:] = factory.picture(n)
            yield buffer, n / 30

    numbers = [factory.number_of(square) for clip in drain(camera()) for square in clip.frames]
    assert numbers == [n * 30 // 20 for n in range(40)]


def test_live_frames_may_change_size(factory):
    frames = ((factory.picture(n, 160 + 16 * n, 120), n / 20) for n in range(10))
    (clip,) = drain(frames)
    assert [factory.number_of(square) for square in clip.frames] == list(range(10))


def test_frame_arrays_start_when_they_start(factory):
    frames = np.stack([factory.picture(n) for n in range(30)])
    clips = drain(FrameArray(frames, -1.25 + np.arange(30) / 10))
    assert clips[0].start_s == -1.25
    assert [factory.number_of(square) for square in clips[1].frames] == [5, 5, 6, 6, 7, 7, 8, 8, 9, 9]
    assert clips[-1].end_s == pytest.approx(1.75)


def test_a_single_frame_makes_one_clip(factory):
    for source in (FrameArray(factory.picture(7)[None], [3.0]), [(factory.picture(7), 3.0)]):
        (clip,) = drain(source)
        assert [factory.number_of(square) for square in clip.frames] == [7] * 10
        assert (clip.start_s, clip.end_s, clip.padded_frames) == (3.0, 3.05, 9)


# --- progress, cancelling, closing ---


def test_progress_runs_to_the_end(clip):
    calls = []
    drain(clip, on_progress=lambda done_s, total_s: calls.append((done_s, total_s)))
    assert [done for done, _ in calls] == [0.5, 1.0, 1.5, 2.0, 2.0]
    assert {total for _, total in calls} == {2.0}


def test_progress_goes_on_through_clips_that_the_stride_drops(clip):
    calls = []
    with open_clips(clip, RECIPE.replace(stride=4), on_progress=lambda done_s, _: calls.append(done_s)) as stream:
        assert len(list(stream)) == 1
    assert calls == [0.5, 1.0, 1.5, 2.0, 2.0]


def test_cancelling_stops_at_the_next_frame(clip):
    cancel = threading.Event()
    with open_clips(clip, RECIPE, cancel=cancel) as stream:
        next(stream)
        decoded = stream.info.frames_decoded
        cancel.set()
        with pytest.raises(Cancelled):
            next(stream)
        assert stream.info.frames_decoded <= decoded + 1
        with pytest.raises(StopIteration):
            next(stream)


class CancelledAfter(threading.Event):
    """Set by itself once it was looked at so often."""

    def __init__(self, looks):
        super().__init__()
        self.looks = looks

    def is_set(self):
        self.looks -= 1
        return self.looks < 0


@pytest.mark.parametrize("whole", [0, 20])
def test_cancelling_stops_where_no_packet_can_be_decoded(factory, tmp_path, whole):
    """The frames before the damage ask less often than that."""
    path = factory.write_clip(tmp_path / "a.mp4", ticks=range(300), options={"x264-params": "keyint=1"})
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    for at, size in packets[whole:]:
        data[at : at + size] = bytes(size)
    with pytest.raises(Cancelled):
        drain(bytes(data), cancel=CancelledAfter(100))


def test_cancelling_is_noticed_at_the_end_of_the_stream():
    cancel = threading.Event()

    def camera():
        yield from ((blank(1)[0], n / 20) for n in range(5))
        cancel.set()

    with open_clips(camera(), RECIPE, cancel=cancel) as stream, pytest.raises(Cancelled):
        list(stream)


def test_cancelling_stops_within_a_frozen_picture():
    cancel = threading.Event()
    frames = FrameArray(blank(2), [0.0, 14000.0])
    limits = Limits(max_repeated_frames=14000 * 20)
    with open_clips(frames, RECIPE, limits=limits, cancel=cancel, on_progress=lambda *_: cancel.set()) as stream:
        with pytest.raises(Cancelled):
            list(stream)
        assert stream.info.frames_decoded == 2


def test_a_stream_is_over_after_it_is_closed(clip):
    stream = open_clips(clip, RECIPE)
    next(stream)
    stream.close()
    stream.close()
    assert list(stream) == []


def open_things():
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def test_nothing_stays_open(clip, factory, tmp_path):
    """Closed half-way, read to the end, or failed: no file and no decoder thread is left."""
    broken = tmp_path / "b.mp4"
    broken.write_bytes(clip.read_bytes()[:2000])
    large = factory.write_clip(tmp_path / "large.mp4", size=(1280, 720), ticks=range(8))
    with open_clips(large, RECIPE) as stream:
        next(stream)
    gc.collect()
    before = open_things()
    for _ in range(10):
        stream = open_clips(large, RECIPE)
        if (os.cpu_count() or 1) > 1:
            assert open_things()[1] > before[1], "large pictures are decoded by several threads"
        stream.close()
        drain(large)
        with open_clips(clip, RECIPE) as stream:
            next(stream)
        drain(clip)
        with pytest.raises(InputError):
            open_clips(broken, RECIPE)
        with pytest.raises(LimitExceeded):
            open_clips(clip, RECIPE, limits=Limits(max_side_px=100))
    gc.collect()
    assert open_things() == before


def test_a_file_read_to_its_end_is_closed_at_once(clip):
    stream = open_clips(clip, RECIPE)
    list(stream)
    assert str(clip) not in {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}
    assert stream.info.frames_decoded == 40


def test_streams_in_many_threads_agree_with_one(factory, tmp_path, clip):
    paths = [
        clip,
        factory.write_clip(tmp_path / "b.webm", codec="libvpx-vp9"),
        factory.write_clip(tmp_path / "c.ts", codec="mpeg2video", options={"flags": "+ilme+ildct"}),
        factory.write_clip(tmp_path / "d.mkv", codec="ffv1", size=(175, 143)),
    ]
    serial = [np.concatenate([c.frames for c in drain(path)]) for path in paths]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: np.concatenate([c.frames for c in drain(paths[n % 4])]), range(24)))
    for n, result in enumerate(results):
        assert (result == serial[n % 4]).all()


def test_a_stream_may_be_opened_in_one_thread_and_read_in_another(clip):
    with open_clips(clip, RECIPE) as stream, ThreadPoolExecutor(1) as pool:
        assert len(pool.submit(list, stream).result()) == 4


# --- a real film ---


def test_real_film():
    """Big Buck Bunny, 132 frames at 25 fps: four clips of the default recipe, the last one padded."""
    with open_clips(FILM, Recipe()) as stream:
        clips = list(stream)
        info = stream.info
    assert (info.codec, info.width, info.height, info.matrix, info.fps) == ("h264", 1280, 720, "bt709", 25.0)
    assert info.frames_decoded == 132
    assert info.frames_converted == 106
    assert [(c.start_s, c.padded_frames) for c in clips] == [(0.0, 0), (1.5, 0), (3.0, 0), (4.5, 14)]
    assert clips[-1].end_s == pytest.approx(5.28)
    grid = np.arange(106) / 20
    golden = np.floor(grid * 25 + 1e-9) / 25
    times = np.concatenate([c.times_s for c in clips])
    np.testing.assert_allclose(times[:106], golden, rtol=0, atol=1e-9)
    np.testing.assert_allclose(times[106:], 131 / 25, rtol=0, atol=1e-9)
    # The film moves: neighbouring samples differ where the frame does, and only there.
    same = [(a == b).all() for a, b in zip(clips[0].frames, clips[0].frames[1:], strict=False)]
    assert not any(same)


def test_real_film_is_the_same_from_memory():
    data = FILM.read_bytes()
    recipe = Recipe(stride=3)
    with open_clips(FILM, recipe) as one, open_clips(data, recipe) as two:
        for a, b in zip(one, two, strict=True):
            assert (a.frames == b.frames).all()
            assert (a.times_s == b.times_s).all()
