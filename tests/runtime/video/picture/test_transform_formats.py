"""What the native transform is told about a decoded picture: formats, siting, turns, strides; and what it refuses."""

from __future__ import annotations

import av
import av.filter
import numpy as np
import pytest
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from videobert import _native
from videobert.base.errors import DecodeError, EngineUnavailable
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.picture.orientation import Orientation
from videobert.video.picture.pixel_layout import layout_of, read_as
from videobert.video.picture.siting import ChromaSiting, SitingProbe
from videobert.video.picture.transform import PictureTransform
from videobert.video.source.frame_array import FrameArray

FEATURES = _native.cpu_features()
PATHS = ["scalar", *["avx2"] * FEATURES["avx2"], *["avx512"] * (FEATURES["avx512f"] and FEATURES["avx512bw"])]
NATIVE = [
    *("yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p", "yuv410p", "yuva420p", "yuvj420p", "yuv420p9le"),
    *("yuv420p10le", "yuv422p12le", "yuv444p14le", "yuv444p16le", "nv12", "nv21", "nv16", "nv24", "nv42"),
    *("p010le", "p012le", "p016le", "p210le", "p416le", "yuyv422", "uyvy422", "yvyu422", "gray", "gray12le", "ya8"),
    *("rgb24", "bgr24", "rgba", "argb", "bgr0", "gbrp", "gbrp9le", "gbrap12le", "rgb48le", "bgra64le"),
]


def noise(pixel_format, width, height, seed, full_range=True):
    """A frame whose every legal bit is random, and its components as arrays without unused bits."""
    rng = np.random.default_rng(seed)
    frame, layout = VideoFrame(width, height, pixel_format), layout_of(pixel_format)
    frame.color_range = 2 if full_range else 1
    dtype = np.uint16 if layout.bits > 8 else np.uint8
    rows = [np.frombuffer(plane, dtype).reshape(plane.height, -1) for plane in frame.planes]
    components = []
    for place, component in zip(layout.components, frame.format.components, strict=False):
        samples = rows[place.plane][:, place.first :: place.step][:, : component.width]
        samples[...] = rng.integers(0, 1 << component.bits, samples.shape) << layout.unused_bits
        components.append(samples >> layout.unused_bits)
    return frame, components, frame.format.components[0].bits


def filtered(frame, *chain):
    """The frame through filters given as (name, arguments)."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=1)
    graph.link_nodes(source, *(graph.add(*one) for one in chain), graph.add("buffersink")).configure()
    graph.push(frame)
    return graph.pull()


def expected(reference, frame, components, bits, short_side, crop, matrix="bt601", full_range=True, offset=(0.5, 0.5)):
    """float64 square of an upright picture, not yet rounded to bytes."""
    width, height = reference.output_size(frame.width, frame.height, short_side)
    planes = [
        reference.resize_plane(plane, height, width, *(offset if number else (0.5, 0.5)))
        for number, plane in enumerate(components)
    ]
    if frame.format.is_rgb:
        rgb = np.stack(planes, -1) * 255 / (2**bits - 1)
    else:
        if len(planes) == 1:
            planes += [np.full_like(planes[0], 2.0 ** (bits - 1))] * 2
        rgb = reference.yuv_to_rgb(*planes, matrix, full_range, bits)
    top, left = (height - crop) // 2, (width - crop) // 2
    return np.clip(rgb, 0, 255)[top : top + crop, left : left + crop]


@pytest.mark.parametrize("pixel_format", NATIVE)
def test_every_native_format_of_any_size_matches_the_reference_on_every_path(reference, monkeypatch, pixel_format):
    rng = np.random.default_rng(sum(pixel_format.encode()))
    for _ in range(3):
        width, height = (int(side) for side in rng.integers(1, [200, 150]))
        full = bool(rng.integers(2)) or pixel_format == "yuvj420p"
        short_side = int(rng.integers(1, 60))
        recipe = Recipe(short_side=short_side, crop=int(rng.integers(1, short_side + 1)))
        frame, components, bits = noise(pixel_format, width, height, int(rng.integers(1 << 30)), full)
        wanted = expected(reference, frame, components, bits, short_side, recipe.crop, full_range=full)
        squares = []
        for path in PATHS:
            monkeypatch.setenv("VIDEOBERT_CPU", path)
            squares.append(PictureTransform(recipe, 10**6)(frame))
        assert np.abs(squares[0] - wanted).max() < 0.56, (width, height, recipe)
        assert all((square == squares[0]).all() for square in squares)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12", "p010le", "yuv422p10le", "yuv411p"])
@pytest.mark.parametrize("interlaced", [False, True])
def test_chroma_lies_where_the_frame_says(reference, pixel_format, interlaced):
    places = {"left": (0, 0.5), "center": (0.5, 0.5), "topleft": (0, 0), "top": (0.5, 0)}
    places |= {"bottomleft": (0, 1), "bottom": (0.5, 1), "unspecified": (0.5, 0.5)}
    frame, components, bits = noise(pixel_format, 96, 64, 0)
    across, down = (1 << shift for shift in layout_of(pixel_format).chroma_shift)
    for name, (x, y) in places.items():
        mode = ":field_mode=tff" if interlaced else ""
        tagged = filtered(frame, ("setparams", f"chroma_location={name}{mode}"))
        assert tagged.interlaced_frame == interlaced
        assert SitingProbe()(tagged) == ChromaSiting(x, y)
        offset = (y * (down - 1) + 0.5) / down, (x * (across - 1) + 0.5) / across
        wanted = expected(reference, frame, components, bits, 40, 40, offset=offset)
        assert np.abs(PictureTransform(Recipe(short_side=40, crop=40), 8192)(tagged) - wanted).max() < 0.56


def test_siting_is_asked_again_where_a_coded_sequence_begins():
    frame, *_ = noise("yuv420p", 96, 64, 0)
    left, centre = (filtered(frame, ("setparams", f"chroma_location={name}")) for name in ("left", "center"))
    alone = [PictureTransform(Recipe(), 8192)(one) for one in (left, centre)]
    transform = PictureTransform(Recipe(), 8192)
    for sequence, one in enumerate((left, centre, left)):
        assert (transform(one, sequence=sequence) == alone[sequence % 2]).all()


@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12", "yuv420p10le", "rgb24"])
def test_planes_stored_from_the_last_line_to_the_first_are_read_so(pixel_format):
    frame, *_ = noise(pixel_format, 70, 50, 1)
    flipped = filtered(frame, ("vflip",))
    assert flipped.planes[0].line_size < 0
    recipe = Recipe(short_side=50, crop=50)
    upright, turned = (PictureTransform(recipe, 8192)(one) for one in (frame, flipped))
    assert (turned == upright[::-1]).all()


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("flip_x", [False, True])
@pytest.mark.parametrize("flip_y", [False, True])
def test_the_eight_turns_are_those_of_the_upright_picture(factory, tmp_path, swap, flip_x, flip_y):
    # 144 x 108 kept: what is cut off is as wide on either side, so that turning and cropping change places.
    path = factory.write_clip(tmp_path / "a.mp4", ticks=[0], size=(144, 108))
    recipe = Recipe(frames=1, short_side=108, crop=98)
    with open_clips(path, recipe) as stream:
        upright = next(stream).frames[0]
    across, down = 1 - 2 * flip_x, 1 - 2 * flip_y
    factory.set_display_matrix(path, *((0, down, across, 0) if swap else (across, 0, 0, down)))
    with open_clips(path, recipe) as stream:
        turned = next(stream).frames[0]
    assert (turned == Orientation(swap, flip_x, flip_y).apply(upright)).all()


@pytest.mark.parametrize(
    ("rare", "native"),
    [
        ("yuv420p10be", "yuv420p10le"),
        ("yuv444p12be", "yuv444p12le"),
        ("y210le", "yuv422p10le"),
        ("vuya", "yuv444p"),
        ("gray10be", "gray10le"),
        ("x2rgb10le", "gbrp10le"),
        ("gbrpf32le", "gbrp10le"),
    ],
)
def test_a_format_that_is_not_read_is_converted_to_the_nearest(reference, rare, native):
    assert layout_of(rare) is None
    assert layout_of(read_as(VideoFormat(rare))) is not None
    frame, *_ = noise("rgb24", 160, 120, 2)
    stored = frame.reformat(format=native)
    recipe = Recipe(short_side=60, crop=60)
    got, wanted = (PictureTransform(recipe, 8192)(one) for one in (stored.reformat(format=rare), stored))
    assert reference.psnr(got, wanted) >= 48


def test_black_and_white_bits_and_palettes_are_read_as_colours():
    for pixel_format in ("monow", "monob", "pal8", "rgb8", "rgb565le", "bgr4_byte"):
        assert read_as(VideoFormat(pixel_format)) == "rgb24"
    with pytest.raises(ValueError, match="cuda holds no samples"):
        read_as(VideoFormat("cuda"))


def test_info_names_both_formats(factory, tmp_path):
    rare = factory.write_clip(tmp_path / "a.mov", codec="qtrle", pixel_format="rgb555be", ticks=[0])
    with open_clips(rare, Recipe(frames=1)) as stream:
        assert (stream.info.pixel_format, stream.info.read_as) == ("rgb555le", "rgb24")
        assert factory.number_of(next(stream).frames[0]) == 0
    common = factory.write_clip(tmp_path / "a.mp4", ticks=[0])
    with open_clips(common, Recipe(frames=1)) as stream:
        assert stream.info.read_as == stream.info.pixel_format == "yuv420p"


def native_grey(**changes):
    settings = {
        "components": [(0, 0, 1, 8, 6, 0.5, 0.5)],
        "bits": 8,
        "resized": (8, 6),
        "crop": (6, 6),
        "turn": (False, False, False),
        "colour": [[1.0, 0.0, 0.0, 0.0]] * 3,
    }
    return _native.ClipTransform(**{**settings, **changes})


def test_planes_that_are_shorter_than_they_say_are_refused():
    square, transform = np.zeros((6, 6, 3), np.uint8), native_grey()
    plane = np.arange(48, dtype=np.uint8).reshape(6, 8)
    transform([plane], [8], square)
    assert (square[..., 0] == plane[:, 1:7]).all()
    for planes, lines, target in [
        ([plane[:5]], [8], square),
        ([plane], [9], square),
        ([plane], [7], square),
        ([plane], [-(2**63)], square),
        ([plane], [8], square[:5]),
        ([plane, plane], [8, 8], square),
        ([plane], [8, 8], square),
    ]:
        with pytest.raises(ValueError, match=r"plane|picture"):
            transform(planes, lines, target)
    with pytest.raises((BufferError, ValueError)):
        transform([plane[:, ::2]], [8], square)
    square.setflags(write=False)
    with pytest.raises((BufferError, ValueError)):
        transform([plane], [8], square)


def test_settings_that_do_not_fit_together_are_refused():
    for changes in [
        {"crop": (6, 7)},
        {"crop": (9, 6)},
        {"crop": (0, 6)},
        {"bits": 20},
        {"resized": (0, 0)},
        {"components": []},
    ]:
        with pytest.raises(ValueError, match=r"\w+ \w+"):
            native_grey(**changes)


def test_a_path_that_cannot_be_taken_is_an_error_that_says_so(monkeypatch):
    monkeypatch.setenv("VIDEOBERT_CPU", "sse")
    with pytest.raises(EngineUnavailable, match="VIDEOBERT_CPU"):
        PictureTransform(Recipe(), 8192)(np.zeros((8, 8, 3), np.uint8))


def test_a_frame_without_samples_is_an_error_that_says_so(monkeypatch):
    frame, *_ = noise("yuv420p", 16, 16, 0)
    transform = PictureTransform(Recipe(), 8192)
    monkeypatch.setattr("videobert.video.picture.transform.layout_of", lambda name: layout_of("yuv444p"))
    with pytest.raises(DecodeError, match="yuv420p 16x16"):
        transform(frame)


def test_a_clip_that_the_caller_changes_does_not_change_the_next():
    """The frame on screen goes on in the next clip: by then the memory it was converted into is the caller's."""
    still = np.full((2, 16, 16, 3), 77, np.uint8)
    with open_clips(FrameArray(still, np.array([0.0, 1.0])), Recipe(frames=4)) as stream:
        for clip in stream:
            assert (clip.frames == 77).all()
            clip.frames[:] = 0
    assert stream.info.frames_converted == 2
