"""What a recipe of version 2 asks of the shape of samples and of fields, against the float64 reference."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from videobert.base.errors import LimitExceeded
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.picture.crop import Crop
from videobert.video.picture.transform import PictureTransform, resized_size

FLOOR_DB = 48
APPLIED = Recipe(version=2, sample_aspect="apply", short_side=64, crop=64, frames=4, fps=Fraction(25))
TOP = Recipe(version=2, fields="top", short_side=64, crop=64, frames=4, fps=Fraction(25))
INTERLACED = {"x264-params": "interlaced=1:tff=1", "crf": "1"}


def noise(height, width, seed=0, block=4):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height // block, width // block, 3), np.uint8).repeat(block, 0).repeat(block, 1)


@pytest.mark.parametrize(
    ("size", "aspect", "wanted"),
    [
        ((720, 576), Fraction(64, 45), (455, 256)),  # 16:9
        ((720, 576), Fraction(16, 15), (341, 256)),  # 4:3
        ((1440, 1080), Fraction(4, 3), (455, 256)),
        ((480, 576), Fraction(1, 2), (256, 614)),  # portrait once it is shown
        ((340, 256), Fraction(64, 51), (427, 256)),
        ((100, 100), Fraction(1), (256, 256)),
    ],
)
def test_the_short_side_is_measured_on_the_picture_as_displayed(size, aspect, wanted):
    assert resized_size(*size, 256, aspect) == wanted


@pytest.mark.parametrize("turned", [False, True])
def test_anamorphic_film_comes_out_as_its_square_version(factory, reference, tmp_path, turned):
    """Stored at three quarters of the width; turned for display, it is the height that grows."""
    picture = noise(96, 128)
    squeezed = VideoFrame.from_ndarray(picture, "rgb24").reformat(96, 96).to_ndarray(format="rgb24")
    paths = []
    for name, whole, tags in (("wide", picture, {}), ("squeezed", squeezed, {"sample_aspect_ratio": Fraction(4, 3)})):
        size = whole.shape[1], whole.shape[0]
        path = tmp_path / f"{name}.mp4"
        factory.write_clip(path, size=size, frames=[whole] * 4, ticks=range(4), options={"crf": "1"}, **tags)
        if turned:
            factory.set_display_matrix(path, 0, 1, -1, 0)
        paths.append(path)
    squares, adjusted = [], []
    for path, recipe in (
        (paths[0], APPLIED),
        (paths[1], APPLIED),
        (paths[1], Recipe(frames=4, short_side=64, crop=64)),
    ):
        with open_clips(path, recipe) as stream:
            squares.append(next(stream).frames[0])
            adjusted.append(stream.info.adjusted)
    assert adjusted == [(), ("sample aspect 4:3",), ()]
    assert reference.psnr(squares[0], squares[1]) > 24
    assert reference.psnr(squares[0], squares[2]) < 18


def test_a_sample_aspect_that_makes_a_thread_of_a_picture_is_refused():
    frame = VideoFrame.from_ndarray(np.zeros((16, 1000, 3), np.uint8), "rgb24")
    PictureTransform(APPLIED, 4096)(frame)
    with pytest.raises(LimitExceeded, match="max_side_px"):
        PictureTransform(APPLIED, 4096, sample_aspect=Fraction(8))(frame)


def decoded(path):
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def planes_of(frame):
    return [
        np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, : plane.width].astype(int) for plane in frame.planes
    ]


@pytest.mark.parametrize("size", [(128, 96), (96, 128), (130, 100)], ids=str)
def test_only_the_top_field_is_seen(factory, reference, tmp_path, size):
    """The bottom field is another picture altogether."""
    width, height = size
    woven = noise(200, 200, 1)[:height, :width].copy()
    woven[1::2] = noise(200, 200, 2)[1:height:2, :width]
    path = factory.write_clip(tmp_path / "a.mp4", size=size, frames=[woven] * 4, ticks=range(4), options=INTERLACED)
    frame = decoded(path)
    assert frame.interlaced_frame
    wide, high = reference.output_size(width, height, 64)
    # Row k of the field is row 2 k of the frame: its middle lies a quarter of a field's row below the edge, and so do
    # those of chroma.
    fields = [plane[::2] for plane in planes_of(frame)]
    resized = [
        reference.resize_plane(plane, high, wide, 0.25, 0.25 if number else 0.5) for number, plane in enumerate(fields)
    ]
    wanted = reference.finish(reference.yuv_to_rgb(*resized, "bt601", False, 8), 0, 64)
    with open_clips(path, TOP) as stream:
        square = next(stream).frames[0]
        assert stream.info.adjusted == ("top field",)
        assert stream.info.interlaced
    assert reference.psnr(square, wanted) >= FLOOR_DB
    with open_clips(path, Recipe(frames=4, short_side=64, crop=64)) as stream:
        assert reference.psnr(next(stream).frames[0], wanted) < 25


@pytest.mark.parametrize("top", [0, 1, 2, 3])
def test_a_crop_leaves_the_fields_where_they_are(factory, reference, tmp_path, top):
    """Whatever row the crop begins at, it is the frame's even rows that are read."""
    woven = noise(200, 200, 3)[:96, :128].copy()
    woven[1::2] = noise(200, 200, 4)[1:96:2, :128]
    path = factory.write_clip(
        tmp_path / "a.mp4", size=(128, 96), frames=[woven] * 4, ticks=range(4), options=INTERLACED
    )
    frame = decoded(path)
    got = PictureTransform(TOP, 8192, Crop(top=top))(frame)
    wide, high = reference.output_size(128, 96 - top, 64)
    resized = []
    for number, plane in enumerate(planes_of(frame)):
        # Rows of the field are this many of luma apart, and the first has its middle so far below the frame's edge.
        apart, middle = (4, 1.0) if number else (2, 0.5)
        first = int(np.ceil((top - middle) / apart))
        offset = (first * apart + middle - top) / apart
        rows = plane[::2][first:]
        resized.append(reference.resize_plane(rows, high, wide, offset, 0.25 if number else 0.5))
    wanted = reference.finish(reference.yuv_to_rgb(*resized, "bt601", False, 8), 0, 64)
    assert reference.psnr(got, wanted) >= FLOOR_DB


def test_progressive_film_keeps_its_rows(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.mp4", size=(128, 96), frames=[noise(96, 128)] * 4, ticks=range(4))
    clips = []
    for recipe in (TOP, Recipe(frames=4, short_side=64, crop=64, fps=Fraction(25))):
        with open_clips(path, recipe) as stream:
            clips.append(next(stream).frames)
            assert stream.info.adjusted == ()
    assert (clips[0] == clips[1]).all()


@pytest.mark.parametrize("size", [(8, 2), (8, 3), (8, 5)], ids=str)
def test_interlaced_pictures_of_a_few_rows_are_read(factory, tmp_path, size):
    """Rows that are too few for two fields are no reason to fail."""
    path = factory.write_clip(
        tmp_path / "a.mkv",
        codec="rawvideo",
        pixel_format="yuv420p",
        size=size,
        frames=[np.full((*size[::-1], 3), 90, np.uint8)] * 4,
        ticks=range(4),
        options={"field_order": "tt"},
    )
    with open_clips(path, TOP) as stream:
        assert np.abs(next(stream).frames.astype(int) - 90).max() <= 2
        assert stream.info.interlaced
        assert stream.info.adjusted == ("top field",)


def test_a_clock_that_wanders_is_followed_by_its_times(factory, tmp_path):
    """60 frames a second, each up to 6 ms early or late and some never taken: every sample is the frame on screen."""
    rng = np.random.default_rng(0)
    ticks = [0] + [round(90 * (1000 * n / 60 + rng.uniform(-6, 6))) for n in range(1, 120) if n % 11]
    path = factory.write_clip(
        tmp_path / "a.mp4", ticks=ticks, time_base=Fraction(1, 90_000), rate=Fraction(60), options={"bf": "2"}
    )
    times = [Fraction(tick, 90_000) for tick in ticks]
    recipe = Recipe(version=2, fps=Fraction(25, 2), frames=8, short_side=64, crop=64)
    with open_clips(path, recipe) as stream:
        found = [factory.number_of(square) for clip in stream for square in clip.frames]
    wanted = factory.expected_frames(times, times[-1], recipe.fps)
    assert found[: len(wanted)] == wanted
