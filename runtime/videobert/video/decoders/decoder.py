"""What every decoder gives: frames with presentation times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from videobert.video.info import VideoInfo

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from av.video.frame import VideoFrame

    from videobert.video.clip import Clip


class GaveUp(Exception):
    """A decoder that chooses ahead what it decodes cannot go on with this stream; another may. The text says why."""


class FrameReference:
    """A frame that its decoder can decode later, and knows where it is."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class TimedFrame:
    """A frame in the order of output, with what the stream says about its time.

    Args:
        picture: a decoded frame, a uint8 `(height, width, 3)` RGB array, a reference to a frame yet to be decoded, or
            None for one that no clip needs.
        time: presentation time in seconds, exact; None if the stream states none.
        duration: seconds on screen, or None.
        sequence: how many key frames came so far. What holds for a whole coded sequence, as where chroma samples lie,
            can change only where this does; None if that is not known.
    """

    picture: VideoFrame | npt.NDArray[np.uint8] | FrameReference | None
    time: Fraction | None
    duration: Fraction | None
    sequence: int | None = None


class Decoder(Protocol):
    """One opened video.

    Attributes:
        tolerance: see `SampleGrid`.
        look_ahead: see `PresentationClock`.
        nominal_s: duration in seconds of a frame that states none, if the stream has a frame rate.
        sample_aspect: width of a stored sample over its height, as the stream states it at its beginning; else 1.
    """

    tolerance: Fraction
    look_ahead: int
    nominal_s: Fraction | None
    sample_aspect: Fraction

    @property
    def info(self) -> VideoInfo:
        """What is known before the first frame, with the decoder's counts as they are now."""

    def frames(self) -> Iterator[TimedFrame]:
        """The frames in presentation order; to be called once."""

    def render(self, planned: Iterator[Clip]) -> Iterator[Clip]:
        """The clips that were planned, with pictures in place of references; where there are none, as they are.

        Raises:
            GaveUp: as above, also from `frames`.
        """

    def close(self) -> None:
        """Release everything; may be called again."""
