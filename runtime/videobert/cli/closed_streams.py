"""Streams that were closed before the command began, as `>&-` does: written to, they are like `>/dev/null`."""

from __future__ import annotations

import os
import sys

_STREAMS = (0, 1, 2)


def replace_closed_streams() -> None:
    """Gives the command a stdout and a stderr that can be written to.

    Their numbers are taken too, or the next file that is opened would get one, with whatever a library prints in it.
    A stdin that is closed stays so for Python: who asks for it is told.
    """
    for number in _STREAMS:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
