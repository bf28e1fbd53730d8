"""Named spans of time, as they are in every thread: what took how long, for whoever measures.

Nothing is kept while nobody records, and a span then costs a few hundred nanoseconds: it may stand around a packet or
a frame, not inside a loop over pixels.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

Item = TypeVar("Item")


class Span(NamedTuple):
    """A span that is over.

    Args:
        name: such as `"decode"`, or that of a stage.
        thread: name of the thread that it ran in.
        began_s, ended_s: by `time.perf_counter`.
        depth: how many spans of the same thread it stands in.
        shapes: of the arrays that went into a stage, by name.
    """

    name: str
    thread: str
    began_s: float
    ended_s: float
    depth: int
    shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()


class Recording:
    """What is recorded; spans come in the order of their ends.

    Args:
        on_begin, on_end: called with the name of each span in its own thread, for a profiler's own ranges.
    """

    def __init__(
        self, on_begin: Callable[[str], object] | None = None, on_end: Callable[[], object] | None = None
    ) -> None:
        self.spans: list[Span] = []
        self.on_begin, self.on_end = on_begin, on_end
        self._here = threading.local()

    def enter(self, name: str) -> int:
        """One more span of this thread is open; how many are around it."""
        depth: int = getattr(self._here, "depth", 0)
        self._here.depth = depth + 1
        if self.on_begin is not None:
            self.on_begin(name)
        return depth

    def leave(self, name: str, began_s: float, depth: int, inputs: Mapping[str, Any] | None = None) -> None:
        """The innermost span of this thread is over."""
        ended_s = time.perf_counter()
        self._here.depth = depth
        if self.on_end is not None:
            self.on_end()
        shapes = tuple((each, tuple(array.shape)) for each, array in (inputs or {}).items())
        self.spans.append(Span(name, threading.current_thread().name, began_s, ended_s, depth, shapes))


_recording: Recording | None = None


@contextmanager
def recorded(recording: Recording | None = None) -> Iterator[Recording]:
    """Record the spans of the whole process while this is open; one recording at a time.

    Raises:
        RuntimeError: there is one already.
    """
    global _recording
    if _recording is not None:
        raise RuntimeError("spans are being recorded already")
    _recording = recording or Recording()
    try:
        yield _recording
    finally:
        _recording = None


class span:
    """A named span of time in this thread.

    Args:
        name: the same wherever the same is done.
        inputs: of a stage, by name: their shapes are recorded.
    """

    __slots__ = ("_began_s", "_depth", "_inputs", "_name", "_recording")

    def __init__(self, name: str, inputs: Mapping[str, Any] | None = None) -> None:
        self._name, self._inputs = name, inputs

    def __enter__(self) -> None:
        # What was recording when the span began hears of its end.
        self._recording = _recording
        if self._recording is not None:
            self._depth = self._recording.enter(self._name)
            self._began_s = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._recording is not None:
            self._recording.leave(self._name, self._began_s, self._depth, self._inputs)


def in_spans(name: str, items: Iterator[Item]) -> Iterator[Item]:
    """The items, each of which is waited for in a span."""
    while True:
        with span(name):
            try:
                item = next(items)
            except StopIteration:
                return
        yield item
        del item
