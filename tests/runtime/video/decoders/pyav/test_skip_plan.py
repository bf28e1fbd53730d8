"""Decoding less gives the same frames, bit for bit, in their places; what the packets do not tell is decoded whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction as F
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from videobert.video.codec.coded_pictures import SKIPPABLE_CODECS, PictureReader
from videobert.video.decoders.decoder import GaveUp
from videobert.video.decoders.pyav.arrivals import Arrivals
from videobert.video.decoders.pyav.skip_plan import PlannedFrame, Run, SkipPlan
from videobert.video.sampling import KeptSamples

# Clips of 8 samples at 20 fps; at 25 pictures a second 110 of them are 11 clips.
FPS, SAMPLES, TICKS = F(20), 8, range(110)
X264 = "scenecut=0:keyint=24"
X265 = "scenecut=0:keyint=24:log-level=none"
KINDS: dict[str, dict[str, Any]] = {
    "no-b-frames.mp4": {"options": {"bf": "0", "x264-params": X264}},
    "b-frames.mp4": {"options": {"bf": "3", "b-pyramid": "normal", "x264-params": X264}},
    "b-frames.ts": {"options": {"bf": "3", "b-pyramid": "normal", "x264-params": X264}},
    "b-frames.mkv": {"options": {"bf": "3", "x264-params": X264}},
    "b-frames.flv": {"options": {"bf": "3", "x264-params": X264}},
    "one-key-frame.mp4": {"options": {"bf": "3", "x264-params": "scenecut=0:keyint=500"}},
    "key-frames-only.mp4": {"options": {"bf": "0", "x264-params": "keyint=1"}},
    "open-gop.mp4": {"options": {"bf": "3", "x264-params": f"{X264}:open-gop=1"}},
    "intra-refresh.ts": {"options": {"bf": "0", "x264-params": f"{X264}:intra-refresh=1"}},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": f"{X265}:open-gop=0"}},
    "open-gop-hevc.mp4": {"codec": "libx265", "options": {"x265-params": X265}},
    "open-gop-hevc.ts": {"codec": "libx265", "options": {"x265-params": X265}},
    "layers-hevc.mkv": {"codec": "libx265", "options": {"x265-params": f"{X265}:temporal-layers=1"}},
    "av1.mp4": {"codec": "libsvtav1", "options": {"preset": "12", "g": "24"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "24", "deadline": "realtime", "cpu-used": "8"}},
    "vp8.webm": {"codec": "libvpx", "options": {"g": "24", "deadline": "realtime", "auto-alt-ref": "1"}},
    "mjpeg.mp4": {"codec": "mjpeg", "pixel_format": "yuvj420p"},
    "prores.mov": {"codec": "prores_ks", "pixel_format": "yuv422p10le"},
    "dnxhr.mov": {"codec": "dnxhd", "pixel_format": "yuv422p", "size": (256, 128), "options": {"profile": "dnxhr_lb"}},
    "raw.mov": {"codec": "rawvideo", "pixel_format": "rgb24"},
    "variable.mp4": {
        "options": {"bf": "3", "x264-params": X264},
        "time_base": F(1, 1000),
        "rate": F(25),
        "ticks": np.cumsum(np.random.default_rng(1).choice([10, 33, 40, 99, 700], len(TICKS))).tolist(),
    },
}


@pytest.fixture(scope="module")
def made(factory, tmp_path_factory):
    done: dict[str, Path] = {}

    def make(kind: str) -> Path:
        if kind not in done:
            done[kind] = factory.write_clip(tmp_path_factory.mktemp("made") / kind, **{"ticks": TICKS} | KINDS[kind])
        return done[kind]

    return make


def whole(path: Path) -> dict[int, np.ndarray]:
    """Every frame by its time in ticks."""
    with av.open(str(path)) as container:
        container.flags &= ~1  # no times that FFmpeg makes up
        return {frame.pts: frame.to_ndarray() for frame in container.decode(video=0)}


def by_plan(path: Path, stride: int, threads: int) -> Iterator[tuple[F, F, int, np.ndarray | None]]:
    """(time, duration, ticks, picture or None) of each frame in order; planned when the first frame is there."""
    with av.open(str(path)) as container:
        container.flags &= ~1
        stream = container.streams.video[0]
        context, base = stream.codec_context, stream.time_base
        context.thread_type, context.thread_count = "AUTO", threads
        packets = (packet for packet in container.demux(stream) if packet.size)
        before: list[Any] = []
        pictures: list[Any] = []
        while not pictures:
            before.append(next(packets))
            pictures = context.decode(before[-1])
        kept = KeptSamples(F(min(whole(path))) * base, FPS, SAMPLES, stride)
        reader = PictureReader(context.codec.canonical_name, context.extradata)
        arrivals = Arrivals()

        def frames(given):
            for picture in given:
                for left_out in arrivals.arrived(picture.pts):
                    yield left_out.ticks * base, left_out.duration * base, left_out.ticks, None
                yield picture.pts * base, picture.duration * base, picture.pts, picture.to_ndarray()

        def drained():
            yield from frames(context.decode(None))
            for left_out in arrivals.drained():
                yield left_out.ticks * base, left_out.duration * base, left_out.ticks, None

        for number, run in enumerate(SkipPlan(reader, base, kept, before).runs(packets)):
            if run.fresh:
                yield from drained()
                context.flush_buffers()
            arrivals.expect(run)
            if number == 0:
                yield from frames(pictures)
            for packet in run.packets:
                yield from frames(context.decode(packet))
        yield from drained()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_frames_that_clips_need_are_the_same_and_the_others_keep_their_times(made, kind, stride, threads):
    path = made(kind)
    expected = whole(path)
    got = list(by_plan(path, stride, threads))
    assert [ticks for *_, ticks, _ in got] == sorted(expected)
    for *_, ticks, picture in got:
        assert picture is None or np.array_equal(picture, expected[ticks])
    # By brute force: what is on screen at each sampling time of a kept clip.
    start, (last, length, *_) = got[0][0], got[-1]
    samples = range(int((last + length - start) * FPS) + 1)
    for sample in samples:
        if sample // SAMPLES % stride == 0 and start + sample / FPS < last + length:
            now = [picture for time, *_, picture in got if time <= start + sample / FPS]
            assert now[-1] is not None


# Of 110 frames, for every fifth clip: from a key frame to the last frame needed, without what nothing refers to.
# Open groups of H.264, and refreshed ones, have one place where decoding may begin.
MOST_DECODED = {
    "no-b-frames.mp4": 75,
    "b-frames.mp4": 50,
    "b-frames.ts": 50,
    "key-frames-only.mp4": 35,
    "hevc.mp4": 55,
    "open-gop-hevc.mp4": 55,
    "layers-hevc.mkv": 60,
    "av1.mp4": 75,
    "vp9.webm": 75,
    "vp8.webm": 75,
    "mjpeg.mp4": 35,
    "prores.mov": 35,
    "dnxhr.mov": 35,
    "raw.mov": 35,
}


@pytest.mark.parametrize("kind", MOST_DECODED)
def test_most_of_what_no_clip_needs_is_not_decoded(made, kind):
    decoded = sum(picture is not None for *_, picture in by_plan(made(kind), 5, 1))
    assert 24 <= decoded <= MOST_DECODED[kind]


def test_the_kinds_cover_every_codec_that_is_skipped(made):
    def codec(path):
        with av.open(str(path)) as container:
            return container.streams.video[0].codec_context.codec.canonical_name

    assert {codec(made(kind)) for kind in KINDS} == SKIPPABLE_CODECS


def test_a_stream_that_does_not_begin_at_a_landing_is_decoded_until_one_comes(made, tmp_path):
    path = tmp_path / "cut.ts"
    data = made("b-frames.ts").read_bytes()
    path.write_bytes(data[len(data) // 188 // 10 * 188 :])
    expected = whole(path)
    got = list(by_plan(path, 5, 1))
    assert [ticks for *_, ticks, _ in got] == sorted(expected)
    assert any(picture is None for *_, picture in got)
    assert all(picture is None or np.array_equal(picture, expected[ticks]) for *_, ticks, picture in got)


def planned(*frames: tuple[int, bool]) -> Run:
    return Run([], [PlannedFrame(ticks, 1, decoded) for ticks, decoded in frames])


def test_arrivals_put_what_was_left_out_in_its_place():
    arrivals = Arrivals()
    arrivals.expect(planned((0, True), (1, False), (2, True), (3, False)))
    assert [[left.ticks for left in arrivals.arrived(ticks)] for ticks in (0, 2)] == [[], [1]]
    assert [left.ticks for left in arrivals.drained()] == [3]


def test_arrivals_take_anything_where_nothing_is_known():
    arrivals = Arrivals()
    arrivals.expect(Run([]))
    arrivals.expect(planned((7, False), (8, True)))
    assert [[left.ticks for left in arrivals.arrived(ticks)] for ticks in (5, 6, 8)] == [[], [], [7]]
    arrivals.expect(Run([]))
    assert list(arrivals.arrived(None)) == []
    assert list(arrivals.drained()) == []


@pytest.mark.parametrize(("comes", "says"), [(1, "did not come"), (5, "did not come"), (None, "did not come")])
def test_a_frame_that_does_not_come_is_noticed(comes, says):
    arrivals = Arrivals()
    arrivals.expect(planned((0, True), (1, True)))
    with pytest.raises(GaveUp, match=re.escape(says)):
        list(arrivals.arrived(comes))


def test_a_frame_that_was_not_planned_is_noticed():
    arrivals = Arrivals()
    arrivals.expect(planned((0, True)))
    list(arrivals.arrived(0))
    with pytest.raises(GaveUp, match="do not tell of"):
        list(arrivals.arrived(1))
    arrivals.expect(planned((2, True)))
    with pytest.raises(GaveUp, match="did not come"):
        list(arrivals.drained())
