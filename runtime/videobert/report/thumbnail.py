"""Small pictures as data URIs, so that a page needs nothing but itself."""

from __future__ import annotations

import base64
from fractions import Fraction

import numpy as np
import numpy.typing as npt

_LONGEST_PX = 192
# The encoder's quantiser, 2 (best) to 31; 5 is about 4 KB for a picture of this size.
_QUANTISER = 5


def data_uri(picture: npt.NDArray[np.uint8]) -> str:
    """A JPEG `data:` URI of an RGB picture `(height, width, 3)`, scaled down to at most 192 pixels a side."""
    import av
    from av.video.reformatter import ColorRange

    height, width = picture.shape[:2]
    scale = min(1.0, _LONGEST_PX / max(height, width))
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
    encoder.qmin = encoder.qmax = _QUANTISER
    data = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")
