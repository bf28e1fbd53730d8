"""One writer at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from videobert.base.errors import InputError
from videobert.index.index_format import LOCK


def lock(folder: Path) -> int:
    """Take the lock of an index; the system gives it back when the descriptor is closed or the process ends.

    Raises:
        InputError: another writer has it.
        OSError: the lock cannot be made.
    """
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise InputError(
            "this index is being written to by another call or process",
            seen=folder,
            allowed="one writer at a time; any number may search meanwhile",
            fix="Wait until it is done, then try again: what it has done is kept.",
        ) from error
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
