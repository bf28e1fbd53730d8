"""Which track and which part of the picture is read does not depend on what decodes."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from videobert.base.errors import InputError
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips

pytestmark = pytest.mark.usefixtures("dali")

RECIPE = Recipe(frames=10, fps=25)
SEGMENT, TRACKS, TRACK, VIDEO, CROP_TOP = 0x18538067, 0x1654AE6B, 0xAE, 0xE0, 0x54BB
SECOND = 1000


@pytest.fixture
def two_films(factory, tmp_path):
    """Track 0 of eight frames from 0 on, track 1, the default, of 30 from 1000 on."""
    path, packets = tmp_path / "a.webm", []
    with av.open(str(path), "w") as output:
        for first, count in ((0, 8), (SECOND, 30)):
            stream = output.add_stream("libvpx-vp9", rate=25)
            stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
            stream.disposition = av.stream.Disposition.default if first else av.stream.Disposition(0)
            for number in range(count):
                rgb = factory.picture(first + number)
                frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                packets += stream.encode(frame)
            packets += stream.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            output.mux(packet)
    return path


def read(factory, source, **options):
    with open_clips(source, RECIPE, **options) as stream:
        return [factory.number_of(square) for clip in stream for square in clip.frames], stream.info


@pytest.mark.parametrize(("track", "first", "count"), [(None, SECOND, 30), (0, 0, 8), (1, SECOND, 30)])
def test_dali_reads_the_same_track(factory, two_films, track, first, count):
    expected, theirs = read(factory, two_films, track=track)
    assert (expected[0], theirs.frames_decoded) == (first, count)
    for source in (two_films, two_films.read_bytes()):
        numbers, info = read(factory, source, decoder="dali", track=track)
        assert numbers == expected
        assert (info.decoder, info.track, info.tracks) == ("dali", theirs.track, 2)


def test_where_pyav_steps_in_it_goes_on_with_the_same_track(factory, two_films, monkeypatch):
    def gives_up(*_):
        raise InexactIndex("enough")

    from videobert.video.decoders.dali.frame_index import InexactIndex

    monkeypatch.setattr("videobert.video.decoders.dali.decoder.index_frames", gives_up)
    numbers, info = read(factory, two_films, decoder="dali", track=0)
    assert (numbers[:8], info.decoder, info.decoder_fallback, info.track) == (list(range(8)), "pyav", "dali: enough", 0)


def test_a_wrong_track_is_said_before_dali_is_asked(two_films):
    with pytest.raises(InputError, match="no video track with that number"):
        open_clips(two_films, RECIPE, decoder="dali", track=2)


def test_what_the_container_crops_falls_to_pyav(factory, editor, tmp_path):
    frames = [factory.picture(number, 160, 200) for number in range(4)]
    path = factory.write_clip(tmp_path / "a.webm", codec="libvpx-vp9", size=(160, 200), ticks=range(4), frames=frames)
    top = editor.element(CROP_TOP, 80)
    editor.edit_elements(path, [SEGMENT, TRACKS, TRACK, VIDEO], lambda content: content + top)
    with open_clips(path, RECIPE) as one, open_clips(path, RECIPE, decoder="dali") as other:
        for a, b in zip(one, other, strict=True):
            assert (a.frames == b.frames).all()
        assert other.info.decoder_fallback == "dali: the container crops the picture"
        assert other.info.crop == (0, 80, 0, 0)


@pytest.mark.parametrize("orientation", [2, 6])
def test_an_exif_orientation(factory, tmp_path, orientation):
    """DALI's own decoders leave it to us."""
    upright = [factory.picture(number) for number in range(12)]
    stored = [picture[:, ::-1] if orientation == 2 else np.rot90(picture, 1) for picture in upright]
    size = stored[0].shape[1::-1]
    path = factory.write_clip(
        tmp_path / "a.mkv", codec="mjpeg", pixel_format="yuvj420p", size=size, ticks=range(12), frames=stored
    )
    tag = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    tagged = tmp_path / "b.mkv"
    with av.open(str(path)) as film, av.open(str(tagged), "w") as output:
        copy = output.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(video=0):
            if packet.size:
                data = bytes(packet)
                new = av.Packet(data[:2] + b"\xff\xe1" + struct.pack(">H", len(tag) + 2) + tag + data[2:])
                new.stream, new.time_base, new.is_keyframe = copy, packet.time_base, True
                new.pts, new.dts, new.duration = packet.pts, packet.dts, packet.duration
                output.mux(new)
    numbers, info = read(factory, tagged, decoder="dali")
    assert (numbers[:12], info.decoder) == (list(range(12)), "dali")
