"""Which of several video tracks is read: the one that a player would show, or the one asked for."""

from __future__ import annotations

import io
import os
from fractions import Fraction

import av
import numpy as np
import pytest

from videobert.base.errors import DecodeError, InputError, UsageError
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.source.frame_array import FrameArray

RECIPE = Recipe(frames=4, fps=25, short_side=64, crop=64)
BASE = Fraction(1, 25)
SEGMENT, TRACKS, TRACK, ENABLED, DEFAULT = 0x18538067, 0x1654AE6B, 0xAE, 0xB9, 0x88
# The first picture of a track, so that its frames say which track they are of.
FIRST = 1000


def write_tracks(factory, path, lengths, *, codecs=None, dispositions=None, sound=False, sizes=None, muxer=None):
    """Tracks of so many frames at 25 a second, packets of all in order of time; track t shows 1000 t, 1000 t + 1, …"""
    codecs = codecs or ["libx264"] * len(lengths)
    packets = []
    with av.open(str(path), "w", options=muxer or {}) as output:
        if sound:
            packets += silence(output)
        for track, (length, codec) in enumerate(zip(lengths, codecs, strict=True)):
            stream = output.add_stream(codec, rate=25)
            stream.width, stream.height = sizes[track] if sizes else (160, 120)
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            if dispositions:
                stream.disposition = dispositions[track]
            for number in range(length):
                rgb = factory.picture(FIRST * track + number, stream.width, stream.height)
                frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=stream.pix_fmt)
                frame.pts, frame.time_base = number, BASE
                packets += stream.encode(frame)
            packets += stream.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            output.mux(packet)
    return path


def silence(output):
    stream = output.add_stream("aac", rate=16000, layout="mono")
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
    frame.rate, frame.pts = 16000, 0
    return [*stream.encode(frame), *stream.encode(None)]


def read(factory, source, track=None):
    """Which track the pictures are of, how many there were, and what the stream says."""
    with open_clips(source, RECIPE, track=track) as stream:
        numbers = [factory.number_of(square) for clip in stream for square in clip.frames]
        info = stream.info
    (shown,) = {number // FIRST for number in numbers}
    assert numbers[0] == FIRST * shown
    return shown, info.frames_decoded, info


class OneWay:
    def __init__(self, data):
        self.read = io.BytesIO(data).read


def every_way(path):
    return path, path.read_bytes(), io.BytesIO(path.read_bytes())


# --- MP4 and QuickTime ---


@pytest.mark.parametrize("name", ["a.mov", "a.mp4"])
@pytest.mark.parametrize("enabled", [True, False])
def test_pictures_of_chapters_are_not_the_film(factory, editor, tmp_path, name, enabled):
    path = write_tracks(factory, tmp_path / name, [3, 12], codecs=["mjpeg", "libx264"])
    editor.add_chapters(path, of=1, held_by=[1])
    editor.set_enabled(path, 0, True)
    editor.set_enabled(path, 1, enabled)
    for source in every_way(path):
        shown, frames, info = read(factory, source)
        assert (shown, frames, info.codec, info.end_s) == (1, 12, "h264", pytest.approx(0.48))
        assert (info.track, info.tracks) == (1, 2)
    shown, frames, info = read(factory, path, track=0)
    assert (shown, frames, info.codec, info.track) == (0, 3, "mjpeg", 0)


def test_chapters_of_a_stream_that_is_read_once(factory, editor, tmp_path):
    path = write_tracks(factory, tmp_path / "a.mov", [3, 12], codecs=["mjpeg", "libx264"])
    editor.add_chapters(path, of=1, held_by=[1])
    with av.open(str(path)) as film, av.open(str(tmp_path / "b.mov"), "w", options={"movflags": "faststart"}) as output:
        copies = {stream.index: output.add_stream_from_template(stream) for stream in film.streams.video}
        for packet in film.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                output.mux(packet)
    data = (tmp_path / "b.mov").read_bytes()
    # Boxes grow in front of the film's data: its places move by as much.
    grown = _with_chapters_in_front(editor, data)
    assert read(factory, OneWay(grown))[2].track == 1
    assert read(factory, grown)[2].track == 1


def _with_chapters_in_front(editor, data):
    reference = editor.box(b"tref", editor.box(b"chap", (1).to_bytes(4)))
    (kind, header), *rest = [item for item in editor.boxes(data) if item[0] != b"ftyp"]
    assert kind == b"moov"
    tracks = 0
    parts = []
    for kind, content in editor.boxes(header):
        tracks += kind == b"trak"
        content = content + reference if kind == b"trak" and tracks == 2 else content
        parts.append(editor.box(kind, _moved(editor, content, len(reference)) if kind == b"trak" else content))
    head = editor.box(b"ftyp", dict(editor.boxes(data))[b"ftyp"])
    return b"".join([head, editor.box(b"moov", *parts), *(editor.box(kind, content) for kind, content in rest)])


def _moved(editor, track, by):
    at = track.index(b"stco") + 12
    for entry in range(int.from_bytes(track[at - 4 : at])):
        place = at + 4 * entry
        moved = int.from_bytes(track[place : place + 4]) + by
        track = track[:place] + moved.to_bytes(4) + track[place + 4 :]
    return track


def test_sound_with_chapter_pictures_has_no_video(factory, editor, tmp_path):
    path = write_tracks(factory, tmp_path / "a.mov", [3], codecs=["mjpeg"], sound=True)
    editor.add_chapters(path, of=0, held_by=[2])
    for source in every_way(path):
        with pytest.raises(DecodeError, match="no video in this file; got audio, pictures beside only"):
            open_clips(source, RECIPE)
    assert read(factory, path, track=0)[2].tracks == 1, "who asks for them gets them"


def test_a_reference_to_nothing_is_no_harm(factory, editor, tmp_path):
    path = write_tracks(factory, tmp_path / "a.mov", [5])
    editor.add_chapters(path, of=0, held_by=[0, 9, 0xFFFFFFFF])
    assert read(factory, path)[:2] == (0, 5)


@pytest.mark.parametrize("first", [True, False])
def test_the_transparency_of_another_track_is_not_the_film(factory, editor, tmp_path, first):
    """As in an animated AVIF with alpha: a track of the same kind, told by its handler alone."""
    path = write_tracks(factory, tmp_path / "alpha.mp4", [6, 6])
    alpha = 0 if first else 1
    way = [b"moov", b"trak", b"mdia", b"hdlr"]
    editor.edit_boxes(path, way, lambda handler: handler[:8] + b"auxv" + handler[12:], alpha)
    editor.set_enabled(path, 1 - alpha, False)
    for source in every_way(path):
        shown, decoded, info = read(factory, source)
        assert (shown, decoded, info.track, info.tracks) == (1 - alpha, 6, 1 - alpha, 2)
    assert read(factory, path, track=alpha)[0] == alpha


def test_a_disabled_track_is_passed_over(factory, editor, tmp_path):
    path = write_tracks(factory, tmp_path / "a.mp4", [8, 6, 7])
    for enabled, expected in [((0, 1, 1), 1), ((0, 0, 1), 2), ((1, 1, 1), 0), ((0, 0, 0), 0)]:
        for track, on in enumerate(enabled):
            editor.set_enabled(path, track, bool(on))
        shown, frames, info = read(factory, path)
        assert (shown, frames) == (expected, (8, 6, 7)[expected])
        assert (info.track, info.tracks) == (expected, 3)
        assert read(factory, path, track=0)[:2] == (0, 8)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "fragments.mp4", "a.ts"])
def test_one_picture_in_front_of_a_film(factory, tmp_path, name):
    """A "motion photo": FFmpeg's muxers enable the first track alone."""
    muxer = {"movflags": "frag_keyframe+empty_moov"} if name.startswith("frag") else None
    path = write_tracks(factory, tmp_path / name, [1, 12], sizes=[(320, 240), (160, 120)], muxer=muxer)
    once = [OneWay(path.read_bytes())] if name in ("a.mkv", "fragments.mp4", "a.ts") else []
    for source in [*every_way(path), *once]:
        shown, frames, info = read(factory, source)
        assert (shown, frames, info.track, info.tracks) == (1, 12, 1, 2)
    assert read(factory, path, track=0)[:2] == (0, 1)


def test_cover_pictures_are_no_tracks(factory, tmp_path):
    path = write_tracks(
        factory,
        tmp_path / "a.mp4",
        [1, 6],
        codecs=["mjpeg", "libx264"],
        dispositions=[av.stream.Disposition.attached_pic, av.stream.Disposition.default],
    )
    shown, frames, info = read(factory, path)
    assert (shown, frames, info.track, info.tracks) == (1, 6, 0, 1)
    with pytest.raises(InputError, match="no video track with that number"):
        open_clips(path, RECIPE, track=1)


# --- Matroska, WebM, transport streams ---


def set_flag(editor, path, track, flag, value):
    editor.edit_elements(
        path,
        [SEGMENT, TRACKS, TRACK],
        lambda content: (
            b"".join(editor.element(*field) for field in editor.elements(content) if field[0] != flag)
            + editor.element(flag, value)
        ),
        track,
    )


@pytest.mark.parametrize("name", ["a.mkv", "a.webm"])
def test_flags_of_matroska(factory, editor, tmp_path, name):
    codecs = ["libvpx-vp9"] * 3 if name == "a.webm" else None
    path = write_tracks(factory, tmp_path / name, [8, 6, 7], codecs=codecs)
    cases = [
        ((1, 1, 1), (1, 1, 1), 0),
        ((0, 1, 1), (1, 1, 1), 1),
        ((1, 1, 1), (0, 0, 1), 2),
        ((1, 0, 1), (0, 1, 1), 2),
        ((0, 0, 0), (0, 0, 0), 0),
    ]
    for enabled, default, expected in cases:
        for track in range(3):
            set_flag(editor, path, track, ENABLED, enabled[track])
            set_flag(editor, path, track, DEFAULT, default[track])
        for source in [*every_way(path), OneWay(path.read_bytes())]:
            shown, frames, info = read(factory, source)
            assert (shown, frames, info.track, info.tracks) == (expected, (8, 6, 7)[expected], expected, 3)


def test_packets_read_ahead_are_shown_once(factory, tmp_path):
    """Which tracks have one picture only is found out by reading; a pipe cannot go back."""
    path = write_tracks(factory, tmp_path / "a.mkv", [1, 60], sizes=[(320, 240), (160, 120)])
    with open_clips(OneWay(path.read_bytes()), RECIPE) as stream:
        numbers = [factory.number_of(square) for clip in stream for square in clip.frames]
        assert stream.info.frames_decoded == 60
    assert numbers == list(range(FIRST, FIRST + 60))


def test_programs_of_a_broadcast(factory, tmp_path):
    path = write_tracks(factory, tmp_path / "a.ts", [8, 6])
    for track, frames in ((None, 8), (0, 8), (1, 6)):
        shown, decoded, info = read(factory, path, track)
        assert (shown, decoded, info.track, info.tracks) == (track or 0, frames, track or 0, 2)


# --- asking ---


def test_a_wrong_number_names_the_tracks(factory, tmp_path):
    path = write_tracks(factory, tmp_path / "a.mp4", [3, 12], codecs=["mjpeg", "libx264"])
    with pytest.raises(InputError, match="no video track with that number; got 2") as caught:
        open_clips(path, RECIPE, track=2)
    assert caught.value.allowed == "0: mjpeg 160x120, 3 frames, 0.1 s; 1: h264 160x120, 12 frames, 0.5 s"
    assert "--track" in caught.value.fix_cli
    assert caught.value.exit_code == 3
    assert str(path) not in {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}


@pytest.mark.parametrize("track", [-1, True, 1.0, "1"])
def test_what_is_no_number_of_a_track(factory, tmp_path, track):
    path = write_tracks(factory, tmp_path / "a.mp4", [3])
    with pytest.raises(UsageError, match="track is out of range"):
        open_clips(path, RECIPE, track=track)


def test_numpy_frames_are_one_track(factory):
    frames = FrameArray(factory.picture(0)[None], [0.0])
    assert len(list(open_clips(frames, RECIPE, track=0))) == 1
    assert open_clips(frames, RECIPE).info.tracks == 1
    with pytest.raises(InputError, match="numpy frames are one track"):
        open_clips(frames, RECIPE, track=1)
