"""Opens whatever a caller calls a video."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import callback, check_track, instance, local_path, stop_signal
from videobert.base.cpu_threads import thread_limit
from videobert.base.errors import InputError
from videobert.base.limits import Limits, limits_or_default, most_pixels
from videobert.model.recipe import Recipe
from videobert.video.decoder_opener import DecoderOpener
from videobert.video.decoders.available import DecoderName, Device
from videobert.video.decoders.choice import choose
from videobert.video.decoders.decoder_threads import DecoderThreads, MeasuredThreads, check_decoder_threads
from videobert.video.source.frame_array import FrameArray
from videobert.video.source.kind import SourceKind, kind_of
from videobert.video.source.opening import VideoOpener
from videobert.video.source.readable import Readable
from videobert.video.stream import ClipStream, OnFrame, Progress

if TYPE_CHECKING:
    from videobert.video.decoders.numpy_decoder import NumpyDecoder

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
    decoder_threads: DecoderThreads = None,
    on_frame: OnFrame | None = None,
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
        decoder_threads: how many threads decode on the CPU, 1 to 16, whatever `threads` says; None for as many as there
            are processors, at most 16, or as `threads` leaves beside the caller's. Pictures smaller than 640 x 360 are
            decoded by the calling thread alone, and DALI has at most 4. Clips of a sound film do not depend on it.
        on_frame: called as `on_frame(frame, time)` for every frame, before the clips that show it. A frame that was not
            decoded here, because no clip needs it or because a GPU decodes it, comes without its picture.

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
    callback("on_frame", on_frame)
    stop_signal(cancel)
    track = check_track(track)
    if not isinstance(decoder_threads, MeasuredThreads):
        decoder_threads = check_decoder_threads(decoder_threads)
    choice = choose(decoder, device)
    kind = kind_of(source)
    if not kind.is_encoded:
        if track:
            raise InputError("numpy frames are one track", seen=f"track {track}", fix="Leave track out.")
        frames = _decoder_of_frames(source, kind, limits)
        return ClipStream(frames, recipe, limits, on_progress, cancel, live=kind.is_live, on_frame=on_frame)
    if kind.is_path:
        local_path("source", source)
    video = DecoderOpener(
        open_video=VideoOpener(source, kind, most_pixels(limits)),
        recipe=recipe,
        limits=limits,
        cancel=cancel,
        track=track,
        threads=threads,
        decoder_threads=decoder_threads,
    )
    return ClipStream(video.open(choice), recipe, limits, on_progress, cancel, video.open_after, kind.is_live, on_frame)


def _decoder_of_frames(source: Any, kind: SourceKind, limits: Limits) -> NumpyDecoder:
    from videobert.video.decoders.numpy_decoder import NumpyDecoder

    if kind is SourceKind.FRAME_ARRAY:
        return NumpyDecoder.of_array(source, limits)
    if kind in (SourceKind.ITEMS, SourceKind.LIVE_ITEMS):
        return NumpyDecoder.of_iterator(source, limits)
    raise InputError(
        "this kind of object is not a video",
        seen=f"numpy array {source.shape}" if isinstance(source, np.ndarray) else type(source).__name__,
        allowed="a path, bytes, a binary file object, a FrameArray or an iterator of (frame, time_s)",
        fix="For numpy frames use videobert.FrameArray(frames, times_s).",
    )
