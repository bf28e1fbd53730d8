"""`stream`: the segments of a video as they close, given to whoever asks for the next one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING

from videobert.base.cancelling import Stop
from videobert.base.errors import Cancelled, InputError
from videobert.pipeline.opened import OpenedModel
from videobert.results.run import Report, ReportSegment
from videobert.tasks.segments import Segments

if TYPE_CHECKING:
    from typing import Self


class ReportStream(Iterator[ReportSegment]):
    """The segments of one video, each as soon as it closes: the next clip is answered otherwise, or the video ends.

    The work is done in `next`, in the thread that calls it: nothing is read or computed between two calls, but for the
    few clips of a file that are on their way already. So a slow reader slows the source down, and memory does not grow.

    A context manager. One that is not read to its end holds the video open until it is closed, given up by all who
    refer to it, or its model is closed. Any thread may ask for the next segment, one at a time, and any may close.

    Args:
        use: what a piece of work is done in; raises if the model is closed.
        make: opens the walk.
        stop: ends a piece of work that is under way.
    """

    def __init__(
        self,
        use: Callable[[], AbstractContextManager[OpenedModel]],
        make: Callable[[OpenedModel], Segments],
        stop: Stop,
    ) -> None:
        with use() as opened:
            self._segments = make(opened)
        self._steps = self._segments.steps()
        self._use, self._stop = use, stop
        self._turn = threading.Lock()
        # The thread that is inside `next`, if there is one.
        self._inside: int | None = None
        self._over = self._closed = self._asked = False
        self._process = os.getpid()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ReportSegment:
        """The next segment, once it is closed.

        Raises:
            StopIteration: the video is over, an error was raised before, or the stream was closed.
            InputError: the model was closed; the video cannot be used; called from inside itself.
            Cancelled: the caller's `cancel` is set.
        """
        if os.getpid() != self._process:
            self._refuse()
        if self._inside == threading.get_ident():
            raise InputError(
                "a stream cannot be read from inside itself",
                fix="Take the next segment when the call of `on_progress`, or of the frames' iterator, is over.",
            )
        try:
            with self._turn:
                return self._next()
        finally:
            self._close_if_asked()

    def report(self) -> Report:
        """All of a report but its segments, on what was seen of the video when the last one was given.

        That may be more than the segments cover: the next one has begun. After the last one it is the whole video.

        Raises:
            InputError: none was given yet.
        """
        return self._segments.report()

    def close(self) -> None:
        """Release the video; may be called again, and from any thread.

        A call of `next` that is under way in another thread ends at its next frame, as if the video were over, and
        releases the video itself: this does not wait for it. In a process forked from the one that made the stream it
        does nothing.
        """
        if os.getpid() == self._process:
            self._closed = True
            self.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def end(self) -> None:
        """For the model, which is about to close: release the video. Later calls of `next` say that it is closed."""
        self._asked = True
        self._stop.set()
        self._close_if_asked()

    def _next(self) -> ReportSegment:
        if self._over or self._closed:
            raise StopIteration
        try:
            with self._use():
                self._inside = threading.get_ident()
                try:
                    return next(self._steps)
                finally:
                    self._inside = None
        except StopIteration:
            self._over = True
            raise
        except Cancelled:
            self._over = True
            if self._stop.by_caller:
                raise
            # Somebody else stopped it: this stream was closed, or its model was, which says so itself.
            if not self._closed:
                self._refuse()
            raise StopIteration from None

    def _refuse(self) -> None:
        """Raise what the model says where it cannot be used."""
        with self._use():
            pass

    def _close_if_asked(self) -> None:
        # Whoever asked found the stream in use, or finds it free now: either way one of the two comes by here after
        # the other has let go.
        while self._asked and self._turn.acquire(blocking=False):
            try:
                self._steps.close()
                return
            finally:
                self._turn.release()
