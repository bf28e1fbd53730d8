"""Which streams DALI decodes as the recipe says; nothing of it is imported to find out."""

from __future__ import annotations

from videobert.video.decoders.available import Device
from videobert.video.decoders.dali.graph import Backend
from videobert.video.info import VideoInfo

# What each kind of decoding takes: of DALI's own list for the CPU and for NVDEC, the codecs whose packets are frames.
CODECS: dict[Backend, tuple[str, ...]] = {
    "cpu": ("vp8", "vp9", "mjpeg"),
    "mixed": ("h264", "hevc", "av1", "vp8", "vp9", "mjpeg"),
}
# DALI guesses the range from the pixel format on the CPU: full for these alone.
_FULL_RANGE_FORMATS = {"yuvj420p", "yuvj422p", "yuvj444p"}
_PIXEL_FORMATS: dict[Backend, set[str]] = {
    "cpu": {"yuv420p", "yuv422p", "yuv444p"} | _FULL_RANGE_FORMATS,
    "mixed": {"yuv420p", "yuvj420p", "yuv420p10le"},
}
_LEAST_SIDE_PX = 8


def backend_of(device: Device) -> Backend:
    """Where DALI decodes for a device."""
    return "mixed" if device == "cuda" else "cpu"


def refusal(info: VideoInfo, backend: Backend, adjusted: str | None = None) -> str | None:
    """Why DALI is not to decode this stream, in words; None if it may.

    Args:
        info: what PyAV found in the first frame.
        backend: where DALI would decode.
        adjusted: what the recipe does to these pictures that the graph does not do; None for nothing.
    """
    where = "on the CPU" if backend == "cpu" else "with NVDEC"
    if info.codec not in CODECS[backend]:
        return f"DALI does not decode {info.codec} {where}"
    if info.timestamps != "presentation":
        return "the container does not state when frames are shown"
    if any(info.crop):
        return "the container crops the picture"
    if info.interlaced:
        return "the frames are interlaced"
    if adjusted is not None:
        return f"the recipe asks for {adjusted}"
    if info.pixel_format not in _PIXEL_FORMATS[backend]:
        return f"DALI does not take pixels of {info.pixel_format} {where} as the recipe does"
    if backend == "cpu" and info.full_range != (info.pixel_format in _FULL_RANGE_FORMATS):
        return "DALI would take full range for limited range"
    if min(info.width, info.height) < _LEAST_SIDE_PX:
        return "the picture is too small"
    return None
