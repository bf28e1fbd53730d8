"""What the container or the codec cuts off of a picture is never seen."""

from __future__ import annotations

import io
import struct

import av
import av.filter
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from av.video.frame import VideoFrame

from videobert.base.errors import DecodeError, LimitExceeded
from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.picture.crop import UNCROPPED, Crop, clean_aperture
from videobert.video.picture.pixel_layout import layout_of
from videobert.video.picture.plane_window import share
from videobert.video.picture.transform import PictureTransform
from videobert.video.source.matroska_header import matroska_notes

RECIPE = Recipe(frames=4, fps=25, short_side=64, crop=64)
SEGMENT, TRACKS, TRACK, VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0xE0
SIDES = {"left": 0x54CC, "top": 0x54BB, "right": 0x54DD, "bottom": 0x54AA}
FLOOR_DB = 48


def framed(factory, count, crop, size=(160, 120)):
    """Numbered pictures in a frame of noise, which must not be seen."""
    rng = np.random.default_rng(0)
    width, height = size[0] + crop.left + crop.right, size[1] + crop.top + crop.bottom
    for number in range(count):
        whole = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        whole[crop.top : crop.top + size[1], crop.left : crop.left + size[0]] = factory.picture(number, *size)
        yield whole


def write_framed(factory, path, crop, size=(160, 120), **options):
    whole = size[0] + crop.left + crop.right, size[1] + crop.top + crop.bottom
    return factory.write_clip(path, ticks=range(4), size=whole, frames=framed(factory, 4, crop, size), **options)


def aperture(crop, size=(160, 120)):
    """The numbers of a `clap` box."""
    return (*(size[0], 1, size[1], 1), *(crop.left - crop.right, 2, crop.top - crop.bottom, 2))


def numbers_of(factory, source, **options):
    with open_clips(source, RECIPE, **options) as stream:
        return [factory.number_of(square) for clip in stream for square in clip.frames], stream.info


class OneWay:
    def __init__(self, data):
        self.read = io.BytesIO(data).read


CROPS = [Crop(top=80), Crop(left=96), Crop(64, 30, 2, 50), Crop(8, 8, 8, 90), Crop(right=40), Crop(bottom=40)]


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
@pytest.mark.parametrize("crop", CROPS, ids=str)
def test_the_clean_aperture_of_mp4(factory, editor, tmp_path, crop, name):
    path = write_framed(factory, tmp_path / name, crop)
    assert numbers_of(factory, path)[0] != [0, 1, 2, 3], "without it the frame shows"
    editor.set_clean_aperture(path, aperture(crop))
    for source in (path, path.read_bytes()):
        numbers, info = numbers_of(factory, source)
        assert numbers == [0, 1, 2, 3]
        assert info.crop == (crop.left, crop.top, crop.right, crop.bottom)
        assert (info.width, info.height) == (160 + crop.left + crop.right, 120 + crop.top + crop.bottom), "as stored"
        assert info.crop_ignored is None


def test_the_clean_aperture_of_a_stream_that_is_read_once(factory, editor, tmp_path):
    crop = Crop(64, 30, 2, 50)
    path = write_framed(
        factory, tmp_path / "a.mp4", crop, muxer={"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    )
    editor.set_clean_aperture(path, aperture(crop))
    numbers, info = numbers_of(factory, OneWay(path.read_bytes()))
    assert (numbers, info.crop) == ([0, 1, 2, 3], (64, 30, 2, 50))


@pytest.mark.parametrize("name", ["a.mkv", "a.webm"])
@pytest.mark.parametrize("crop", CROPS, ids=str)
def test_the_crop_of_matroska(factory, editor, tmp_path, crop, name):
    codec = "libvpx-vp9" if name == "a.webm" else "libx264"
    path = write_framed(factory, tmp_path / name, crop, codec=codec)
    sides = b"".join(editor.element(id_, getattr(crop, side)) for side, id_ in SIDES.items())
    editor.edit_elements(path, [SEGMENT, TRACKS, TRACK, VIDEO], lambda content: content + sides)
    for source in (path, path.read_bytes(), OneWay(path.read_bytes())):
        numbers, info = numbers_of(factory, source)
        assert (numbers, info.crop) == ([0, 1, 2, 3], (crop.left, crop.top, crop.right, crop.bottom))


def test_tracks_of_matroska_that_stand_behind_the_film(factory, editor, tmp_path):
    """Only the index in front of the film says where they are."""
    crop = Crop(top=80)
    path = write_framed(factory, tmp_path / "a.mkv", crop)
    sides = editor.element(SIDES["top"], crop.top)
    editor.edit_elements(path, [SEGMENT, TRACKS, TRACK, VIDEO], lambda content: content + sides)
    (_, head), (_, segment) = editor.elements(path.read_bytes())
    parts = [editor.element(*part) for part in editor.elements(segment)]
    (tracks,) = [part for part in parts if part.startswith(TRACKS.to_bytes(4))]
    rest = b"".join(part for part in parts if part is not tracks)

    def index(position):
        seek = editor.element(0x53AB, TRACKS) + editor.element(0x53AC, position)
        return editor.element(0x114D9B74, editor.element(0x4DBB, seek))

    content = index(len(index(0)) + len(rest)) + rest + tracks
    path.write_bytes(editor.element(0x1A45DFA3, head) + editor.element(SEGMENT, content))
    numbers, info = numbers_of(factory, path)
    assert (numbers, info.crop) == ([0, 1, 2, 3], (0, 80, 0, 0))


@pytest.mark.parametrize("matrix", [(0, 1, -1, 0), (0, -1, 1, 0), (-1, 0, 0, -1), (-1, 0, 0, 1)], ids=str)
def test_what_is_cropped_is_turned_afterwards(factory, editor, tmp_path, matrix):
    a, b, c, d = matrix
    crop = Crop(64, 30, 2, 50)
    upright = [factory.picture(number) for number in range(4)]
    stored = [
        np.rot90(p, 1 if b > 0 else -1) if b else p[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1] for p in upright
    ]
    height, width = stored[0].shape[:2]
    frames = []
    for picture in stored:
        whole = np.random.default_rng(1).integers(0, 256, (height + 80, width + 66, 3), dtype=np.uint8)
        whole[30 : 30 + height, 64 : 64 + width] = picture
        frames.append(whole)
    path = factory.write_clip(tmp_path / "a.mp4", ticks=range(4), size=(width + 66, height + 80), frames=frames)
    factory.set_display_matrix(path, a, b, c, d)
    editor.set_clean_aperture(path, aperture(crop, (width, height)))
    assert numbers_of(factory, path)[0] == [0, 1, 2, 3]


# --- what the codec cuts off ---


@pytest.mark.parametrize(("codec", "bitstream"), [("libx264", "h264_metadata"), ("libx265", "hevc_metadata")])
@pytest.mark.parametrize("crop", [Crop(left=2), Crop(left=8, right=4), Crop(left=32, top=2), Crop(left=64)], ids=str)
def test_what_the_codec_cuts_off_at_the_left(factory, editor, tmp_path, codec, bitstream, crop):
    """FFmpeg leaves that out, and says nothing, where rows would begin at odd addresses: 2 to 62 pixels."""
    # No encoder adds anything of its own to a picture of this size.
    size = 192 - crop.left - crop.right, 128 - crop.top - crop.bottom
    path = write_framed(factory, tmp_path / "a.mkv", crop, size, codec=codec, options={"bf": "0"})
    cut = tmp_path / "b.mkv"
    with av.open(str(path)) as film, av.open(str(cut), "w") as output:
        stream = film.streams.video[0]
        copy = output.add_stream_from_template(stream)
        sides = ":".join(f"crop_{side}={getattr(crop, side)}" for side in SIDES)
        edit = BitStreamFilterContext(f"{bitstream}={sides}", stream, copy)
        for packet in film.demux(stream):
            for edited in edit.filter(packet if packet.size else None):
                edited.stream = copy
                output.mux(edited)
    numbers, info = numbers_of(factory, cut)
    assert (numbers, info.width, info.height, info.crop) == ([0, 1, 2, 3], *size, (0, 0, 0, 0))
    # The same crop in the container: the same bytes.
    elements = b"".join(editor.element(id_, getattr(crop, side)) for side, id_ in SIDES.items())
    editor.edit_elements(path, [SEGMENT, TRACKS, TRACK, VIDEO], lambda content: content + elements)
    with open_clips(cut, RECIPE) as one, open_clips(path, RECIPE) as other:
        for a, b in zip(one, other, strict=True):
            assert (a.frames == b.frames).all()


# --- what cannot be followed ---

ABSURD = {
    "larger than the picture": (162, 1, 120, 1, 0, 1, 0, 1),
    "beside the picture": (100, 1, 100, 1, 31, 1, 0, 1),
    "above the picture": (160, 1, 100, 1, 0, 1, -11, 1),
    "empty": (0, 1, 120, 1, 0, 1, 0, 1),
    "less than a pixel": (1, 100, 120, 1, 1, 3, 0, 1),
    "no denominator": (160, 0, 120, 1, 0, 1, 0, 1),
    "huge": (0xFFFFFFFF, 1, 0xFFFFFFFF, 1, 0x7FFFFFFF, 1, 0, 1),
    "far away": (100, 1, 100, 1, -0x80000000, 1, 0x7FFFFFFF, 1),
}


@pytest.mark.parametrize("kind", ABSURD)
def test_an_absurd_aperture_is_not_followed_and_said(factory, editor, tmp_path, kind):
    path = factory.write_clip(tmp_path / "a.mp4", ticks=range(4))
    editor.set_clean_aperture(path, ABSURD[kind])
    numbers, info = numbers_of(factory, path)
    assert (numbers, info.crop) == ([0, 1, 2, 3], (0, 0, 0, 0))
    assert "a clean aperture of" in info.crop_ignored
    assert str(ABSURD[kind][0]) in info.crop_ignored


@pytest.mark.parametrize("sides", [(80, 0, 80, 0), (0, 121, 0, 0), (0xFFFFFFFF, 0, 0, 0)], ids=str)
def test_an_absurd_crop_of_matroska(factory, editor, tmp_path, sides):
    """FFmpeg 8 refuses the file; a version that reads it leaves the crop to us."""
    path = factory.write_clip(tmp_path / "a.mkv", ticks=range(4))
    elements = b"".join(editor.element(id_, side) for id_, side in zip(SIDES.values(), sides, strict=True))
    editor.edit_elements(path, [SEGMENT, TRACKS, TRACK, VIDEO], lambda content: content + elements)
    data = path.read_bytes()
    (note,) = matroska_notes(io.BytesIO(data), len(data)).tracks
    assert note.crop == UNCROPPED
    assert note.crop_fault == f"{sides[0]}, {sides[1]}, {sides[2]} and {sides[3]} pixels off of 160x120"
    try:
        numbers, info = numbers_of(factory, path)
    except DecodeError:
        return
    assert (numbers, info.crop, info.crop_ignored) == ([0, 1, 2, 3], (0, 0, 0, 0), note.crop_fault)


def test_a_crop_that_the_pictures_do_not_hold(factory, editor, tmp_path):
    """The header may speak of a larger picture than the one that is stored."""
    path = factory.write_clip(tmp_path / "a.mkv", ticks=range(4))
    elements = editor.element(0xB0, 1000) + editor.element(SIDES["left"], 500)
    editor.edit_elements(
        path, [SEGMENT, TRACKS, TRACK, VIDEO], lambda content: elements + content[content.index(0xBA) :]
    )
    numbers, info = numbers_of(factory, path)
    assert (numbers, info.crop) == ([0, 1, 2, 3], (0, 0, 0, 0))
    assert "500, 0, 0 and 0 pixels off of 160x120" in info.crop_ignored


# --- numbers ---


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((160, 1, 120, 1, 0, 1, 0, 1), UNCROPPED),
        ((100, 1, 60, 1, 0, 1, 0, 1), Crop(30, 30, 30, 30)),
        ((100, 1, 60, 1, 10, 1, -30, 1), Crop(40, 0, 20, 60)),
        # An edge between two pixels: both edges go to the left, and the width is kept.
        ((99, 1, 60, 1, 0, 1, 0, 1), Crop(30, 30, 31, 30)),
        ((99, 1, 59, 1, 1, 2, -1, 2), Crop(31, 30, 30, 31)),
        ((200, 2, 60, 1, 0, 7, 0, 1), Crop(30, 30, 30, 30)),
        ((201, 2, 60, 1, 0, 1, 0, 1), Crop(29, 30, 30, 30)),
        ((160, 1, 120, 1, -1, 2, 0, 1), Crop(0, 0, 1, 0)),
    ],
    ids=str,
)
def test_edges_of_a_clean_aperture(numbers, expected):
    assert clean_aperture(160, 120, struct.pack(">IIIIiIiI", *numbers)) == expected


# --- pixels ---

FORMATS = {
    "yuv420p": 2, "yuv422p": 2, "yuv444p10le": 1, "nv12": 2, "p010le": 2, "yuyv422": 2, "uyvy422": 2, "rgb24": 1,
    "bgra64le": 1, "gbrp": 1, "gray": 1, "gray12le": 1, "yuv411p": 4, "yuv410p": 4, "ya8": 1, "rgb565le": 1,
}  # fmt: skip


def noise(pixel_format, width, height):
    frame = VideoFrame(width, height, pixel_format)
    frame.color_range = 2  # filters set it where it is missing
    for seed, plane in enumerate(frame.planes):
        rows = np.frombuffer(plane, np.uint8)
        rows.setflags(write=True)
        rows[...] = np.random.default_rng(seed).integers(0, 256, rows.shape)
        if layout_of(pixel_format) is not None and 8 < layout_of(pixel_format).bits < 16:
            rows[1::2] &= (1 << (layout_of(pixel_format).bits - 8)) - 1
    return frame


def filtered(frame, *chain):
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=1)
    graph.link_nodes(source, *(graph.add(*one) for one in chain), graph.add("buffersink")).configure()
    graph.push(frame)
    return graph.pull()


@pytest.mark.parametrize("flip", [(), (("vflip",),)], ids=["", "last row first"])
@pytest.mark.parametrize("pixel_format", FORMATS)
def test_a_crop_gives_the_bytes_of_a_smaller_picture(pixel_format, flip):
    """Whatever the layout; FFmpeg's own filter makes the smaller one."""
    unit = FORMATS[pixel_format]
    frame = filtered(noise(pixel_format, 128, 112), *flip) if flip else noise(pixel_format, 128, 112)
    for left, top, right, bottom in [(unit, 0, 0, 0), (0, 4, 0, 0), (4 * unit, 8, 3 * unit, 12), (0, 0, 5, 3)]:
        crop = Crop(left, top, right, bottom)
        window = f"{128 - left - right}:{112 - top - bottom}:{left}:{top}:exact=1"
        # The filter takes no luma among chroma; pulled apart, the same samples.
        apart = frame.reformat(format="yuv422p") if pixel_format in ("yuyv422", "uyvy422") else frame
        smaller = filtered(apart, ("crop", window))
        assert smaller.format.name == apart.format.name
        whole = PictureTransform(RECIPE, 8192, crop)(frame)
        assert (whole == PictureTransform(RECIPE, 8192)(smaller)).all(), crop


@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12", "p010le", "yuv422p", "yuyv422", "uyvy422", "yuv411p"])
@pytest.mark.parametrize("crop", [Crop(left=1), Crop(1, 1, 0, 0), Crop(3, 5, 2, 1), Crop(7, 0, 1, 3)], ids=str)
def test_a_crop_between_chroma_samples_matches_the_definition(reference, pixel_format, crop):
    frame = noise(pixel_format, 128, 112)
    planar = frame if pixel_format not in ("yuyv422", "uyvy422") else frame.reformat(format="yuv422p")
    layout = layout_of(planar.format.name)
    unused = layout.unused_bits
    width, height = 128 - crop.left - crop.right, 112 - crop.top - crop.bottom
    resized = reference.output_size(width, height, 64)
    planes = []
    for number, place in enumerate(layout.components):
        plane = planar.planes[place.plane]
        dtype = np.uint8 if layout.bits == 8 else np.uint16
        samples = np.frombuffer(plane, dtype).reshape(plane.height, -1)[:, place.first :: place.step]
        x, y = (1 << shift if number else 1 for shift in layout.chroma_shift)
        samples = samples[: 112 // y, : 128 // x] >> unused
        # Position of each sample in whole pixels from the edge of what is kept: those inside are the picture's.
        across, down = (np.arange(128 // x) + 0.5) * x - crop.left, (np.arange(112 // y) + 0.5) * y - crop.top
        first_x, first_y = int((across >= 0).argmax()), int((down >= 0).argmax())
        samples = samples[first_y:, first_x:][: -(-height // y), : -(-width // x)]
        planes.append(reference.resize_plane(samples, resized[1], resized[0], down[first_y] / y, across[first_x] / x))
    bits = layout.bits - unused
    wanted = reference.finish(reference.yuv_to_rgb(*planes, "bt601", True, bits), 0, 64)
    got = PictureTransform(RECIPE, 8192, crop)(frame)
    assert reference.psnr(got, wanted) >= FLOOR_DB


def test_shares_of_an_axis():
    # Uncropped: as without a crop, odd sizes included.
    for whole in range(1, 40):
        for shift, siting in ((0, 0.5), (1, 0.0), (1, 0.5), (1, 1.0), (2, 0.5)):
            uncropped = share(0, whole, whole, shift, siting)
            assert (uncropped.first, uncropped.samples) == (0, -(-whole // (1 << shift)))
            for cut in range(whole):
                for kept in range(1, whole - cut + 1):
                    part = share(cut, kept, whole, shift, siting)
                    assert 0 <= part.first < part.first + part.samples <= -(-whole // (1 << shift))
                    assert 0 <= part.offset <= 1


def test_the_smallest_parts(factory):
    frame = noise("yuv420p", 17, 15)
    for left in range(17):
        crop = Crop(left, 14, 16 - left, 0)
        assert PictureTransform(RECIPE, 8192, crop)(frame).shape == (64, 64, 3)


def test_a_crop_too_long_and_thin_is_refused(factory, editor, tmp_path):
    path = factory.write_clip(tmp_path / "a.mp4", ticks=range(4))
    editor.set_clean_aperture(path, (160, 1, 2, 1, 0, 1, 0, 1))
    stream = open_clips(path, RECIPE, limits=Limits(max_side_px=5000))
    with pytest.raises(LimitExceeded, match=r"too long and thin.* 5120x64"):
        list(stream)
