"""Which decoder reads a video: never a silent choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Literal

from av.video.stream import VideoStream

from videobert.base.arguments import one_of
from videobert.base.errors import InputError
from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.video.decoders.available import Device, check_decoder, require_dali, unusable
from videobert.video.decoders.decoder import Decoder
from videobert.video.decoders.pyav.decoder import PyAvDecoder
from videobert.video.source.containers import Opened

_DEVICES = ("cpu", "cuda")


@dataclass(frozen=True, slots=True)
class Choice:
    """The decoder to use for files, and why it is not the one that would have been first choice; None if it is."""

    name: Literal["pyav", "dali"]
    device: Device
    fallback: str | None = None


def choose(decoder: str, device: str) -> Choice:
    """The decoder asked for, or for `"auto"`: DALI where clips are wanted on a GPU and NVDEC is there, else PyAV.

    Raises:
        UsageError: an unknown name.
        EngineUnavailable: DALI was asked for by name and cannot run here; the message says what to install.
    """
    check_decoder(decoder)
    one_of("device", device, _DEVICES, "cpu always works.")
    where: Device = "cuda" if device == "cuda" else "cpu"
    if decoder == "pyav" or (decoder == "auto" and where == "cpu"):
        return Choice("pyav", "cpu")
    if decoder == "dali":
        require_dali(where)
    why = unusable(where)
    if why is None:
        return Choice("dali", where)
    return Choice("pyav", "cpu", f"dali: {why[0]}")


def open_decoder(
    choice: Choice,
    open_video: Callable[[], Opened | None],
    recipe: Recipe,
    limits: Limits,
    *,
    cancel: Event | None = None,
    track: int | None = None,
    threads: int | None = None,
    skip: bool = False,
    codec_failure: Callable[[str], str | None] | None = None,
) -> Decoder:
    """Open an encoded video with the decoder chosen; with PyAV where DALI cannot take this stream.

    The first frame is always decoded with PyAV: which track is read and what it says of size, colour and orientation
    holds for both.

    Args:
        open_video: opens the source anew each time; None if it cannot be read twice.
        cancel: set it from anywhere to stop.
        track: see `PyAvDecoder`.
        threads: most threads that decode and transform at a time; None for as many as pay.
        skip: let PyAV leave out what the recipe's stride does not need; its frames may then raise `GaveUp`.
        codec_failure: says of a codec why DALI is not to be trusted with it, None if it is.

    Raises:
        DecodeError, InputError, LimitExceeded, Cancelled: as `PyAvDecoder`.
    """
    opened = open_video()
    if opened is None:
        raise InputError("this video cannot be read a second time")
    try:
        first = PyAvDecoder(opened, limits, cancel, track, threads=threads)
    except BaseException:
        opened.container.close()
        raise
    first.fallback = choice.fallback
    if skip and recipe.stride > 1:
        first.skip(recipe)
    if choice.name == "pyav":
        return first
    from videobert.video.decoders.dali.accepted_streams import place_of, refusal

    why = refusal(first.info, place_of(choice.device))
    if why is None and codec_failure is not None:
        why = codec_failure(first.info.codec)
    again = None if why else open_video()
    if again is None:
        first.fallback = f"dali: {why or 'this source can be read only once'}"
        return first
    try:
        return _dali(again, first, recipe, limits, choice.device, cancel, threads)
    except BaseException:
        again.container.close()
        raise
    finally:
        first.close()


def _dali(
    opened: Opened,
    first: PyAvDecoder,
    recipe: Recipe,
    limits: Limits,
    device: Device,
    cancel: Event | None,
    threads: int | None,
) -> Decoder:
    from videobert.video.decoders.dali.accepted_streams import place_of
    from videobert.video.decoders.dali.decoder import DaliDecoder

    stream = opened.container.streams[first.stream_index]
    if not isinstance(stream, VideoStream):
        raise InputError("the file was changed while it was opened")
    return DaliDecoder(
        opened.container,
        stream,
        info=first.info,
        turn=first.orientation,
        siting=first.siting(),
        nominal_s=first.nominal_s,
        recipe=recipe,
        limits=limits,
        place=place_of(device),
        cancel=cancel,
        threads=threads,
    )
