"""Small pictures as JPEGs."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt


def jpeg(picture: npt.NDArray[np.uint8], *, longest_px: int, quantiser: int) -> bytes:
    """A JPEG of an RGB picture `(height, width, 3)`, scaled down to at most `longest_px` a side.

    Args:
        quantiser: of the encoder, 2 (best) to 31.
    """
    import av
    from av.video.reformatter import ColorRange

    height, width = picture.shape[:2]
    scale = min(1.0, longest_px / max(height, width))
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(
        width=max(1, round(width * scale)),
        height=max(1, round(height * scale)),
        format="yuvj420p",
        interpolation="AREA",
        dst_color_range=ColorRange.JPEG,
    )
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = frame.width, frame.height
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.qmin = encoder.qmax = quantiser
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
