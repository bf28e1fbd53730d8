"""The user's cache folder: where it is, and folders that belong to the user alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def cache_folder() -> Path | None:
    """`videobert` in the user's cache folder, whether it exists or not; None for a user who has no home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says to ignore a relative path.
    if os.path.isabs(base):
        return Path(base) / "videobert"
    try:
        return Path.home() / ".cache" / "videobert"
    except RuntimeError:
        return None


def own_folder(folder: Path) -> Path:
    """The folder, made if it is missing, that this user alone can write to.

    Raises:
        OSError: it cannot be made or written to, or others could change it.
    """
    # A folder above it that is made here is private too, whatever the umask.
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.stat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(f"{folder} is not a folder")
    check_owned(status)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} cannot be written to")
    return folder


def writable_by_others(status: os.stat_result, *, or_root: bool = False) -> bool:
    """Whether somebody but this user, who must own the file or folder, could change it.

    Args:
        or_root: root may own it too.
    """
    owners = (0, os.getuid()) if or_root else (os.getuid(),)
    return status.st_uid not in owners or bool(status.st_mode & 0o022)


def check_owned(status: os.stat_result) -> None:
    """Whether a file or folder is this user's own, and nobody else may change it.

    Raises:
        PermissionError: it is not.
    """
    if writable_by_others(status):
        raise PermissionError(f"mode {stat.filemode(status.st_mode)}, owner {status.st_uid}: others could change it")
