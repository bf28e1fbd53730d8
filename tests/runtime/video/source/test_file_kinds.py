"""Still pictures and sound are said to be what they are; animated pictures are films."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest

from videobert.base.errors import DecodeError
from videobert.model.folder import find
from videobert.model.recipe import Recipe
from videobert.runtime import load
from videobert.video.open import open_clips
from videobert.video.source.file_kinds import HEAD_BYTES, picture_format, saved_kind, sound_format
from videobert.video.source.frame_array import FrameArray

RECIPE = Recipe(frames=5, fps=25, short_side=64, crop=64)
# Encoder, pixel format and muxer of each kind of picture.
STILL = {
    "PNG": ("png", "rgb24", "image2"),
    "JPEG": ("mjpeg", "yuvj420p", "image2"),
    "WebP": ("libwebp", "bgra", "webp"),
    "AVIF": ("libsvtav1", "yuv420p", "avif"),
    "GIF": ("gif", "rgb8", "gif"),
    "BMP": ("bmp", "bgr24", "image2"),
    "TIFF or raw": ("tiff", "rgb24", "image2"),
    "QOI": ("qoi", "rgb24", "image2"),
    "JPEG 2000": ("jpeg2000", "rgb24", "image2"),
    "portable pixmap": ("ppm", "rgb24", "image2"),
}
ANIMATED = {
    "GIF": ("gif", "rgb8", "gif", "gif"),
    "PNG": ("apng", "rgb24", "apng", "apng"),
    "AVIF": ("libsvtav1", "yuv420p", "avif", "mov"),
}
SUFFIXES = {"image2": "img", "gif": "gif", "webp": "webp", "avif": "avif", "apng": "png"}


def write(factory, folder, coder, frames):
    codec, pixel_format, muxer = coder[:3]
    path = folder / f"a.{SUFFIXES[muxer]}"
    options = {"update": "1"} if muxer == "image2" else None
    factory.write_clip(
        path, codec=codec, pixel_format=pixel_format, ticks=range(frames), container=muxer, muxer=options
    )
    return path.read_bytes()


class OneWay:
    def __init__(self, data):
        self.read = io.BytesIO(data).read


def every_way(data, folder, names):
    for name in names:
        (folder / name).write_bytes(data)
    return [*(folder / name for name in names), data, io.BytesIO(data), OneWay(data)]


def refused(source):
    with pytest.raises(DecodeError, match="this is a picture, not a video") as caught:
        open_clips(source, RECIPE)
    assert "FrameArray" in caught.value.fix
    return caught.value.seen


@pytest.mark.parametrize("kind", STILL)
def test_a_still_picture_is_refused_as_one(factory, tmp_path, kind):
    data = write(factory, tmp_path, STILL[kind], 1)
    for source in every_way(data, tmp_path, ["picture", "picture.mp4", f"picture.{kind.lower()[:4]}"]):
        assert f"({kind})" in refused(source)


def test_the_advice_works(factory):
    (clip,) = open_clips(FrameArray(factory.picture(7)[None], [0.0]), RECIPE)
    assert factory.number_of(clip.frames[0]) == 7


@pytest.mark.parametrize("kind", ANIMATED)
def test_an_animated_picture_is_a_film(factory, tmp_path, kind):
    *coder, container = ANIMATED[kind]
    data = write(factory, tmp_path, coder, 20)
    sources = every_way(data, tmp_path, ["film", f"film.{coder[2]}"])
    # The still picture of an AVIF lies in front, and its track's table behind: a pipe cannot go back.
    for source in sources[:-1] if kind == "AVIF" else sources:
        with open_clips(source, RECIPE) as stream:
            numbers = [factory.number_of(square) for clip in stream for square in clip.frames]
            info = stream.info
        assert numbers == list(range(20))
        assert (info.container, info.frames_decoded, info.tracks) == (container, 20, 1)
        assert info.end_s == pytest.approx(0.8, abs=0.05), "a GIF counts hundredths of a second"


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm", "a.avi", "a.ts"])
def test_a_video_of_one_frame_is_a_film(factory, tmp_path, name):
    codec = "libvpx-vp9" if name == "a.webm" else "libx264"
    path = factory.write_clip(tmp_path / name, codec=codec, ticks=[0])
    with open_clips(path, RECIPE) as stream:
        assert [factory.number_of(square) for clip in stream for square in clip.frames] == [0] * 5
        assert stream.info.frames_decoded == 1


# --- files of the still picture format of MPEG ---


def heif(editor, tiles, brand=b"avif", moov=b""):
    """A picture of one item, or of a grid of items, as far as a demuxer reads it; no picture is behind it."""
    grid = tiles > 1
    last = tiles + grid
    entries = [
        editor.box(b"infe", bytes([2, 0, 0, 0]), struct.pack(">HH", item, 0), b"av01", b"\0")
        for item in range(1, tiles + 1)
    ]
    if grid:
        entries.append(editor.box(b"infe", bytes([2, 0, 0, 0]), struct.pack(">HH", last, 0), b"grid", b"\0"))
    places = b"".join(struct.pack(">HHHHII", item, 1 if item > tiles else 0, 0, 1, 0, 8) for item in range(1, last + 1))
    meta = editor.box(
        b"meta",
        bytes(4),
        editor.box(b"hdlr", bytes(8), b"pict", bytes(13)),
        editor.box(b"pitm", bytes(4), struct.pack(">H", last)),
        editor.box(b"iloc", bytes([1, 0, 0, 0, 0x44, 0]), struct.pack(">H", last), places),
        editor.box(b"iinf", bytes(4), struct.pack(">H", last), *entries),
        editor.box(
            b"iprp",
            editor.box(b"ipco", editor.box(b"ispe", bytes(4), struct.pack(">II", 64, 64))),
            editor.box(
                b"ipma",
                bytes(4),
                struct.pack(">I", last),
                *(struct.pack(">HBB", item, 1, 1) for item in range(1, last + 1)),
            ),
        ),
        editor.box(b"idat", bytes([0, 0, 0, tiles - 1]) + struct.pack(">HH", 64 * tiles, 64)),
        editor.box(b"iref", bytes(4), editor.box(b"dimg", struct.pack(f">HH{tiles}H", last, tiles, *range(1, last))))
        if grid
        else b"",
    )
    head = editor.box(b"ftyp", brand, bytes(4), b"mif1", brand)
    return head + meta + moov + editor.box(b"mdat", bytes(64))


@pytest.mark.parametrize("brand", [b"avif", b"heic", b"mif1"])
@pytest.mark.parametrize("tiles", [1, 4])
def test_pictures_without_a_track(editor, tmp_path, tiles, brand):
    for source in every_way(heif(editor, tiles, brand), tmp_path, ["picture"]):
        refused(source)


def test_tiles_beside_a_film_are_not_read(factory, editor, tmp_path):
    film = factory.write_clip(tmp_path / "a.mp4", ticks=range(6))
    parts = dict(editor.boxes(film.read_bytes()))
    # The film's data keeps its place; the picture's table stands behind it.
    picture = dict(editor.boxes(heif(editor, 4)))[b"meta"]
    film.write_bytes(film.read_bytes() + editor.box(b"meta", picture))
    assert b"moov" in parts
    with open_clips(film, RECIPE) as stream:
        assert len([square for clip in stream for square in clip.frames]) == 10
        assert (stream.info.frames_decoded, stream.info.tracks, stream.info.codec) == (6, 1, "h264")


def test_a_camera_s_raw_picture_has_tracks_and_is_a_picture(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.mp4", ticks=range(3))
    data = path.read_bytes()
    path.write_bytes(data[:8] + b"crx " + data[12:])
    assert "Canon raw" in refused(path)


# --- JPEG ---


def jpegs(factory, tmp_path, count, views=False):
    """Motion JPEG, or one picture in several views: what CIPA DC-007 adds behind the first marker."""
    path = factory.write_clip(
        tmp_path / "a.mjpeg", codec="mjpeg", pixel_format="yuvj420p", ticks=range(count), container="mjpeg"
    )
    data = path.read_bytes()
    return data[:2] + b"\xff\xe2" + struct.pack(">H", 14) + b"MPF\0MM\0*\0\0\0\x08" + data[2:] if views else data


def test_motion_jpeg_is_a_film(factory, tmp_path):
    for source in every_way(jpegs(factory, tmp_path, 2), tmp_path, ["film", "film.mjpeg"]):
        with open_clips(source, RECIPE) as stream:
            list(stream)
            assert stream.info.frames_decoded == 2


def test_several_views_of_one_picture_are_a_picture(factory, tmp_path):
    for source in every_way(jpegs(factory, tmp_path, 2, views=True), tmp_path, ["picture", "a.mpo", "a.jpg"]):
        assert "JPEG" in refused(source)
    with pytest.raises(DecodeError, match="picture"):
        open_clips(jpegs(factory, tmp_path, 2, views=True), RECIPE, track=0)


def test_a_photo_with_a_film_behind_it_is_a_picture(factory, tmp_path):
    film = factory.write_clip(tmp_path / "a.mp4", ticks=range(6)).read_bytes()
    data = jpegs(factory, tmp_path, 1) + film
    for source in every_way(data, tmp_path, ["picture", "photo.jpg"]):
        assert "JPEG" in refused(source)


# --- telling by the first bytes ---


def test_animated_webp_is_named(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.webp", codec="libwebp_anim", pixel_format="bgra", ticks=range(5))
    for source in every_way(path.read_bytes(), tmp_path, ["picture", "a.webp"]):
        with pytest.raises(DecodeError, match="an animated picture of a kind that is not read") as caught:
            open_clips(source, RECIPE)
        assert "(animated WebP)" in caught.value.seen


@pytest.mark.parametrize(
    ("name", "codec", "rate", "kind"),
    [
        ("a.wav", "pcm_s16le", 16000, "WAV"),
        ("a.mp3", "libmp3lame", 16000, "MP3"),
        ("a.flac", "flac", 16000, "FLAC"),
        ("a.aac", "aac", 16000, "AAC"),
        ("a.aiff", "pcm_s16be", 16000, "AIFF"),
        ("a.au", "pcm_s16be", 16000, "AU"),
        ("a.ac3", "ac3", 48000, "AC-3"),
        ("a.wv", "wavpack", 16000, "WavPack"),
        ("a.caf", "pcm_s16be", 16000, "CAF"),
    ],
)
def test_sound_is_said_to_be_sound(tmp_path, name, codec, rate, kind):
    path = write_sound(tmp_path / name, codec, rate)
    for source in every_way(path.read_bytes(), tmp_path, ["sound", name]):
        with pytest.raises(DecodeError, match="this is sound; there is no video in this file") as caught:
            open_clips(source, RECIPE)
        assert f"({kind})" in caught.value.seen


@pytest.mark.parametrize(("name", "codec", "rate"), [("a.m4a", "aac", 16000), ("a.ogg", "libopus", 48000)])
def test_sound_in_a_container_of_films(tmp_path, name, codec, rate):
    with pytest.raises(DecodeError, match="no video in this file; got audio only"):
        open_clips(write_sound(tmp_path / name, codec, rate), RECIPE)


def write_sound(path, codec, rate):
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, rate // 2), np.int16), "s16", "mono")
        frame.rate = rate
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.codec_context.frame_size)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    "head", [b"", b"\0" * 40, b"hello", b"BM but a text", b"P and Q", b"ID cards", b"<html><svg>", b"RIFF"]
)
def test_other_files_are_neither(head):
    assert picture_format(head) is None
    assert sound_format(head) is None
    assert saved_kind(head) is None


def test_what_was_saved_of_a_video_is_named_as_that(tmp_path):
    with load("shapes") as model:
        clip = find("shapes") / "clip.mp4"
        model.tokens(clip).save(tmp_path / "a.vbt")
        model.features(clip).save(tmp_path / "a.vbf")
    for name, kind in (("a.vbt", "tokens"), ("a.vbf", "features")):
        data = (tmp_path / name).read_bytes()
        assert saved_kind(data[:HEAD_BYTES]) == kind
        for source in (tmp_path / name, io.BytesIO(data), data):
            with pytest.raises(DecodeError, match=f"these are saved {kind}.*Name the video that the {kind} were made"):
                open_clips(source, Recipe())


@pytest.mark.parametrize("text", [b"<svg>", b'<?xml version="1.0"?>\n<!-- by hand -->\n<svg width="1">'])
def test_drawings(text):
    assert picture_format(text) == "SVG"
