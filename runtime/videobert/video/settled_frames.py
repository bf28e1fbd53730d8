"""The frames of a decoder with the times that can be trusted: what every reading of a video begins with."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from threading import Event

from videobert.base.cancelling import stop_if
from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.video.decoders.decoder import Decoder, TimedFrame
from videobert.video.timestamps import PresentationClock


def clock_of(decoder: Decoder, recipe: Recipe, limits: Limits) -> PresentationClock[TimedFrame]:
    """A clock for the frames of a decoder. Readings of a video agree on its times if recipe and limits are the same."""
    return PresentationClock(
        decoder.nominal_s or 1 / recipe.fps,
        longest=limits.max_repeated_frames / recipe.fps,
        look_ahead=decoder.look_ahead,
    )


def settled_frames(
    decoder: Decoder, clock: PresentationClock[TimedFrame], cancel: Event | None
) -> Iterator[tuple[TimedFrame, Fraction]]:
    """The frames that are not left out, with their times in seconds.

    Raises:
        Cancelled: `cancel` is set.
        GaveUp: see `Decoder.frames`.
    """
    for timed in decoder.frames():
        stop_if(cancel)
        yield from clock.offer(timed, timed.time, timed.duration)
    info = decoder.info
    start = Fraction(info.start_s) if clock.start is None else clock.start
    yield from clock.finish(None if info.duration_s is None else start + Fraction(info.duration_s))
