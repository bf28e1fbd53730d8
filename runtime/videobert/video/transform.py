"""One decoded picture to one square of RGB bytes, as the recipe says.

swscale does the work: with these flags it resizes each plane as stored with a triangle filter straight to the output
size and converts afterwards, which is the recipe's definition; the tests hold it to a float64 reference.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import av.error
import av.filter
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from videobert.errors import DecodeError, InputError, LimitExceeded
from videobert.recipe import Recipe
from videobert.video.colour import colour_of
from videobert.video.orientation import UPRIGHT, Orientation, from_display_matrix

_FLAGS = int(
    Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)

# swscale's filters have at least four taps; planes with a shorter side come out wrong.
_LEAST_SAMPLES = 4

_ANY_TIME_BASE = Fraction(1, 1000)  # the filter graph wants one, nothing here uses it

# swscale always reads a single grey plane as full range; this is the missing step, on the resized bytes.
_GREY_TO_FULL = np.clip(np.floor((np.arange(256) - 16) * (255 / 219) + 0.5), 0, 255).astype(np.uint8)


def resized_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """(width, height) with the shorter side at `short_side` and the longer rounded to the nearest, halves up."""
    short = min(width, height)
    return (2 * width * short_side + short) // (2 * short), (2 * height * short_side + short) // (2 * short)


def orientation_of(frame: VideoFrame) -> Orientation:
    """The display orientation that the container or the bitstream gives this frame.

    To be asked rarely: PyAV's side data and its frame refer to each other, so that the picture's memory is freed only
    when Python next looks for cycles.
    """
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    return UPRIGHT if matrix is None else from_display_matrix(bytes(matrix))


class PictureTransform:
    """Resize, convert, turn and crop. One per stream: it keeps swscale's tables between pictures.

    Args:
        recipe: gives `short_side` and `crop`.
        max_side_px: longest side that a resized picture may have; a very long and thin one is refused.

    Attributes:
        converted: how many pictures were converted.
    """

    def __init__(self, recipe: Recipe, max_side_px: int) -> None:
        self._short_side = recipe.short_side
        self._crop = recipe.crop
        self._max_side_px = max(max_side_px, recipe.short_side)
        self._scaler = VideoReformatter()
        self._orientations: dict[int, Orientation] = {}
        self._weavers: dict[tuple[int, int, str], av.filter.Graph] = {}
        self.converted = 0

    def __call__(self, picture: VideoFrame | npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """uint8 `(crop, crop, 3)` of a decoded frame or of a uint8 `(height, width, 3)` RGB array.

        Raises:
            InputError: the picture is smaller than 4 samples a side, chroma included.
            LimitExceeded: the resized picture would be longer than `max_side_px`.
            DecodeError: the decoder's pixel format cannot be converted.
        """
        frame = VideoFrame.from_ndarray(picture, "rgb24") if isinstance(picture, np.ndarray) else picture
        width, height = resized_size(frame.width, frame.height, self._short_side)
        if max(width, height) > self._max_side_px:
            raise LimitExceeded(
                f"the picture is too long and thin: resized it would be {width}x{height}",
                seen=f"{frame.width}x{frame.height}",
                allowed=f"max_side_px = {self._max_side_px} after resizing too",
                fix="Crop the video, or raise Limits(max_side_px=…).",
            )
        if min(frame.width, frame.height, frame.format.chroma_width(), frame.format.chroma_height()) < _LEAST_SAMPLES:
            raise InputError(
                "the picture is too small",
                seen=f"{frame.width}x{frame.height} {frame.format.name}",
                allowed=f"{_LEAST_SAMPLES} samples a side in every plane, which is 8 pixels a side for 4:2:0",
                fix="Scale the video up.",
            )
        colour = colour_of(frame)
        try:
            resized = self._scaler.reformat(
                self._woven(frame) if frame.interlaced_frame else frame,
                width=width,
                height=height,
                format="rgb24",
                interpolation=_FLAGS,
                src_colorspace=colour.colorspace,
                src_color_range=colour.range,
                dst_color_range=ColorRange.JPEG,
                threads=1,
            ).to_ndarray()
        except (av.error.FFmpegError, ValueError) as error:
            raise DecodeError(
                "pixels of this format cannot be converted to RGB",
                seen=f"{frame.format.name} {frame.width}x{frame.height} ({error})",
                fix="Convert the video to 8-bit 4:2:0 first.",
            ) from error
        self.converted += 1
        if frame.rotation not in self._orientations:
            self._orientations[frame.rotation] = orientation_of(frame)
        shown = self._orientations[frame.rotation].apply(resized)
        top, left = (shown.shape[0] - self._crop) // 2, (shown.shape[1] - self._crop) // 2
        square = shown[top : top + self._crop, left : left + self._crop]
        if colour.grey and not colour.full_range:
            square = _GREY_TO_FULL[square]
        return np.ascontiguousarray(square, dtype=np.uint8)

    def _woven(self, frame: VideoFrame) -> VideoFrame:
        """The same picture marked progressive: swscale would resize the two fields apart."""
        key = (frame.width, frame.height, frame.format.name)
        if key not in self._weavers:
            graph = av.filter.Graph()
            source = graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=_ANY_TIME_BASE
            )
            graph.link_nodes(source, graph.add("setparams", "field_mode=prog"), graph.add("buffersink")).configure()
            self._weavers = {key: graph}  # one is enough, and a stream that keeps changing size must not pile them up
        graph = self._weavers[key]
        graph.push(frame)
        woven = graph.pull()
        if not isinstance(woven, VideoFrame):
            raise DecodeError("an interlaced frame could not be woven", seen=type(woven).__name__)
        return woven
