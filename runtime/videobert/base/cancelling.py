"""The caller's wish to stop, looked at between steps of the work."""

from __future__ import annotations

import threading

from videobert.base.errors import Cancelled


def stop_if(cancel: threading.Event | None) -> None:
    """Raise `Cancelled` if the caller has asked for it."""
    if cancel is not None and cancel.is_set():
        raise Cancelled("the work was cancelled")


class Stop(threading.Event):
    """An event that is also set when the caller's is: what stops a walk for either reason."""

    def __init__(self, cancel: threading.Event | None) -> None:
        super().__init__()
        self._cancel = cancel

    @property
    def by_caller(self) -> bool:
        """The caller's own event is set."""
        return self._cancel is not None and self._cancel.is_set()

    def is_set(self) -> bool:
        """Either is set."""
        return super().is_set() or self.by_caller
