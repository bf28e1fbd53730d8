"""One `videobert get` at a time in a folder."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LOOK_S = 0.2


@contextmanager
def locked(path: Path, on_wait: Callable[[], object]) -> Iterator[None]:
    """Hold the lock that a file stands for; the system gives it back when the process ends, however it does.

    Args:
        on_wait: called once if another process has it.

    Raises:
        OSError: the file cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        waits = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # Asked again and again, so that an interrupt is heard.
                if not waits:
                    on_wait()
                waits = True
                time.sleep(_LOOK_S)
        yield
    finally:
        os.close(descriptor)
