"""Which way up a frame is shown, whatever says so and whatever else the frame carries."""

from __future__ import annotations

import io
import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.picture.orientation import UPRIGHT, Orientation, turned

RECIPE = Recipe(frames=4, short_side=64, crop=64)

# By the value of the Exif tag: how an upright picture is stored, and what `VideoInfo` is to say of it.
STORED = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: np.rot90(p, 2).swapaxes(0, 1),
    8: lambda p: np.rot90(p, -1),
}
TURNS = {1: (0, False), 2: (0, True), 3: (180, False), 4: (180, True), 5: (270, True), 6: (90, False), 7: (90, True)}
TURNS[8] = (270, False)


def exif(orientation, order="<"):
    """An APP1 segment with the orientation and nothing else."""
    tiff = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    tiff += struct.pack(f"{order}HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    return segment(b"Exif\0\0" + tiff)


def segment(content):
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def jpeg(rgb, extra=b""):
    """A JPEG with further segments behind its first marker."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.height, encoder.width = rgb.shape[:2]
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    data = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
    return data[:2] + extra + data[2:]


def write_jpegs(path, pictures, container=None):
    """Motion JPEG of finished pictures, 25 a second."""
    with av.open(io.BytesIO(pictures[0])) as one:
        template = one.streams.video[0]
        size = template.width, template.height
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream("mjpeg", rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p"
        for number, data in enumerate(pictures):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = number
            packet.duration, packet.is_keyframe = 1, True
            output.mux(packet)
    return path


def shown(factory, path):
    with open_clips(path, RECIPE) as stream:
        return [factory.number_of(square) for clip in stream for square in clip.frames], stream.info


@pytest.mark.parametrize("name", ["a.mov", "a.avi", "a.mkv", "a.mjpeg"])
@pytest.mark.parametrize("orientation", STORED)
def test_motion_jpeg_with_an_exif_orientation(factory, tmp_path, orientation, name):
    pictures = [jpeg(STORED[orientation](factory.picture(n)), exif(orientation)) for n in range(4)]
    numbers, info = shown(factory, write_jpegs(tmp_path / name, pictures))
    assert numbers == [0, 1, 2, 3]
    assert (info.rotation, info.mirrored) == TURNS[orientation]
    assert (info.width, info.height) == ((120, 160) if orientation > 4 else (160, 120)), "as stored"


def test_exif_in_the_other_byte_order(factory, tmp_path):
    pictures = [jpeg(STORED[6](factory.picture(n)), exif(6, ">")) for n in range(4)]
    assert shown(factory, write_jpegs(tmp_path / "a.mov", pictures))[0] == [0, 1, 2, 3]


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_frame_s_own_orientation_takes_the_place_of_the_container_s(factory, tmp_path, orientation):
    """As in FFmpeg and what plays with it: the two are not added."""
    pictures = [jpeg(STORED[orientation](factory.picture(n)), exif(orientation)) for n in range(4)]
    path = write_jpegs(tmp_path / "a.mov", pictures)
    factory.set_display_matrix(path, -1, 0, 0, -1)
    assert shown(factory, path)[0] == [0, 1, 2, 3]


def test_without_an_orientation_in_it_exif_leaves_the_container_s(factory, tmp_path):
    empty = segment(b"Exif\0\0II*\0" + struct.pack("<IHI", 8, 0, 0))
    pictures = [jpeg(STORED[3](factory.picture(n)), empty) for n in range(4)]
    path = write_jpegs(tmp_path / "a.mov", pictures)
    factory.set_display_matrix(path, -1, 0, 0, -1)
    assert shown(factory, path)[0] == [0, 1, 2, 3]


DAMAGED = {
    "an orientation that does not exist": exif(9),
    "no orientation": exif(0),
    "cut after its head": segment(b"Exif\0\0II*\0"),
    "no byte order": segment(b"Exif\0\0" + b"\xff" * 24),
    "an offset beyond its end": segment(b"Exif\0\0II*\0" + struct.pack("<I", 1 << 30)),
    "more entries than it has": segment(b"Exif\0\0II*\0" + struct.pack("<IH", 8, 60000) + bytes(12)),
    "a directory that is its own successor": exif(1)[:-4] + struct.pack("<I", 8),
    "empty": segment(b"Exif\0\0"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_exif_is_no_harm(factory, tmp_path, damage):
    pictures = [jpeg(factory.picture(n), DAMAGED[damage]) for n in range(4)]
    numbers, info = shown(factory, write_jpegs(tmp_path / "a.mov", pictures))
    assert numbers == [0, 1, 2, 3]
    assert (info.rotation, info.mirrored, info.damaged_frames) == (0, False, 0)


def test_each_frame_has_its_own_orientation(factory, tmp_path):
    """2 and 3 turn by the same angle; only the mirror tells them apart."""
    order = [1, 2, 3, 4, 2, 1, 4, 3]
    pictures = [jpeg(STORED[o](factory.picture(n)), exif(o)) for n, o in enumerate(order)]
    path = write_jpegs(tmp_path / "a.mov", pictures)
    recipe = RECIPE.replace(fps=25)
    with open_clips(path, recipe) as stream:
        assert [factory.number_of(square) for clip in stream for square in clip.frames] == list(range(8))


def test_where_no_filter_helps_the_angle_is_known(factory, tmp_path, monkeypatch):
    """PyAV names no Exif; the day FFmpeg numbers its kinds beyond what is looked at, pictures still stand upright."""
    pictures = [jpeg(STORED[6](factory.picture(n)), exif(6)) for n in range(4)]
    path = write_jpegs(tmp_path / "a.mov", pictures)
    with av.open(str(path)) as container, pytest.raises(ValueError, match="not a valid Type"):
        _ = next(container.decode(video=0)).side_data
    monkeypatch.setattr("videobert.video.picture.display_matrix._KINDS", 0)
    assert shown(factory, path)[0] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [
        (0, UPRIGHT),
        (-90, Orientation(swap=True, flip_x=True)),
        (90, Orientation(swap=True, flip_y=True)),
        (180, Orientation(flip_x=True, flip_y=True)),
        (-180, Orientation(flip_x=True, flip_y=True)),
        (-87, Orientation(swap=True, flip_x=True)),
    ],
)
def test_angles(degrees, expected):
    assert turned(degrees) == expected
    assert not expected.mirrored
