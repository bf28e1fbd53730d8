"""Runs the DALI graph on stretches of video; a bad one costs its own clips and no other's."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.cpu_threads import thread_count
from videobert.base.errors import DecodeError
from videobert.base.spans import span
from videobert.video.decoders.dali.geometry import Geometry, Shape
from videobert.video.decoders.dali.graph import Backend, clip_graph
from videobert.video.decoders.dali.piece import Piece
from videobert.video.device_frames import DeviceFrames

Frames = npt.NDArray[np.uint8] | DeviceFrames

_MOST_THREADS = 4
_MOST_IDLE = 4


@dataclass(frozen=True, slots=True, eq=False)
class ClipRequest:
    """Clips of one stretch of video.

    Args:
        piece: the stretch, with the numbers of the frames that may be asked for.
        orders: for each clip, places in `piece.numbers` of its frames, in order; repeats allowed.
        geometry: of the stream.
    """

    piece: Piece
    orders: Sequence[Sequence[int]]
    geometry: Geometry


class _IdleGraphs:
    """Built graphs that nobody uses just now: building one takes as long as decoding several clips."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[tuple[object, Any]] = []

    def take(self, kind: object) -> Any:
        """A graph of this kind, or None."""
        with self._lock:
            for place, (held, _) in enumerate(self._idle):
                if held == kind:
                    return self._idle.pop(place)[1]
        return None

    def give(self, kind: object, graph: Any) -> None:
        """Keep a sound graph; the one that has been idle for longest goes."""
        with self._lock:
            self._idle.append((kind, graph))
            del self._idle[:-_MOST_IDLE]


_IDLE = _IdleGraphs()


class DaliRunner:
    """A graph that is ready to run. One caller at a time.

    Args:
        shape: of the streams; all requests must be of streams of this shape.
        backend: see `clip_graph`.
        clips: most clips of one request.
        batch: most requests of one call that are decoded at once.
        device_id: number of the GPU, for `"mixed"`.
        threads: most CPU threads of the graph; None for the processors of this process. More than 4 do not pay.

    Raises:
        EngineUnavailable: DALI is not installed.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        backend: Backend,
        clips: int,
        batch: int = 1,
        device_id: int = 0,
        threads: int | None = None,
    ) -> None:
        self._shape = shape
        self._backend: Backend = backend
        self._clips = clips
        self._batch = batch
        self._device_id = device_id if backend == "mixed" else None
        self._threads = min(_MOST_THREADS, thread_count(threads))
        self._kind = (shape, backend, clips, batch, self._device_id, self._threads)
        self._pipeline: Any = None

    def run(self, requests: Sequence[ClipRequest]) -> list[list[Frames] | DecodeError]:
        """The clips of each request, or why there are none; uint8 `(frames, crop, crop, 3)` each.

        A request for a frame that its piece does not have is such an error: nothing is made up.
        """
        results: list[list[Frames] | DecodeError | None] = [_fault(request, self._clips) for request in requests]
        sound = [place for place, fault in enumerate(results) if fault is None]
        for start in range(0, len(sound), self._batch):
            places = sound[start : start + self._batch]
            for place, result in zip(places, self._decode([requests[place] for place in places]), strict=True):
                results[place] = result
        return [result for result in results if result is not None]

    def close(self) -> None:
        """Leave the graph to the next runner of this kind; a later run takes another one."""
        if self._pipeline is not None:
            _IDLE.give(self._kind, self._pipeline)
        self._pipeline = None

    def _decode(self, requests: list[ClipRequest]) -> list[list[Frames] | DecodeError]:
        try:
            return list(self._together(requests))
        except RuntimeError as error:
            # DALI says that a pipeline is no longer valid after an error.
            self._pipeline = None
            if len(requests) == 1:
                return [_undecodable(error)]
        return [result for request in requests for result in self._decode([request])]

    def _together(self, requests: list[ClipRequest]) -> list[list[Frames]]:
        if self._pipeline is None:
            self._pipeline = _IDLE.take(self._kind) or self._build()
        for name, values in _inputs(requests, self._clips, self._shape.shifted).items():
            self._pipeline.feed_input(name, values)
        with span("decode"):
            outputs = self._pipeline.run()
        return [
            [self._frames(outputs[clip], row) for clip in range(len(request.orders))]
            for row, request in enumerate(requests)
        ]

    def _build(self) -> Any:
        graph = clip_graph(
            self._shape,
            backend=self._backend,
            clips=self._clips,
            batch=self._batch,
            threads=self._threads,
            device_id=self._device_id,
        )
        graph.build()
        return graph

    def _frames(self, output: Any, row: int) -> Frames:
        if self._backend == "mixed":
            return DeviceFrames(output[row])
        return np.array(output[row], dtype=np.uint8)


def _inputs(requests: list[ClipRequest], clips: int, shifted: bool) -> dict[str, list[npt.NDArray[Any]]]:
    inputs: dict[str, list[npt.NDArray[Any]]] = {
        "VIDEO": [np.frombuffer(request.piece.file, np.uint8) for request in requests],
        "FRAMES": [np.array(request.piece.numbers, np.int32) for request in requests],
        "FIRST": [request.geometry.window[0] for request in requests],
        "LAST": [request.geometry.window[1] for request in requests],
        "LUMA": [request.geometry.luma for request in requests],
        "CHROMA": [request.geometry.chroma for request in requests],
    }
    if shifted:
        inputs["SHIFT"] = [request.geometry.shift for request in requests]
    for clip in range(clips):
        # A request of fewer clips than the graph has outputs: one frame fills what nobody looks at.
        inputs[f"ORDER_{clip}"] = [
            np.array(request.orders[clip] if clip < len(request.orders) else [0], np.int32) for request in requests
        ]
    return inputs


def _fault(request: ClipRequest, clips: int) -> DecodeError | None:
    numbers, count = request.piece.numbers, request.piece.frames
    beyond = [number for number in numbers if not 0 <= number < count]
    if beyond:
        return DecodeError(
            "frames were asked for that the video does not have", seen=beyond[0], allowed=f"0 to {count - 1}"
        )
    if not numbers or any(a >= b for a, b in pairwise(numbers)):
        return DecodeError("frame numbers must increase, and there must be one", seen=numbers)
    if not 1 <= len(request.orders) <= clips:
        return DecodeError("the wrong number of clips was asked for", seen=len(request.orders), allowed=f"1 to {clips}")
    for order in request.orders:
        wrong = [place for place in order if not 0 <= place < len(numbers)]
        if wrong or not order:
            return DecodeError(
                "a clip asks for a frame that is not decoded",
                seen=wrong[0] if wrong else "no frame",
                allowed=f"0 to {len(numbers) - 1}",
            )
    return None


def _undecodable(error: RuntimeError) -> DecodeError:
    # DALI's message holds a traceback of the graph's definition; the reason stands behind "encountered:".
    text = str(error).partition("encountered:")[2] or str(error)
    reason = next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")
    return DecodeError("DALI could not decode a stretch of this video", seen=reason)
