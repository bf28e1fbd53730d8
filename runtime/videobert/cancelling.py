"""The caller's wish to stop, looked at between steps of the work."""

from __future__ import annotations

import threading

from videobert.errors import Cancelled


def stop_if(cancel: threading.Event | None) -> None:
    """Raise `Cancelled` if the caller has asked for it."""
    if cancel is not None and cancel.is_set():
        raise Cancelled("the work was cancelled")
