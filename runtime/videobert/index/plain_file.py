"""The files of an index, which may come from elsewhere: plain ones only, no links, pipes or devices."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from videobert.index.index_format import damaged


def open_plain(path: Path, folder: Path) -> BinaryIO:
    """Open a file of an index for reading.

    A link could put a file of the reader's own into what is shown, and a pipe or a device gives bytes without end.

    Args:
        folder: of the index, for the message.

    Raises:
        ModelError: it is a link, or no plain file.
        OSError: it cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise damaged(folder, f"{path.name} is a link") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise damaged(folder, f"{path.name} is no plain file")
    return os.fdopen(descriptor, "rb")
