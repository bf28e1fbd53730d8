"""Files of compiled code: one rule for engines, kernels and what is kept in caches.

A file of code must be a plain one, not a link, that belongs to this user or to root and that nobody else may write to.
That says who could have changed it, not who made it: see `built_here`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from videobert.base.errors import MismatchError, ModelError


@contextmanager
def opened_code(path: Path) -> Iterator[BinaryIO]:
    """The opened file, closed afterwards.

    Raises:
        OSError: it cannot be read, or is not as the rule says.
    """
    # Nonblocking, so that a pipe in its place cannot hold us up.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise PermissionError(f"mode {stat.filemode(found.st_mode)}: not a plain file")
        if found.st_uid not in (0, os.getuid()) or found.st_mode & 0o022:
            raise PermissionError(
                f"mode {stat.filemode(found.st_mode)}, owner {found.st_uid}: others could have changed this file"
            )
        yield file


def read_code(path: Path, most_bytes: int, rebuild: str) -> bytes:
    """The whole file.

    Args:
        most_bytes: more is an error.
        rebuild: the next step, in words.

    Raises:
        ModelError: it is missing, or not as the rule says.
        MismatchError: it is larger than `most_bytes`.
    """
    try:
        with opened_code(path) as file:
            content = file.read(min(most_bytes, os.fstat(file.fileno()).st_size) + 1)
    except FileNotFoundError as error:
        raise ModelError(f"{path.name} is missing", fix=rebuild) from error
    except OSError as error:
        raise ModelError(
            f"{path.name} cannot be used: compiled engines and kernels are code",
            seen=str(error),
            allowed="a plain file of your own or of root, which nobody else may write to",
            fix=f"{rebuild} Or make it yours alone: chmod go-w.",
        ) from error
    if len(content) > most_bytes:
        raise MismatchError(f"{path.name} is larger than it should be", allowed=f"{most_bytes} bytes", fix=rebuild)
    return content
