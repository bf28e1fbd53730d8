"""A stride decodes what its clips need and no more, and gives the very clips that stride 1 gives at their places."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from videobert.base.errors import Cancelled
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips

CLOSED = {"bf": "3", "x264-params": "scenecut=0:keyint=24"}
RECIPE = {"frames": 8, "short_side": 32, "crop": 32}
TICKS = range(160)


@pytest.fixture(scope="module")
def film(factory, tmp_path_factory) -> Path:
    return factory.write_clip(tmp_path_factory.mktemp("stride") / "film.mp4", ticks=TICKS, options=CLOSED)


def clips(source: Any, stride: int, **options: Any) -> tuple[list[Any], Any]:
    with open_clips(source, Recipe(stride=stride, **RECIPE), **options) as stream:
        return list(stream), stream.info


def same(some: list[Any], every: list[Any], stride: int) -> None:
    wanted = every[::stride]
    assert [clip.index for clip in some] == [clip.index for clip in wanted]
    for one, other in zip(some, wanted, strict=True):
        np.testing.assert_array_equal(one.frames, other.frames)
        np.testing.assert_array_equal(one.times_s, other.times_s)
        assert (one.start_s, one.end_s, one.padded_frames) == (other.start_s, other.end_s, other.padded_frames)


@pytest.mark.parametrize("stride", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["path", "bytes", "file"])
def test_the_clips_of_a_stride_are_those_of_stride_1_and_cost_less(film, stride, kind):
    def source() -> Any:
        content = film.read_bytes()
        return {"path": film, "bytes": content, "file": io.BytesIO(content)}[kind]

    every, whole = clips(source(), 1)
    some, info = clips(source(), stride)
    same(some, every, stride)
    assert whole.frames_decoded == len(TICKS)
    assert info.frames_decoded < 0.75 * len(TICKS)
    assert (info.end_s, info.damaged_packets, info.decoder_fallback) == (whole.end_s, 0, None)


@pytest.mark.parametrize("frames", [1, 2, 11, 12, 61, 62, 63, 100, 101])
def test_videos_of_any_length_end_alike(factory, tmp_path, frames):
    path = factory.write_clip(tmp_path / "short.mp4", ticks=range(frames), options=CLOSED)
    every, whole = clips(path, 1)
    for stride in (2, 5):
        some, info = clips(path, stride)
        same(some, every, stride)
        assert info.end_s == whole.end_s


class OneWay(io.RawIOBase):
    """A pipe: it can be read once, from the front."""

    def __init__(self, content: bytes) -> None:
        self._left = memoryview(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        part, self._left = bytes(self._left[:size]), self._left[size:]
        return part


def test_a_source_that_is_read_once_is_decoded_whole(factory, tmp_path):
    path = factory.write_clip(tmp_path / "film.mkv", ticks=TICKS, options=CLOSED)
    every, _ = clips(path, 1)
    some, info = clips(OneWay(path.read_bytes()), 5)
    same(some, every, 5)
    assert info.frames_decoded == len(TICKS)


def test_a_named_pipe_is_read_once(factory, tmp_path):
    path = factory.write_clip(tmp_path / "film.mkv", ticks=TICKS, options=CLOSED)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()))
    writer.start()
    some, _ = clips(pipe, 5)
    writer.join()
    same(some, clips(path, 1)[0], 5)


@pytest.mark.parametrize("suffix", ["mp4", "ts", "mkv"])
@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_video_gives_what_it_gives_when_all_of_it_is_decoded(factory, tmp_path, suffix, seed):
    path = factory.write_clip(tmp_path / f"film.{suffix}", ticks=TICKS, options=CLOSED, size=(320, 240))
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for at in rng.integers(len(data) // 5, len(data) * 4 // 5, 4):
        data[at : at + 40] = rng.bytes(40)
    every, _ = clips(bytes(data), 1)
    same(clips(bytes(data), 3)[0], every, 3)


def test_damage_in_a_frame_that_clips_need_is_met_as_always(film, monkeypatch):
    """Decoding less meets damage: from there on nothing is left out, and what was given stays."""
    every, _ = clips(film, 1)
    from videobert.video.decoders.pyav.decoder import PyAvDecoder

    whole: list[bool] = []
    plain = PyAvDecoder._decoded_of
    seen = [0]

    def failing(self: Any, packet: Any, context: Any) -> Any:
        whole.append(self._kept is None)
        seen[0] += 1
        if seen[0] == 40:
            self._damage.packets += 1
        return plain(self, packet, context)

    monkeypatch.setattr(PyAvDecoder, "_decoded_of", failing)
    some, info = clips(film, 2)
    same(some, every, 2)
    assert info.frames_decoded == len(TICKS)
    assert whole.count(True) >= len(TICKS)


def test_a_stride_can_be_cancelled(film):
    cancel = threading.Event()
    with open_clips(film, Recipe(stride=2, **RECIPE), cancel=cancel) as stream:
        next(stream)
        cancel.set()
        with pytest.raises(Cancelled):
            list(stream)


def test_progress_comes_for_every_clip(film):
    def steps(stride: int) -> list[float]:
        done: list[float] = []
        clips(film, stride, on_progress=lambda done_s, total_s: done.append(done_s))
        return done

    assert steps(5) == steps(1)


@pytest.mark.parametrize("number", [12, 13, 40])
def test_a_key_frame_whose_time_lies_behind_costs_no_other_frame(factory, tmp_path, number):
    options = {"g": "1", "deadline": "realtime"}
    path = factory.write_clip(tmp_path / "keys.ivf", codec="libvpx", ticks=range(60), options=options)
    factory.set_ivf_time(path, number, 5)
    every, whole = clips(path, 1)
    assert whole.frames_left_out == 1
    for stride in (2, 3):
        some, info = clips(path, stride)
        same(some, every, stride)
        assert (info.frames_left_out, info.end_s) == (1, whole.end_s)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("late", [0.5, 5])
def test_a_time_that_does_not_follow_is_left_out_at_any_stride(factory, tmp_path, suffix, codec, late):
    options = CLOSED if codec == "libx264" else {"x265-params": "keyint=24:log-level=none"}
    whole = factory.write_clip(tmp_path / "whole.mp4", codec=codec, ticks=range(100), options=options)
    with av.open(str(whole)) as container:
        stream = container.streams.video[0]
        times = [packet.pts for packet in container.demux(stream) if packet.size]
        later = int(late / stream.time_base)
    for number in (50, len(times) - 2):
        path = factory.restamp(whole, tmp_path / f"late.{suffix}", {number: times[number] + later})
        every, expected = clips(path, 1)
        for stride in (2, 3, 5):
            some, info = clips(path, stride)
            same(some, every, stride)
            assert (info.frames_left_out, info.end_s) == (expected.frames_left_out, expected.end_s)


def test_what_is_put_in_the_place_of_a_missing_picture_is_the_same_at_any_stride(factory, tmp_path):
    whole = factory.write_clip(tmp_path / "whole.mkv", ticks=range(100), options=CLOSED)
    for number in (31, 79):
        path = tmp_path / "missing.mkv"
        with av.open(str(whole)) as one, av.open(str(path), "w") as output:
            stream = one.streams.video[0]
            copy = output.add_stream_from_template(stream)
            for place, packet in enumerate(p for p in one.demux(stream) if p.size):
                if place != number:
                    packet.stream = copy
                    output.mux(packet)
        every, _ = clips(path, 1)
        for stride in (2, 3):
            same(clips(path, stride)[0], every, stride)
