"""The life of an opened model: which calls are under way, which streams are open, and closing when they are done."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from videobert.base.errors import InputError
from videobert.pipeline.opened import OpenedModel


class OpenStream(Protocol):
    """Something that its reader works on piece by piece, and that ends when the model closes."""

    def end(self) -> None:
        """Release the video. May be called from any thread, and again."""
        ...


class Lifetime:
    """Lends an opened model to calls from any thread until it is closed. A forked process needs a model of its own.

    Args:
        opened: the model, which is closed with this.
    """

    def __init__(self, opened: OpenedModel) -> None:
        self._opened = opened
        self._state = threading.Condition()
        # For each verb that is under way, the thread that it runs in.
        self._inside: list[int] = []
        # Those given up by their readers are gone from here, and have let go of their videos.
        self._streams: weakref.WeakSet[OpenStream] = weakref.WeakSet()
        self._closed = self._released = False
        self._process = os.getpid()

    @contextmanager
    def using(self) -> Iterator[OpenedModel]:
        """The model, for one call: closing waits until it is given back.

        Raises:
            InputError: it is closed, or was loaded by another process.
        """
        # Threads do not outlive a fork: without those of the engine a call would wait for ever.
        if os.getpid() != self._process:
            raise InputError(
                "this Runtime was loaded by another process",
                fix="Load the model after the fork, in the process that uses it.",
            )
        thread = threading.get_ident()
        with self._state:
            if self._closed:
                raise InputError("this Runtime is closed", fix="Load the model again with `videobert.load`.")
            self._inside.append(thread)
        try:
            yield self._opened
        finally:
            with self._state:
                self._inside.remove(thread)
                self._state.notify_all()

    def add(self, stream: OpenStream) -> None:
        """A stream that is to end when the model closes; at once if it is closed already."""
        with self._state:
            self._streams.add(stream)
            closed = self._closed
        if closed:
            stream.end()

    def close(self) -> None:
        """End the streams, wait for the calls and close the model. Calling this again does no harm.

        Where the first was interrupted, the next one goes on; in a forked process it does nothing.

        Raises:
            InputError: called from inside a call.
        """
        if os.getpid() != self._process:
            return
        with self._state:
            if threading.get_ident() in self._inside:
                raise InputError(
                    "this Runtime cannot be closed from inside one of its own calls",
                    fix="Set `cancel` to stop the call, and close the Runtime when it has returned.",
                )
            self._closed = True
            streams = list(self._streams)
        for stream in streams:
            stream.end()
        with self._state:
            self._state.wait_for(lambda: not self._inside)
            if not self._released:
                self._opened.close()
                self._released = True
