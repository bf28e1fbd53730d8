"""From the RGB that DALI makes to the RGB that the recipe asks for.

DALI's decoders give RGB alone: always through the matrix of BT.601, in the range that they believe in, with chroma
samples taken to lie in the middle of the pixels they stand for. Colour conversion is linear, so its luma and its chroma
can be told apart again after resizing: luma goes on as it is, chroma is read where it really lies, and both pass
through the stream's own matrix. What DALI clipped at the ends of the range on its way is lost.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from videobert.video.picture.colour import Colour


def to_rgb(matrix: str) -> npt.NDArray[np.float64]:
    """`(3, 3)`: what makes r, g, b (0…1) of y (0…1) and u, v (-1/2…1/2)."""
    # In full range samples differ from these by a factor of 255 only, and red, green and blue do too.
    return np.array(Colour(matrix, True, False).to_rgb(8))[:, :3]


def from_luma_and_chroma(matrix: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Two float32 `(3, 3)`: what to multiply DALI's RGB with for its luma's and for its chroma's part of the result."""
    dali = np.linalg.inv(to_rgb("bt601"))
    own = to_rgb(matrix)
    luma = own @ np.diag([1.0, 0.0, 0.0]) @ dali
    chroma = own @ np.diag([0.0, 1.0, 1.0]) @ dali
    return luma.astype(np.float32), chroma.astype(np.float32)
