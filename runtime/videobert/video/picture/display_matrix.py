"""How a decoded frame is to be turned for display, as its side data says.

FFmpeg's decoders put one display matrix on a frame, wherever it comes from: the container, the bitstream (H.264 and
HEVC) or an Exif tag in a JPEG. One of the frame's own takes the place of the container's.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av.error
from av.filter import Graph
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from videobert.video.picture.orientation import UPRIGHT, Orientation, from_display_matrix, turned

_SIDE = 16
_FORMAT = "gray"
# Kinds of side data that FFmpeg numbers today, and as many again.
_KINDS = 64


class OrientationProbe:
    """Reads the display matrix of frames. Keeps its tables between frames."""

    def __init__(self) -> None:
        self._shrink = VideoReformatter()
        self._strip: Graph | None = None

    def __call__(self, frame: VideoFrame) -> Orientation:
        """The display orientation; upright where the frame says nothing."""
        try:
            # PyAV's side data and its frame hold each other until Python looks for cycles: let it be a few samples.
            small = self._shrink.reformat(
                frame, _SIDE, _SIDE, _FORMAT, interpolation=int(Interpolation.POINT), threads=1
            )
        except (av.error.FFmpegError, ValueError):
            small = frame
        try:
            return _orientation(small)
        except ValueError:  # one of the frame's side data is of a kind that PyAV has no name for
            pass
        try:
            return _orientation(self._stripped(small))
        except (av.error.FFmpegError, ValueError):
            # The angle PyAV reads by itself; only whether the picture is mirrored too is not known.
            return turned(frame.rotation)

    def _stripped(self, small: VideoFrame) -> VideoFrame:
        """The same frame without the side data that PyAV cannot name."""
        if self._strip is None:
            self._strip = _strip_graph(small)
        self._strip.push(small)
        found = self._strip.pull()
        if not isinstance(found, VideoFrame):
            raise ValueError("the filter gave no picture")
        return found


def _orientation(frame: VideoFrame) -> Orientation:
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    return UPRIGHT if matrix is None else from_display_matrix(bytes(matrix))


def _strip_graph(frame: VideoFrame) -> Graph:
    named: set[Any] = {kind.value for kind in Type}
    graph = Graph()
    last = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
    )
    for kind in range(_KINDS):
        if kind not in named:
            strip = graph.add("sidedata", f"mode=delete:type={kind}")
            last.link_to(strip)
            last = strip
    last.link_to(graph.add("buffersink"))
    graph.configure()
    return graph
