"""How many threads decode a video, where the caller says so or it was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from videobert.base.arguments import whole
from videobert.base.cpu_threads import processors

# As FFmpeg itself has at most: each holds a picture.
MOST_THREADS: Final = 16
# What `load` takes in place of a number.
MEASURED: Final = "measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredThreads:
    """How many threads decode, found by trying on pictures of one size.

    Args:
        threads: how many decode those and smaller ones. Larger ones get more by their pixels: they are more work.
        pixels: of such a picture.
        quiet: whether the machine did nothing else meanwhile; if it did, `threads` is all of them.
    """

    threads: int
    pixels: int
    quiet: bool = True

    def of_picture(self, pixels: int, most: int) -> int:
        """How many decode pictures of so many pixels, `most` at most."""
        return min(most, math.ceil(self.threads * max(1.0, pixels / self.pixels)))


DecoderThreads = int | MeasuredThreads | None


def most_decoder_threads(threads: int | None) -> int:
    """How many decode where nobody says: all processors, or what is left of `threads` by the one that makes clips."""
    # FFmpeg's own choice is one more than there are processors, which then waits for one.
    return min(MOST_THREADS, processors()) if threads is None else max(1, threads - 1)


def check_decoder_threads(
    asked: object, threads: int | None = None, *, clips: int = 1, measurable: bool = False
) -> int | None:
    """The number that is asked for, or None.

    Args:
        threads: most threads that may compute at a time, where the caller says that too. One of them is the caller's
            own, which makes the clips.
        clips: how many clips at a time share those.
        measurable: whether the caller could have asked for `MEASURED` instead; the message says so.

    Raises:
        UsageError: it is no whole number from 1 to 16, or more than `threads` leaves.
    """
    if asked is None:
        return None
    # In words of Python and of the command line alike, both of which show them.
    name = "the number of threads that decode"
    words = f', or "{MEASURED}"' if measurable else ""
    if threads is None:
        return whole(
            name,
            asked,
            least=1,
            most=MOST_THREADS,
            allowed=f"1 to {MOST_THREADS}{words}",
            fix="Leave it out for all of them.",
        )
    most = min(MOST_THREADS, max(1, threads // clips - 1))
    of = f"{threads} thread{'s' if threads > 1 else ''}{f' for {clips} clips at a time' if clips > 1 else ''}"
    return whole(
        name,
        asked,
        least=1,
        most=most,
        allowed=f"{'1' if most == 1 else f'1 to {most}'} with {of}{words}",
        fix="Leave it out for as many as threads allows.",
        fix_cli="Leave it out for as many as --threads allows.",
    )
