"""Opens whatever a caller calls a video."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sized
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import callback, check_track, instance, local_path, stop_signal
from videobert.base.cpu_threads import thread_limit
from videobert.base.errors import InputError
from videobert.base.limits import Limits, limits_or_default, most_pixels
from videobert.model.recipe import Recipe
from videobert.video.decoders.available import DecoderName, Device
from videobert.video.decoders.choice import Choice, choose, open_decoder
from videobert.video.decoders.decoder import Decoder
from videobert.video.source import containers as sources
from videobert.video.source.frame_array import ArrayDecoder, FrameArray
from videobert.video.source.mp4.checked_stream import Readable
from videobert.video.stream import ClipStream, Progress

VideoSource = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | Readable
    | FrameArray
    | Iterable[tuple[npt.NDArray[np.uint8], float]]
)


def open_clips(
    source: VideoSource,
    recipe: Recipe,
    *,
    limits: Limits | None = None,
    on_progress: Progress | None = None,
    cancel: threading.Event | None = None,
    decoder: DecoderName = "auto",
    device: Device = "cpu",
    track: int | None = None,
    threads: int | None = None,
) -> ClipStream:
    """Open a video and give its clips as they are decoded.

    Args:
        source: path of a local file; the bytes of one; a binary file object; a `FrameArray`; or an iterator of
            `(frame uint8 (height, width, 3), time_s)` for live input, whose clips come out as soon as they are
            complete. File objects and iterators stay the caller's to close.
        recipe: how frames are chosen and transformed.
        limits: what is accepted; `Limits()` by default.
        on_progress: called as `on_progress(done_s, total_s)` after each clip and at the end; `total_s` is None where
            the container does not say.
        cancel: set it from anywhere to stop.
        decoder: `"pyav"`; `"dali"`, which falls back to PyAV for what it cannot decode exactly, and says so in the
            stream's `info`; or `"auto"`, DALI on `"cuda"` where NVDEC is there, else PyAV. Numpy frames need none.
        device: `"cpu"`, or `"cuda"` for clips that DALI leaves in the memory of the GPU.
        track: number of the video track to read, from 0 in the order of the file; None for the one that a player would
            show. Cover pictures do not count. The stream's `info` says which was read and how many there are.
        threads: most threads that decode and transform at a time, the caller's among them; None for what
            `OMP_NUM_THREADS` or the CPU quota of a container says, else for as many as pay. Clips do not depend on it.

    Returns:
        An iterator of `Clip` and a context manager.

    Raises:
        UsageError: an argument of the wrong kind.
        InputError: the source is missing, unreadable, a URL or of a kind that is not accepted, or has no such track.
        DecodeError: it holds no video that can be decoded.
        LimitExceeded: it is larger or longer than `limits`; also raised while reading.
        Cancelled: once `cancel` is set, here or while reading.
        EngineUnavailable: DALI was asked for by name and cannot run here.
    """
    limits, threads = limits_or_default(limits), thread_limit(threads)
    instance("recipe", recipe, Recipe, example="model.recipe")
    callback("on_progress", on_progress)
    stop_signal(cancel)
    track = check_track(track)
    choice = choose(decoder, device)
    opener = _opener(source, most_pixels(limits))
    if opener is None:
        if track:
            raise InputError("numpy frames are one track", seen=f"track {track}", fix="Leave track out.")
        return ClipStream(_frames_of(source, limits), recipe, limits, on_progress, cancel, live=is_live(source))

    repeatable = _is_repeatable(source, opener)

    def reopen(gave_up: Decoder, reason: str) -> Decoder:
        info = gave_up.info
        dali = info.decoder == "dali"
        again = Choice("pyav", "cpu", f"dali: {reason}" if dali else info.decoder_fallback)
        skip = dali and repeatable
        return open_decoder(again, opener, recipe, limits, cancel=cancel, track=info.track, threads=threads, skip=skip)

    opened = open_decoder(
        choice,
        opener,
        recipe,
        limits,
        cancel=cancel,
        track=track,
        threads=threads,
        skip=repeatable,
        codec_failure=_tried if choice.device == "cuda" else None,
    )
    return ClipStream(opened, recipe, limits, on_progress, cancel, reopen, is_live(source))


def _tried(codec: str) -> str | None:
    from videobert.video.decoders.dali.probe import failure

    return failure(codec, "cuda")


def _is_repeatable(source: Any, opener: Callable[[], sources.Opened | None]) -> bool:
    """Whether a source gives the same again when it is opened again."""
    if isinstance(opener, sources.Rewound):
        return opener.repeatable
    return not isinstance(source, (str, os.PathLike)) or not sources.is_pipe(source)


def is_live(source: Any) -> bool:
    """Whether a source gives what it has as it comes: a pipe or a device, or an iterator of unknown length."""
    if isinstance(source, (str, os.PathLike)):
        return sources.is_pipe(source)
    if isinstance(source, (bytes, bytearray, memoryview, FrameArray)):
        return False
    if callable(getattr(source, "read", None)):
        return not sources.can_seek(source)
    return isinstance(source, Iterable) and not isinstance(source, Sized)


def _opener(source: Any, max_pixels: int) -> Callable[[], sources.Opened | None] | None:
    """What opens an encoded video, as often as its source allows and None after that; None for numpy frames."""
    if isinstance(source, (str, os.PathLike)):
        local_path("source", source)
        return lambda: sources.open_path(source, max_pixels)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return lambda: sources.open_bytes(source, max_pixels)
    if callable(getattr(source, "read", None)):
        return sources.Rewound(source, max_pixels)
    return None


def _frames_of(source: Any, limits: Limits) -> Decoder:
    if isinstance(source, FrameArray):
        return ArrayDecoder.of_array(source, limits)
    if isinstance(source, Iterable) and not isinstance(source, (np.ndarray, dict)):
        return ArrayDecoder.of_iterator(source, limits)
    raise InputError(
        "this kind of object is not a video",
        seen=f"numpy array {source.shape}" if isinstance(source, np.ndarray) else type(source).__name__,
        allowed="a path, bytes, a binary file object, a FrameArray or an iterator of (frame, time_s)",
        fix="For numpy frames use videobert.FrameArray(frames, times_s).",
    )
