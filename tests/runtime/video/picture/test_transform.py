"""The shipped picture transform against the float64 reference: at least 48 dB on every kind of stored picture."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from videobert.base.errors import LimitExceeded
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.picture.orientation import Orientation, from_display_matrix
from videobert.video.picture.pixel_layout import layout_of
from videobert.video.picture.transform import PictureTransform, resized_size
from videobert.video.source.frame_array import FrameArray

FLOOR_DB = 48
# ITU-T H.273 numbers.
MATRICES = {"bt709": 1, "bt601": 6, "bt2020": 9}


def components_of(frame):
    """The samples of Y, U and V, wherever the format puts them; those of P010 without the bits that it leaves empty."""
    layout = layout_of(frame.format.name)
    dtype = np.uint16 if layout.bits > 8 else np.uint8
    rows = [np.frombuffer(plane, dtype).reshape(plane.height, -1) for plane in frame.planes]
    found = []
    for place, component in zip(layout.components, frame.format.components, strict=False):
        plane = rows[place.plane][:, place.first :: place.step]
        found.append(plane[:, : component.width])
    return found


def planes_of(frame):
    unused = layout_of(frame.format.name).unused_bits
    return tuple(component >> unused for component in components_of(frame))


def stored_picture(kind, height, width, seed, low, high):
    """A plane of the whole legal range: noise as hard as it gets, or something like a photograph."""
    rng = np.random.default_rng(seed)
    if kind == "noise":
        return rng.integers(low, high + 1, (height, width))
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = np.sin(7 * x + 3 * y + seed) + np.sin(30 * x * y + seed) / 2 + np.sin(80 * y) / 4
    edges = ((x + y / 2) * 9 + seed).astype(int) % 2
    grain = rng.normal(0, 0.05, (height, width))
    mixed = waves / 4 + edges / 2 + grain
    return (low + (high - low) * (mixed - mixed.min()) / (mixed.max() - mixed.min())).round().astype(int)


def stored_frame(pixel_format, width, height, kind, full_range):
    frame = VideoFrame(width, height, pixel_format)
    bits = frame.format.components[0].bits
    unit = 1 << (bits - 8)
    unused = layout_of(pixel_format).unused_bits
    for seed, samples in enumerate(components_of(frame)):
        top = (2**bits - 1) if full_range else ((235 if seed == 0 else 240) * unit)
        values = stored_picture(kind, *samples.shape, seed, 0 if full_range else 16 * unit, top)
        samples.setflags(write=True)
        samples[...] = values << unused
    frame.color_range = 2 if full_range else 1
    return frame, planes_of(frame), bits


SIZES = [(854, 480), (640, 272), (1279, 719), (175, 143), (112, 112), (113, 112), (64, 48), (48, 90)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(
    "pixel_format",
    ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p12le", "nv12", "p010le"],
)
def test_planes_match_the_reference(reference, pixel_format, size):
    transform = PictureTransform(Recipe(), 8192)
    for matrix, full_range, kind in [
        ("bt601", False, "noise"),
        ("bt709", True, "noise"),
        ("bt2020", False, "natural"),
        ("bt709", False, "natural"),
    ]:
        frame, planes, bits = stored_frame(pixel_format, *size, kind, full_range)
        frame.colorspace = MATRICES[matrix]
        # A frame made by hand says nothing of siting and is read as centred; decoded ones are tested below.
        wanted = reference.transform_yuv(
            planes,
            short_side=112,
            crop=112,
            matrix=matrix,
            full_range=full_range,
            bits=bits,
            siting="centre",
        )
        got = transform(frame)
        assert got.dtype == np.uint8
        assert got.flags["C_CONTIGUOUS"]
        assert reference.psnr(got, wanted) >= FLOOR_DB, (matrix, full_range, kind)


@pytest.mark.parametrize("short_side", [112, 128, 224])
@pytest.mark.parametrize("size", [*SIZES, (4, 4), (16, 160), (300, 21)], ids=str)
def test_rgb_pictures_match_the_reference(reference, size, short_side):
    width, height = size
    picture = np.stack([stored_picture("noise", height, width, seed, 0, 255) for seed in range(3)], -1).astype(np.uint8)
    recipe = Recipe(short_side=short_side, crop=112)
    got = PictureTransform(recipe, 8192)(picture)
    wanted = reference.transform_rgb(picture, short_side=short_side, crop=112)
    assert reference.psnr(got, wanted) >= FLOOR_DB


@pytest.mark.parametrize(
    "pixel_format", ["gbrp", "bgra", "gbrp10le", "bgr24", "argb", "0bgr", "gbrap", "rgb48le", "bgra64le", "bgr48be"]
)
def test_other_rgb_layouts_match_the_reference(reference, pixel_format):
    picture = np.stack([stored_picture("natural", 143, 175, seed, 0, 255) for seed in range(3)], -1).astype(np.uint8)
    frame = VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pixel_format)
    wanted = reference.transform_rgb(picture, short_side=112, crop=112)
    assert reference.psnr(PictureTransform(Recipe(), 8192)(frame), wanted) >= FLOOR_DB


@pytest.mark.parametrize("full_range", [False, True])
def test_grey_pictures_match_the_reference(reference, full_range):
    frame, (luma,), _ = stored_frame("gray", 175, 143, "natural", full_range)
    flat = np.full_like(luma, 128)
    wanted = reference.transform_yuv(
        (luma, flat, flat), short_side=112, crop=112, matrix="bt601", full_range=full_range
    )
    assert reference.psnr(PictureTransform(Recipe(), 8192)(frame), wanted) >= FLOOR_DB


# Decoders that say where chroma lies, and those that leave it open: left is the recipe's answer then.
CODED = [
    ("mp4", "libx264", "yuv420p", "left", {}),
    ("mp4", "libx264", "yuv422p", "left", {}),
    ("mp4", "libx264", "yuv444p", "left", {}),
    ("mp4", "libx264", "yuv420p10le", "left", {}),
    ("mp4", "libx265", "yuv420p", "left", {}),
    ("webm", "libvpx", "yuv420p", "left", {}),
    ("webm", "libvpx-vp9", "yuv420p", "left", {}),
    ("mkv", "libsvtav1", "yuv420p", "left", {}),
    ("mkv", "ffv1", "yuv420p", "left", {}),
    ("ts", "mpeg2video", "yuv420p", "left", {}),
    ("avi", "mjpeg", "yuvj420p", "centre", {}),
    ("mpg", "mpeg1video", "yuv420p", "centre", {}),
    ("mp4", "libx264", "yuv420p", "left", {"x264-params": "interlaced=1:tff=1"}),
    ("mp4", "libx264", "yuv420p", "centre", {"x264-params": "chromaloc=1"}),
    ("mp4", "libx264", "yuv420p", "left", {"x264-params": "fullrange=on"}),
]


@pytest.mark.parametrize(("suffix", "codec", "pixel_format", "siting", "options"), CODED)
def test_decoded_pictures_match_the_reference(
    factory, reference, tmp_path, suffix, codec, pixel_format, siting, options
):
    """Chroma siting and fields as the decoder reports them: fine colour patterns would show any shift."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (36, 64, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    path = factory.write_clip(
        tmp_path / f"a.{suffix}",
        codec=codec,
        pixel_format=pixel_format,
        size=(256, 144),
        frames=[coarse] * 3,
        ticks=range(3),
        options=options,
    )
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        planes, bits = planes_of(frame), frame.format.components[0].bits
    wanted = reference.transform_yuv(
        planes,
        short_side=112,
        crop=112,
        matrix="bt601",
        full_range=pixel_format.startswith("yuvj") or "fullrange=on" in str(options),
        bits=bits,
        siting=siting,
    )
    with open_clips(path, Recipe(frames=1)) as stream:
        assert reference.psnr(next(stream).frames[0], wanted) >= FLOOR_DB


@pytest.mark.parametrize(
    ("tag", "lines", "matrix"),
    [(1, 144, "bt709"), (6, 720, "bt601"), (9, 144, "bt2020"), (None, 718, "bt601"), (None, 720, "bt709")],
)
def test_the_matrix_is_the_stream_s_own_or_follows_the_height(factory, tmp_path, tag, lines, matrix):
    tags = {} if tag is None else {"colorspace": tag}
    rgb = np.full((lines, 128, 3), (200, 40, 90), np.uint8)
    path = factory.write_clip(tmp_path / "a.mp4", size=(128, lines), frames=[rgb], ticks=[0], **tags)
    with open_clips(path, Recipe(frames=1)) as stream:
        assert stream.info.matrix == matrix
        assert not stream.info.full_range


def test_left_and_centred_chroma_differ_enough_to_tell(reference):
    """The floor would catch a wrong siting: the two references are far below it on such a pattern."""
    _, planes, _ = stored_frame("yuv420p", 256, 144, "noise", False)
    sited = [
        reference.transform_yuv(planes, short_side=112, crop=112, matrix="bt601", siting=siting)
        for siting in ("left", "centre")
    ]
    assert reference.psnr(*sited) < FLOOR_DB - 10


@pytest.mark.parametrize(("crop", "short_side"), [(96, 112), (112, 113), (1, 7), (224, 224)])
def test_the_crop_is_centred(reference, crop, short_side):
    picture = np.stack([stored_picture("natural", 90, 161, seed, 0, 255) for seed in range(3)], -1).astype(np.uint8)
    got = PictureTransform(Recipe(crop=crop, short_side=short_side), 8192)(picture)
    wanted = reference.transform_rgb(picture, short_side=short_side, crop=crop)
    assert got.shape == (crop, crop, 3)
    # One pixel off would be far from this.
    assert np.abs(got.astype(int) - wanted).max() <= 2


@pytest.mark.parametrize(
    ("size", "short_side", "wanted"),
    [
        ((1280, 720), 112, (199, 112)),
        ((720, 1280), 112, (112, 199)),
        ((3, 2), 1, (2, 1)),
        ((112, 112), 112, (112, 112)),
    ],
)
def test_resized_size_rounds_halves_up(reference, size, short_side, wanted):
    assert resized_size(*size, short_side) == wanted == reference.output_size(*size, short_side)


def test_a_thread_like_picture_is_refused_before_it_is_resized():
    with pytest.raises(LimitExceeded, match="allowed: sides of up to 8192 pixels"):
        PictureTransform(Recipe(), 8192)(np.zeros((2, 300, 3), np.uint8))


@pytest.mark.parametrize(
    ("pixel_format", "size"),
    [
        ("yuv420p", (8, 8)),
        ("yuv420p", (6, 8)),
        ("yuv420p", (8, 6)),
        ("yuv420p", (1, 1)),
        ("yuv420p", (3, 2)),
        ("yuv444p", (4, 4)),
        ("yuv444p", (4, 3)),
        ("yuv411p", (12, 16)),
        ("nv12", (5, 3)),
        ("p010le", (2, 7)),
    ],
)
def test_pictures_of_a_few_samples_match_the_reference(reference, pixel_format, size):
    frame, planes, bits = stored_frame(pixel_format, *size, "noise", False)
    wanted = reference.transform_yuv(planes, short_side=112, crop=112, matrix="bt601", siting="centre", bits=bits)
    assert reference.psnr(PictureTransform(Recipe(), 8192)(frame), wanted) >= FLOOR_DB


def test_orientations_form_the_eight_of_a_rectangle():
    picture = np.arange(6).reshape(2, 3)
    shown = set()
    for swap in (False, True):
        for flip_x in (False, True):
            for flip_y in (False, True):
                orientation = Orientation(swap, flip_x, flip_y)
                mirrored = picture[:, ::-1] if orientation.mirrored else picture
                assert (orientation.apply(picture) == np.rot90(mirrored, -orientation.rotation // 90)).all()
                shown.add(orientation.apply(picture).tobytes())
    assert len(shown) == 8


def test_a_display_matrix_of_another_size_is_ignored():
    assert from_display_matrix(b"") == Orientation()


def test_a_frame_array_gives_the_transform_of_its_frames(reference):
    frames = np.stack([stored_picture("noise", 64, 96, seed, 0, 255) for seed in range(12)]).astype(np.uint8)
    frames = np.stack([frames, frames[::-1], 255 - frames], -1)
    with open_clips(FrameArray(frames, np.arange(12) / 20), Recipe(frames=12)) as stream:
        (clip,) = stream
    for got, picture in zip(clip.frames, frames, strict=True):
        assert reference.psnr(got, reference.transform_rgb(picture, short_side=112, crop=112)) >= FLOOR_DB


def test_results_do_not_depend_on_what_came_before():
    """Weights are kept between pictures: sizes and formats that alternate must not disturb each other."""
    one, *_ = stored_frame("yuv420p", 175, 143, "noise", False)
    two, *_ = stored_frame("yuv444p10le", 64, 48, "noise", True)
    alone = [PictureTransform(Recipe(), 8192)(frame) for frame in (one, two)]
    shared = PictureTransform(Recipe(), 8192)
    for _ in range(2):
        assert (shared(one) == alone[0]).all()
        assert (shared(two) == alone[1]).all()
    assert shared.converted == 4
