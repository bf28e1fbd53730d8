"""One decoded picture to one square of RGB bytes, as the recipe says.

The work is done by the native core: from the decoder's planes, where they lie, straight to the square, computing only
what the crop keeps. This module says what the planes mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import av.error
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from videobert.base.cpu_path import cpu_path
from videobert.base.errors import DecodeError, LimitExceeded
from videobert.base.native import native_core
from videobert.base.spans import span
from videobert.model.recipe import Recipe
from videobert.video.picture.colour import RGB, Colour, colour_of
from videobert.video.picture.crop import UNCROPPED, Crop
from videobert.video.picture.display_matrix import OrientationProbe
from videobert.video.picture.orientation import UPRIGHT, Orientation
from videobert.video.picture.pixel_layout import RGB24, PixelLayout, layout_of, read_as
from videobert.video.picture.plane_window import PictureWindow, cuts_at, picture_window
from videobert.video.picture.siting import ChromaSiting, SitingProbe
from videobert.video.picture.tone_map import tone_map

SQUARE_SAMPLES = Fraction(1)


@dataclass(frozen=True, slots=True)
class _Stored:
    """Everything about a picture but its samples."""

    width: int
    height: int
    layout: PixelLayout
    colour: Colour = RGB
    siting: ChromaSiting = field(default_factory=ChromaSiting)
    orientation: Orientation = UPRIGHT
    crop: Crop = UNCROPPED
    one_field: bool = False

    @property
    def kept(self) -> tuple[int, int]:
        """Width and height of what the container leaves of it."""
        return self.width - self.crop.left - self.crop.right, self.height - self.crop.top - self.crop.bottom


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """What is computed once for pictures that are stored alike."""

    stored: _Stored
    window: PictureWindow
    native: Any


def resized_size(width: int, height: int, short_side: int, sample_aspect: Fraction = SQUARE_SAMPLES) -> tuple[int, int]:
    """(width, height) with the shorter side at `short_side` and the longer rounded to the nearest, halves up."""
    width, height = width * sample_aspect.numerator, height * sample_aspect.denominator
    short = min(width, height)
    return (2 * width * short_side + short) // (2 * short), (2 * height * short_side + short) // (2 * short)


class PictureTransform:
    """Resize, convert, turn and crop. One per stream: weights are computed once and kept until the pictures change.

    Args:
        recipe: gives `short_side` and `crop`, and the choices of version 2.
        max_side_px: longest side that a resized picture may have; a very long and thin one is refused.
        crop: what the container cuts off of decoded frames.
        sample_aspect: width of a stored sample over its height, for recipes that apply it.

    Attributes:
        converted: how many pictures were converted.
    """

    def __init__(
        self, recipe: Recipe, max_side_px: int, crop: Crop = UNCROPPED, sample_aspect: Fraction = SQUARE_SAMPLES
    ) -> None:
        self._sample_aspect = sample_aspect if recipe.sample_aspect == "apply" else SQUARE_SAMPLES
        self._tone_maps = recipe.transfer == "tone-map-bt709"
        self._takes_one_field = recipe.fields == "top"
        self._adjusted: dict[str, None] = {}
        if self._sample_aspect != SQUARE_SAMPLES:
            self._adjusted[f"sample aspect {sample_aspect.numerator}:{sample_aspect.denominator}"] = None
        self._short_side = recipe.short_side
        self._crop = recipe.crop
        self._max_side_px = max(max_side_px, recipe.short_side)
        self._cut_off = crop
        self._reformatter = VideoReformatter()
        self._probe = SitingProbe()
        self._siting: tuple[object, ChromaSiting] = None, ChromaSiting()
        self._orientation_probe = OrientationProbe()
        self._orientation: tuple[object, Orientation] = None, UPRIGHT
        # One is enough, and a stream that keeps changing must not pile them up.
        self._prepared: _Prepared | None = None
        self.converted = 0

    @property
    def adjusted(self) -> tuple[str, ...]:
        """What was done to pictures, beyond reading them as stored, because the recipe asks for it."""
        return tuple(self._adjusted)

    def __call__(
        self,
        picture: VideoFrame | npt.NDArray[np.uint8],
        square: npt.NDArray[np.uint8] | None = None,
        sequence: int | None = None,
    ) -> npt.NDArray[np.uint8]:
        """uint8 `(crop, crop, 3)` of a decoded frame or of a uint8 `(height, width, 3)` RGB array.

        Args:
            picture: its planes are read where they lie.
            square: C-contiguous, where to write the result; a new array by default.
            sequence: of the frame, see `TimedFrame`; None if it is not known.

        Raises:
            LimitExceeded: the resized picture would be longer than `max_side_px`.
            DecodeError: the decoder's pixel format cannot be converted, or its planes are not what they should be.
            EngineUnavailable: VIDEOBERT_CPU asks for what this processor does not have.
        """
        if square is None:
            square = np.empty((self._crop, self._crop, 3), np.uint8)
        with span("transform"):
            if isinstance(picture, np.ndarray):
                height, width, _ = picture.shape
                self._transform(_Stored(width, height, RGB24), [np.ascontiguousarray(picture)], [3 * width], square)
            else:
                self._transform_frame(picture, square, sequence)
        self.converted += 1
        return square

    def _transform_frame(self, frame: VideoFrame, square: npt.NDArray[np.uint8], sequence: int | None) -> None:
        # Asked of the frame as decoded: a conversion may drop or change tags.
        colour, size = colour_of(frame), (frame.width, frame.height)
        if not self._tone_maps:
            colour = replace(colour, hdr=None)
        one_field = self._takes_one_field and frame.interlaced_frame
        crop = self._cut_off if self._cut_off.fits(*size) else UNCROPPED
        orientation = self._orientation_of(frame, sequence)
        try:
            siting = self._siting_of(frame, sequence)
            readable = frame
            if layout_of(frame.format.name) is None:
                readable = self._reformatter.reformat(frame, format=read_as(frame.format), threads=1)
            layout = layout_of(readable.format.name)
            if layout is not None and not cuts_at(crop, layout):
                readable = self._reformatter.reformat(frame, format="yuv422p", threads=1)
                layout = layout_of("yuv422p")
        except (av.error.FFmpegError, ValueError) as error:
            raise _unreadable(frame, str(error)) from error
        if layout is None:
            raise _unreadable(frame, f"not even as {readable.format.name}")
        planes = readable.planes
        stored = _Stored(*size, layout, colour, siting, orientation, crop, one_field)
        try:
            self._transform(stored, planes[: layout.planes], [plane.line_size for plane in planes], square)
        except ValueError as error:
            raise _unreadable(frame, str(error)) from error

    def _orientation_of(self, frame: VideoFrame, sequence: int | None) -> Orientation:
        key = sequence, frame.rotation
        if sequence is None or self._orientation[0] != key:
            self._orientation = key, self._orientation_probe(frame)
        return self._orientation[1]

    def _siting_of(self, frame: VideoFrame, sequence: int | None) -> ChromaSiting:
        if (frame.format.chroma_width(), frame.format.chroma_height()) == (frame.width, frame.height):
            return ChromaSiting()
        key = sequence, frame.width, frame.height, frame.format.name
        if sequence is None or self._siting[0] != key:
            self._siting = key, self._probe(frame)
        return self._siting[1]

    def _transform(
        self, stored: _Stored, planes: Sequence[Any], line_sizes: list[int], square: npt.NDArray[np.uint8]
    ) -> None:
        if self._prepared is None or self._prepared.stored != stored:
            self._prepared = self._prepare(stored)
        if stored.crop or stored.one_field:
            windows = self._prepared.window.planes
            planes = [window.of(*plane) for window, *plane in zip(windows, planes, line_sizes, strict=False)]
        if stored.one_field:
            line_sizes = [2 * line_size for line_size in line_sizes]
        self._prepared.native(planes, line_sizes[: len(planes)], square)

    def _prepare(self, stored: _Stored) -> _Prepared:
        (width, height), layout, turn = stored.kept, stored.layout, stored.orientation
        resized = resized_size(width, height, self._short_side, self._sample_aspect)
        if max(resized) > self._max_side_px:
            raise LimitExceeded(
                f"the picture is too long and thin: resized it would be {resized[0]}x{resized[1]}",
                seen=f"{width}x{height}",
                allowed=f"sides of up to {self._max_side_px} pixels, after resizing too",
                fix="Crop the video, or raise Limits(max_side_px=…).",
                fix_cli="Crop the video, or raise --max-side-px.",
            )
        window = picture_window(
            stored.width, stored.height, stored.crop, layout, stored.siting, one_field=stored.one_field
        )
        colour = stored.colour
        if colour.hdr is not None:
            self._adjusted[f"{colour.hdr} to bt709"] = None
        if stored.one_field:
            self._adjusted["top field"] = None
        native = native_core().ClipTransform(
            components=window.components(layout),
            bits=layout.bits,
            resized=resized,
            crop=(self._crop, self._crop),
            turn=(turn.swap, turn.flip_x, turn.flip_y),
            colour=colour.to_rgb(layout.bits, layout.unused_bits),
            path=cpu_path(),
            tone_map=None if colour.hdr is None else tone_map(colour.hdr, colour.primaries),
        )
        return _Prepared(stored, window, native)


def _unreadable(frame: VideoFrame, why: str) -> DecodeError:
    return DecodeError(
        "pixels of this format cannot be converted to RGB",
        seen=f"{frame.format.name} {frame.width}x{frame.height} ({why})",
        fix="Convert the video to 8-bit 4:2:0 first.",
    )
