"""Clips through DALI are the clips of PyAV: the same frames at the same times, pictures alike; or PyAV steps in."""

from __future__ import annotations

import io
import os
import threading
from fractions import Fraction as F

import av
import numpy as np
import pytest

from videobert.base.errors import Cancelled, DecodeError, InputError, LimitExceeded
from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.video.decoders.dali.runner import DaliRunner
from videobert.video.open import open_clips

pytestmark = pytest.mark.usefixtures("dali")

RECIPE = Recipe(frames=10)
MJPEG = {"codec": "mjpeg", "pixel_format": "yuvj420p"}
VP9 = {"codec": "libvpx-vp9"}
# The pictures' blocks have hard edges; where DALI smooths chroma differently is half a pixel there.
LEAST_PSNR = 48
VARIABLE = {
    "time_base": F(1, 1000),
    "rate": F(25),
    "ticks": [0, *np.cumsum(np.random.default_rng(2).choice([10, 33, 40, 99, 700], 59)).tolist()],
}
KINDS = {
    "vp9.mp4": VP9,
    "vp9.webm": {**VP9, "options": {"g": "12"}, "ticks": range(200)},
    "vp8.webm": {"codec": "libvpx"},
    "mjpeg.avi": MJPEG,
    "mjpeg.mp4": {**MJPEG, "ticks": range(120)},
    "variable.mp4": {**VP9, **VARIABLE},
    "variable.mkv": {**MJPEG, **VARIABLE},
    "late.mkv": {**VP9, "ticks": range(75, 115), "muxer": {"avoid_negative_ts": "disabled"}},
    "odd.webm": {**VP9, "size": (161, 121), "ticks": range(12)},
    "one.webm": {**VP9, "ticks": range(1)},
    "hd.webm": {**VP9, "size": (1280, 720), "ticks": range(6)},
    "422.avi": {"codec": "mjpeg", "pixel_format": "yuvj422p", "ticks": range(12)},
    "444.avi": {"codec": "mjpeg", "pixel_format": "yuvj444p", "ticks": range(12)},
}


def read(source, recipe=RECIPE, **options):
    with open_clips(source, recipe, **options) as stream:
        return list(stream), stream.info


def same_choice(factory, clips):
    """All that is said of clips but their pictures, and the numbers that the pictures carry."""
    return [
        (
            clip.index,
            clip.start_s,
            clip.end_s,
            clip.padded_frames,
            clip.times_s.tolist(),
            [factory.number_of(square) for square in clip.frames],
        )
        for clip in clips
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stride", [1, 3])
def test_the_same_clips_as_pyav(factory, made, reference, kind, stride):
    recipe = RECIPE.replace(stride=stride)
    expected, theirs = read(made(kind, **KINDS[kind]), recipe)
    clips, info = read(made(kind, **KINDS[kind]), recipe, decoder="dali")
    assert (info.decoder, info.decoder_fallback) == ("dali", None)
    assert same_choice(factory, clips) == same_choice(factory, expected)
    assert (info.start_s, info.end_s) == (theirs.start_s, theirs.end_s)
    # It could choose from all of them; PyAV leaves out what the stride does not need.
    assert info.frames_decoded == read(made(kind, **KINDS[kind]))[1].frames_decoded >= theirs.frames_decoded
    assert info.frames_converted == theirs.frames_converted
    assert min(reference.psnr(a.frames, b.frames) for a, b in zip(clips, expected, strict=True)) > LEAST_PSNR
    assert all(clip.frames.dtype == np.uint8 and clip.frames.shape == (10, 112, 112, 3) for clip in clips)


@pytest.mark.parametrize(
    ("matrix", "turned"),
    [((0, 1, -1, 0), 1), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), -1), ((-1, 0, 0, 1), None)],
    ids=["90", "180", "270", "mirrored"],
)
def test_display_rotation(factory, tmp_path, matrix, turned):
    def stored(picture):
        return np.ascontiguousarray(picture[:, ::-1] if turned is None else np.rot90(picture, turned))

    # 121 x 160 shown: a crop that does not lie in the middle to the pixel shows which way round offsets are rounded.
    pictures = [stored(factory.picture(n, 121, 160)) for n in range(12)]
    height, width, _ = pictures[0].shape
    path = factory.write_clip(tmp_path / "a.mp4", **VP9, ticks=range(12), frames=pictures, size=(width, height))
    factory.set_display_matrix(path, *matrix)
    expected, theirs = read(path)
    clips, info = read(path, decoder="dali")
    assert (info.rotation, info.mirrored) == (theirs.rotation, theirs.mirrored)
    assert (info.rotation, info.mirrored) != (0, False)
    assert same_choice(factory, clips) == same_choice(factory, expected)
    worst = max(float(np.abs(a.frames - b.frames.astype(float)).mean()) for a, b in zip(clips, expected, strict=True))
    assert worst < 1


def test_a_negative_start(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.ivf", codec="libvpx", options={"lag-in-frames": "0"})
    factory.shift_ivf(path, -20)
    clips, info = read(path, decoder="dali")
    assert (info.decoder, info.start_s) == ("dali", -0.8)
    assert same_choice(factory, clips) == same_choice(factory, read(path)[0])


def test_an_edit_list(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.mp4", **VP9, options={"g": "20"})
    factory.set_edit_list(path, 13 * 512, 27 * 40)
    clips, info = read(path, decoder="dali")
    assert info.decoder == "dali"
    assert factory.number_of(clips[0].frames[0]) == 13
    assert same_choice(factory, clips) == same_choice(factory, read(path)[0])


def test_a_picture_that_stands_still_for_long(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.mkv", **VP9, time_base=F(1), ticks=[0, 1, 9, 30])
    clips, info = read(path, decoder="dali")
    assert info.decoder == "dali"
    assert same_choice(factory, clips) == same_choice(factory, read(path)[0])


@pytest.mark.parametrize(("stray", "decoder"), [(20, "pyav"), (39, "dali")])
def test_an_outlier_is_left_out_whatever_decodes(factory, tmp_path, stray, decoder):
    path = factory.write_clip(
        tmp_path / "a.ivf", codec="libvpx", options={"lag-in-frames": "0", "deadline": "realtime"}
    )
    factory.set_ivf_time(path, stray, 100_000)
    clips, info = read(path, decoder="dali")
    assert (info.decoder, info.frames_left_out) == (decoder, 1)
    assert same_choice(factory, clips) == same_choice(factory, read(path)[0])


def smooth(count, width, height):
    y, x = np.mgrid[0:height, 0:width]
    waves = [[np.sin(x / 17 + n / 3), np.cos(y / 13 - n / 4), np.sin((x + y) / 29 + n)] for n in range(count)]
    return [np.rint((np.stack(wave, axis=-1) * 0.4 + 0.5) * 255).astype(np.uint8) for wave in waves]


@pytest.mark.parametrize("size", [(160, 120), (322, 242), (1280, 720)], ids=str)
@pytest.mark.parametrize(("suffix", "kind"), [("webm", VP9), ("avi", MJPEG)], ids=["vp9", "mjpeg"])
def test_colours_of_smooth_pictures(factory, tmp_path, reference, suffix, kind, size):
    """Matrix (BT.601 and, from 720 lines, BT.709), range, siting of chroma and filter: each of them wrong is below."""
    path = factory.write_clip(tmp_path / f"a.{suffix}", **kind, ticks=range(4), size=size, frames=smooth(4, *size))
    (clip, *_), _ = read(path, decoder="dali")
    (expected, *_), _ = read(path)
    assert reference.psnr(clip.frames, expected.frames) > 50


REFUSED = {
    "h264.mp4": ({}, "does not decode h264 on the CPU"),
    "av1.mp4": ({"codec": "libsvtav1", "ticks": range(10)}, "does not decode av1 on the CPU"),
    "full.webm": ({**VP9, "color_range": 2}, "full range for limited range"),
    "rgb.mkv": ({"codec": "ffv1", "pixel_format": "bgr0", "ticks": range(10)}, "does not decode ffv1"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_dali_does_not_take_is_left_to_pyav_and_said(factory, made, kind):
    options, reason = REFUSED[kind]
    path = made(kind, **options)
    clips, info = read(path, decoder="dali")
    assert info.decoder == "pyav"
    assert info.decoder_fallback.startswith("dali: ")
    assert reason in info.decoder_fallback
    expected, theirs = read(path)
    assert theirs.decoder_fallback is None
    assert all((a.frames == b.frames).all() for a, b in zip(clips, expected, strict=True))


def damaged(factory, path, place):
    """Overwrite the packet at `place` of an IVF file with noise."""
    factory.write_clip(path, codec="libvpx-vp9", ticks=range(100), options={"g": "50", "lag-in-frames": "0"})
    data, at = bytearray(path.read_bytes()), 32
    for _ in range(place):
        at += 12 + int.from_bytes(data[at : at + 4], "little")
    size = int.from_bytes(data[at : at + 4], "little")
    data[at + 12 : at + 12 + size] = b"\xa5" + np.random.default_rng(0).bytes(size - 1)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("place", [1, 60, 99])
def test_damage_on_the_way_is_met_as_pyav_meets_it(factory, tmp_path, place):
    path = damaged(factory, tmp_path / "a.ivf", place)
    expected, theirs = read(path)
    assert theirs.damaged_packets == 1
    clips, info = read(path, decoder="dali")
    assert (info.decoder, info.damaged_packets) == ("pyav", 1)
    assert info.decoder_fallback.startswith("dali: ")
    assert same_choice(factory, clips) == same_choice(factory, expected)


def test_an_index_that_turns_out_inexact_late(factory, tmp_path):
    """Clips are out already when the clock restarts; what follows them is PyAV's."""
    one = factory.write_clip(tmp_path / "a.ivf", codec="libvpx", ticks=range(150), options={"g": "10"})
    data, at, many = bytearray(one.read_bytes()), 32, 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        if many == 149:
            data[at + 12] &= ~0x10
        at, many = at + 12 + size, many + 1
    one.write_bytes(data)
    taken = []
    with open_clips(one, RECIPE, decoder="dali") as stream:
        for clip in stream:
            taken.append((clip, stream.info.decoder))
        info = stream.info
    assert {decoder for _, decoder in taken} == {"dali", "pyav"}
    assert "show no frame" in info.decoder_fallback
    assert same_choice(factory, [clip for clip, _ in taken]) == same_choice(factory, read(one)[0])


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"decoder_threads": 2}, 2), ({"decoder_threads": 2, "threads": 3}, 2), ({"threads": 3}, 3)],
    ids=str,
)
def test_as_many_threads_as_are_asked_for(made, options, expected, monkeypatch):
    asked = []

    class Runner(DaliRunner):
        def __init__(self, *arguments, threads, **others):
            asked.append(threads)
            super().__init__(*arguments, threads=threads, **others)

    monkeypatch.setattr("videobert.video.decoders.dali.decoder.DaliRunner", Runner)
    path = made("vp9.webm", **KINDS["vp9.webm"])
    clips, info = read(path, decoder="dali", **options)
    assert (asked, info.decoder) == ([expected], "dali")
    assert all((a.frames == b.frames).all() for a, b in zip(clips, read(path, decoder="dali")[0], strict=True))


@pytest.mark.parametrize("wrap", [lambda data: data, io.BytesIO], ids=["bytes", "file object"])
def test_other_sources(factory, made, wrap):
    path = made("vp9.webm", **KINDS["vp9.webm"])
    clips, info = read(wrap(path.read_bytes()), decoder="dali")
    assert info.decoder == "dali"
    assert same_choice(factory, clips) == same_choice(factory, read(path)[0])


class Pipe(io.RawIOBase):
    """Readable once."""

    def __init__(self, data):
        self._data = io.BytesIO(data)

    def readable(self):
        return True

    def read(self, size=-1):
        return self._data.read(size)


def test_a_source_that_can_be_read_only_once(factory, made):
    path = made("vp9.webm", **KINDS["vp9.webm"])
    clips, info = read(Pipe(path.read_bytes()), decoder="dali")
    assert info.decoder == "pyav"
    assert "only once" in info.decoder_fallback
    assert same_choice(factory, clips) == same_choice(factory, read(path)[0])


def test_a_pipe_is_not_opened_a_second_time(made, tmp_path):
    """It would wait for a writer that never comes."""
    content = made("vp9.webm", **KINDS["vp9.webm"]).read_bytes()
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(content,))
    writer.start()
    clips, info = read(tmp_path / "pipe", decoder="dali")
    writer.join()
    assert len(clips) == len(read(content)[0])
    assert info.decoder == "pyav"
    assert "only once" in info.decoder_fallback


def test_numpy_frames_need_no_decoder(factory):
    pairs = [(factory.picture(n), n / 20) for n in range(10)]
    clips, info = read(iter(pairs), decoder="dali")
    assert (len(clips), info.decoder, info.decoder_fallback) == (1, "none", None)


def test_files_that_are_no_video_fail_as_with_pyav(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video at all" * 100)
    with pytest.raises(DecodeError, match="not a video file"):
        open_clips(tmp_path / "a.mp4", RECIPE, decoder="dali")
    with pytest.raises(InputError, match="no such"):
        open_clips(tmp_path / "b.mp4", RECIPE, decoder="dali")


def test_limits(made, factory, tmp_path):
    path = made("vp9.webm", **KINDS["vp9.webm"])
    with pytest.raises(LimitExceeded, match="max_duration_s"):
        read(path, decoder="dali", limits=Limits(max_duration_s=2))
    with pytest.raises(LimitExceeded, match="max_side_px"):
        read(path, decoder="dali", limits=Limits(max_side_px=150))
    thin = factory.write_clip(
        tmp_path / "a.avi", **MJPEG, size=(2000, 16), ticks=range(2), frames=[np.zeros((16, 2000, 3), np.uint8)] * 2
    )
    with pytest.raises(LimitExceeded, match="long and thin"):
        read(thin, decoder="dali", limits=Limits(max_side_px=2000))


def test_cancel_and_close(made):
    path = made("vp9.webm", **KINDS["vp9.webm"])
    cancel = threading.Event()
    with open_clips(path, RECIPE, decoder="dali", cancel=cancel) as stream:
        next(stream)
        cancel.set()
        with pytest.raises(Cancelled):
            list(stream)
    stream = open_clips(path, RECIPE, decoder="dali")
    next(stream)
    stream.close()
    stream.close()
    with pytest.raises(StopIteration):
        next(stream)


def test_streams_in_several_threads(factory, made):
    path = made("vp9.webm", **KINDS["vp9.webm"])
    expected, found = same_choice(factory, read(path)[0]), []
    threads = [
        threading.Thread(target=lambda: found.append(same_choice(factory, read(path, decoder="dali")[0])))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_size_changes_in_mid_stream(factory, tmp_path):
    """Motion JPEG of two sizes in one file: the first is DALI's, the rest falls to PyAV, with the same frames."""
    one = factory.write_clip(tmp_path / "a.avi", **MJPEG, ticks=range(20))
    two = factory.write_clip(tmp_path / "b.avi", **MJPEG, ticks=range(20), size=(320, 240))
    path = tmp_path / "c.mkv"
    with av.open(str(one)) as a, av.open(str(two)) as b, av.open(str(path), "w") as output:
        copy = output.add_stream_from_template(a.streams.video[0], opaque=True)
        for number, packet in enumerate([*a.demux(video=0), *b.demux(video=0)]):
            if packet.size:
                new = av.Packet(bytes(packet))
                new.stream, new.time_base, new.is_keyframe = copy, F(1, 1000), True
                new.pts = new.dts = number * 40
                new.duration = 40
                output.mux(new)
    expected, theirs = read(path)
    assert theirs.size_changes == 1
    clips, info = read(path, decoder="dali")
    assert same_choice(factory, clips) == same_choice(factory, expected)
    assert info.decoder == "pyav"


def test_what_a_recipe_of_version_2_does_to_pictures_is_left_to_pyav(factory, tmp_path):
    kind = {**MJPEG, "ticks": range(10)}
    path = factory.write_clip(tmp_path / "a.mp4", **kind, sample_aspect_ratio=F(4, 3))
    applied = RECIPE.replace(version=2, sample_aspect="apply", transfer="tone-map-bt709", fields="top")
    _, info = read(path, applied, decoder="dali")
    assert (info.decoder, info.adjusted) == ("pyav", ("sample aspect 4:3",))
    assert info.decoder_fallback == "dali: the recipe asks for a sample aspect of 4/3 to be applied"
    _, info = read(path, RECIPE, decoder="dali")
    assert (info.decoder, info.adjusted) == ("dali", ())
    # Nothing is done to film that is square, progressive and not HDR: DALI decodes it.
    clips, info = read(factory.write_clip(tmp_path / "b.mp4", **kind), applied, decoder="dali")
    assert (info.decoder, info.decoder_fallback) == ("dali", None)
    assert len(clips) == 1
