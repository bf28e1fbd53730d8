"""Frame arrays of the wrong form are refused when they are made."""

from __future__ import annotations

import numpy as np
import pytest

from videobert.base.errors import InputError
from videobert.video.source.frame_array import FrameArray


@pytest.mark.parametrize(
    ("frames", "times"),
    [
        (np.zeros((2, 8, 8, 3), np.float32), [0, 1]),
        (np.zeros((2, 8, 8), np.uint8), [0, 1]),
        (np.zeros((2, 8, 8, 4), np.uint8), [0, 1]),
        (np.zeros((0, 8, 8, 3), np.uint8), []),
        (np.zeros((2, 8, 8, 3), np.uint8), [0]),
        (np.zeros((2, 8, 8, 3), np.uint8), [0, 0]),
        (np.zeros((2, 8, 8, 3), np.uint8), [1, 0]),
        (np.zeros((2, 8, 8, 3), np.uint8), [0, np.nan]),
        (np.zeros((2, 8, 8, 3), np.uint8), ["a", "b"]),
    ],
)
def test_frame_arrays_of_the_wrong_form(frames, times):
    with pytest.raises(InputError):
        FrameArray(frames, times)
