"""How the stored picture is turned and mirrored for display: the container's display matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight ways to lay a rectangle on a grid: axes swapped first, then each axis flipped or not."""

    swap: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def apply(self, picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view of `picture` `(height, width, …)` as displayed."""
        if self.swap:
            picture = picture.swapaxes(0, 1)
        return picture[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]

    @property
    def mirrored(self) -> bool:
        """Whether the picture is mirrored, left to right, before it is turned."""
        return self.swap ^ self.flip_x ^ self.flip_y

    @property
    def rotation(self) -> Literal[0, 90, 180, 270]:
        """Degrees clockwise."""
        if self.swap:
            return 90 if self.flip_x else 270
        return 180 if self.flip_y else 0


UPRIGHT = Orientation()


def turned(degrees: int) -> Orientation:
    """The orientation that turns anticlockwise by the right angle nearest to `degrees`, unmirrored."""
    return {
        0: UPRIGHT,
        1: Orientation(swap=True, flip_y=True),
        2: Orientation(flip_x=True, flip_y=True),
        3: Orientation(swap=True, flip_x=True),
    }[round(degrees / 90) % 4]


def from_display_matrix(matrix: bytes) -> Orientation:
    """The nearest right-angled orientation of a display matrix: nine int32 in the machine's byte order.

    The stored point (x, y), y downwards, is displayed at (a x + c y, b x + d y), where a, b, c, d are values
    0, 1, 3, 4 of the matrix (ISO/IEC 14496-12, 8.2.2). A matrix of another size means nothing.
    """
    if len(matrix) != 36:
        return UPRIGHT
    a, b, c, d = (int(x) for x in np.frombuffer(matrix, np.int32)[[0, 1, 3, 4]])
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(swap=True, flip_x=c < 0, flip_y=b < 0)
    return Orientation(flip_x=a < 0, flip_y=d < 0)
