"""Small pictures as data URIs, so that a page needs nothing but itself."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt

from videobert.video.picture.jpeg import jpeg

_LONGEST_PX = 192
# 5 is about 4 KB for a picture of this size.
_QUANTISER = 5


def data_uri(picture: npt.NDArray[np.uint8]) -> str:
    """A JPEG `data:` URI of an RGB picture `(height, width, 3)`, scaled down to at most 192 pixels a side."""
    return jpeg_data_uri(jpeg(picture, longest_px=_LONGEST_PX, quantiser=_QUANTISER))


def jpeg_data_uri(content: bytes) -> str:
    """The `data:` URI of a JPEG."""
    return "data:image/jpeg;base64," + base64.b64encode(content).decode("ascii")
