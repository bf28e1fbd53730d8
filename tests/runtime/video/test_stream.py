"""How a clip stream behaves: progress, cancelling, closing, threads, and a real film."""

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
