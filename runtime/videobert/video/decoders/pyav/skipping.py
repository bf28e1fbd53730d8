"""Decoding by a plan: what no clip needs is left out, and what comes is watched over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from videobert.video.decoders.decoder import GaveUp
from videobert.video.decoders.pyav.arrivals import Arrivals
from videobert.video.decoders.pyav.skip_plan import PlannedFrame, SkipPlan

# Decodes a packet, or what is left in the decoder for None.
Decode = Callable[["Packet[Any] | None"], list[VideoFrame]]


def by_plan(
    plan: SkipPlan,
    context: VideoCodecContext,
    packets: Iterator[Packet[Any]],
    decode: Decode,
    is_sound: Callable[[], bool],
    first: list[VideoFrame],
) -> Iterator[VideoFrame | PlannedFrame]:
    """The frames of a stream behind its first, in the order of presentation, with those that are left out.

    Args:
        packets: those that follow the ones that `plan` knows as fed.
        is_sound: whether nothing was damaged so far, and times are what the packets say.
        first: what the fed packets gave; the first of it was given already.

    Raises:
        GaveUp: decoding less than all of this stream may change its frames.
    """
    arrivals = Arrivals()

    def checked(given: list[VideoFrame]) -> Iterator[VideoFrame | PlannedFrame]:
        # A decoder hides damage with what it decoded last, which may be something else here.
        if not is_sound() or any(picture.is_corrupt for picture in given):
            raise GaveUp("the stream is damaged, or its packets have no times")
        for picture in given:
            yield from arrivals.arrived(picture.pts)
            yield picture

    for number, run in enumerate(plan.runs(packets)):
        if run.fresh:
            yield from checked(decode(None))
            yield from arrivals.drained()
            context.flush_buffers()
        arrivals.expect(run)
        if number == 0:
            given, *rest = checked(first)
            if given is not first[0]:
                raise GaveUp("the first frame is not where the packets have it")
            yield from rest
        for packet in run.packets:
            yield from checked(decode(packet))
    yield from checked(decode(None))
    yield from arrivals.drained()
