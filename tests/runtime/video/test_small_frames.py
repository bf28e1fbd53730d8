"""Every frame of a video, small: all of them, at the times that clips have, whatever holds the video."""

from __future__ import annotations

import io
import threading
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from videobert.base.errors import Cancelled, InputError, LimitExceeded
from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.video.decoders.decoder import TimedFrame
from videobert.video.open import open_clips
from videobert.video.small_frames import Shrinker, small_frames
from videobert.video.source.frame_array import FrameArray

RECIPE = Recipe(fps=10, frames=15, short_side=48, crop=48)
# A clock that wanders, as phones' do, in ticks of a thousandth.
WANDERING = (0, 33, 66, 120, 133, 200, 211, 250, 300, 340, 400, 417)


def read(source: Any, **options: Any) -> tuple[np.ndarray, list[Fraction]]:
    found = list(small_frames(source, RECIPE, **{"limits": Limits(), **options}))
    return np.stack([picture for picture, _ in found]), [time for _, time in found]


def test_each_frame_comes_with_its_time(tmp_path: Path, factory: ModuleType) -> None:
    path = factory.write_clip(tmp_path / "film.mp4", ticks=WANDERING, time_base=Fraction(1, 1000))
    pictures, times = read(path)
    assert pictures.dtype == np.uint8
    assert pictures.shape == (len(WANDERING), 27, 48, 3)
    assert times == [Fraction(tick, 1000) for tick in WANDERING]


@pytest.mark.parametrize("held", ["bytes", "file", "one way", "path"])
def test_it_does_not_matter_what_holds_the_video(tmp_path: Path, factory: ModuleType, held: str) -> None:
    path = factory.write_clip(tmp_path / "film.mkv", ticks=range(20))
    data = path.read_bytes()

    class OneWay:
        def __init__(self) -> None:
            self._file = io.BytesIO(data)

        def read(self, size: int = -1) -> bytes:
            return self._file.read(size)

    expected, times = read(path)
    source = {"bytes": data, "file": io.BytesIO(data), "one way": OneWay(), "path": str(path)}[held]
    pictures, same = read(source)
    assert np.array_equal(pictures, expected)
    assert same == times


def test_times_are_those_of_clips(tmp_path: Path, factory: ModuleType) -> None:
    path = factory.write_clip(tmp_path / "film.mp4", ticks=WANDERING, time_base=Fraction(1, 1000))
    factory.set_edit_list(path, media_time=66 * 16, duration=300)
    seen: list[tuple[TimedFrame, Fraction]] = []
    with open_clips(path, RECIPE, on_frame=lambda frame, time: seen.append((frame, time))) as clips:
        first = next(clips)
    shrink = Shrinker()
    pictures, times = read(path)
    assert times == [time for _, time in seen]
    assert float(times[0]) == first.start_s
    assert np.array_equal(pictures, np.stack([shrink.small(frame) for frame, _ in seen]))


def test_frames_that_no_clip_needs_come_without_their_picture(tmp_path: Path, factory: ModuleType) -> None:
    # Few references, so that much can be left out.
    options = {"bf": "0", "g": "10"}
    path = factory.write_clip(tmp_path / "film.mp4", ticks=range(200), options=options)
    seen: list[TimedFrame] = []
    with open_clips(path, RECIPE.replace(stride=4), on_frame=lambda frame, _: seen.append(frame)) as clips:
        assert list(clips)
    small = [Shrinker().small(frame) for frame in seen]
    assert len(small) == 200
    assert any(picture is None for picture in small)
    assert any(picture is not None for picture in small)


def test_pixels_are_means_of_what_they_cover() -> None:
    # Without colours, which FFmpeg spreads over neighbouring pixels.
    greys = np.random.default_rng(0).integers(0, 256, (2, 27, 48, 1)).repeat(3, 3)
    large = greys.repeat(6, 1).repeat(4, 2)
    large[:, ::2] += (large[:, ::2] < 240) * 16
    large[:, 1::2] -= (large[:, 1::2] < 240) * 16
    pictures, times = read(FrameArray(large.clip(0, 255).astype(np.uint8), np.array([0.5, 0.75])))
    dark = greys < 16  # which cannot be made darker
    assert np.abs(pictures.astype(int) - greys)[~dark].max() <= 2
    assert times == [Fraction(1, 2), Fraction(3, 4)]


FORMATS = [
    "yuv420p",
    "yuvj420p",
    "yuv422p10le",
    "yuv444p",
    "nv12",
    "p010le",
    "gray",
    "bgra",
    "rgb48le",
    "gbrp",
    "rgb565le",
]


@pytest.mark.parametrize("size", [(96, 54), (130, 78), (640, 360)])
@pytest.mark.parametrize("pixel_format", FORMATS)
def test_pixels_of_any_format_are_means(pixel_format: str, size: tuple[int, int]) -> None:
    """Held against means in float64 of a picture without edges, on which chroma lies where it may."""
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    rgb = np.stack([60 + 120 * x, 80 + 90 * y, 160 - 80 * x * y], -1)
    if pixel_format == "gray":
        rgb = rgb[..., :1].repeat(3, -1)
    stored = VideoFrame.from_ndarray(rgb.astype(np.uint8), "rgb24").reformat(format=pixel_format, threads=1)
    if pixel_format == "gray":
        stored.color_range = ColorRange.JPEG  # as FFmpeg converts to it; it does not say so
    found = Shrinker()(stored)
    across, down = (covered(inputs, outputs) for inputs, outputs in ((width, 48), (height, 27)))
    expected = np.einsum("oi,ijc,pj->opc", down, rgb, across)
    # Five or six bits of a colour leave steps of eight levels.
    assert np.abs(found - expected).max() < (6 if pixel_format == "rgb565le" else 4)


def covered(inputs: int, outputs: int) -> np.ndarray:
    """By how much each output covers each input, `(outputs, inputs)`, in shares that sum to one."""
    edges = np.arange(outputs + 1)[:, None] * inputs / outputs
    overlap = np.minimum(edges[1:], np.arange(1, inputs + 1)) - np.maximum(edges[:-1], np.arange(inputs))
    shares = overlap.clip(0, None)
    return np.asarray(shares / shares.sum(1, keepdims=True))


def test_pictures_that_change_on_the_way_are_seen_as_they_are() -> None:
    shrink = Shrinker()
    for level, size in ((40, (96, 54)), (200, (98, 60)), (90, (96, 54))):
        for pixel_format in ("rgb24", "yuv420p", "nv12"):
            frame = VideoFrame.from_ndarray(np.full((size[1], size[0], 3), level, np.uint8), "rgb24")
            assert np.abs(shrink(frame.reformat(format=pixel_format, threads=1)).astype(int) - level).max() <= 2


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (301, 7), (48, 27), (47, 26)])
def test_any_size_will_do(size: tuple[int, int]) -> None:
    frames = np.full((1, size[1], size[0], 3), (200, 100, 50), np.uint8)
    pictures, _ = read(FrameArray(frames, np.zeros(1)))
    assert np.abs(pictures[0].astype(int) - (200, 100, 50)).max() <= 1


@pytest.mark.parametrize("size", [(34, 18), (640, 2), (130, 98)])
def test_any_size_of_an_encoded_film_will_do(tmp_path: Path, factory: ModuleType, size: tuple[int, int]) -> None:
    grey = [np.full((size[1], size[0], 3), 128, np.uint8)]
    path = factory.write_clip(tmp_path / "film.mkv", codec="ffv1", ticks=[0], size=size, frames=grey)
    pictures, times = read(path)
    assert times == [0]
    assert np.abs(pictures.astype(int) - 128).max() <= 2


def test_frames_with_times_one_by_one() -> None:
    frame = np.zeros((27, 48, 3), np.uint8)
    pictures, times = read([(frame, 1.0), (frame + 9, 1.5)])
    assert pictures[:, 0, 0, 0].tolist() == [0, 9]
    assert times == [1, Fraction(3, 2)]


def test_a_cancelled_reading_stops(tmp_path: Path, factory: ModuleType) -> None:
    path = factory.write_clip(tmp_path / "film.mp4")
    cancel = threading.Event()
    frames = small_frames(path, RECIPE, limits=Limits(), cancel=cancel)
    next(frames)
    cancel.set()
    with pytest.raises(Cancelled):
        list(frames)


def test_a_film_that_is_too_long_is_refused(tmp_path: Path, factory: ModuleType) -> None:
    film = factory.write_clip(tmp_path / "film.mp4").read_bytes()
    with pytest.raises(LimitExceeded):
        read(film, limits=Limits(max_duration_s=1))
    # One that does not say how long it is.
    endless = ((np.zeros((8, 8, 3), np.uint8), float(second)) for second in range(100))
    with pytest.raises(LimitExceeded):
        read(endless, limits=Limits(max_duration_s=3))


def test_what_is_no_video_is_refused() -> None:
    with pytest.raises(InputError, match="not a video"):
        read(np.zeros((2, 8, 8, 3), np.uint8))
    with pytest.raises(InputError, match="no such video file"):
        read("missing.mp4")
