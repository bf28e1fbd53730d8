"""What a caller gave as a video: told once, here, and without opening or reading any of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sized
from enum import Enum, auto
from typing import Any

import numpy as np

from videobert.video.source.frame_array import FrameArray
from videobert.video.source.readable import can_seek


class SourceKind(Enum):
    """The kinds of source. Saved tokens are none: who takes those tells them apart before.

    `ITEMS` and `LIVE_ITEMS` are frames with their times, or clips: see `clips_or_video`.
    """

    PATH = auto()
    """Of a local file, or of what should be one."""
    PIPE = auto()
    """The path of a named pipe or a device, which is read once and as its data comes."""
    BYTES = auto()
    FILE = auto()
    """A binary file object that can go back."""
    ONE_WAY_FILE = auto()
    """A binary file object that is read once, from the front."""
    FRAME_ARRAY = auto()
    ITEMS = auto()
    """An iterable that is there as a whole, such as a list."""
    LIVE_ITEMS = auto()
    """An iterable that nobody knows the length of."""
    NOT_A_VIDEO = auto()

    @property
    def is_path(self) -> bool:
        """Whether it is a path, of whatever."""
        return self in (SourceKind.PATH, SourceKind.PIPE)

    @property
    def is_encoded(self) -> bool:
        """Whether a decoder is needed."""
        return self in (
            *(SourceKind.PATH, SourceKind.PIPE, SourceKind.BYTES),
            *(SourceKind.FILE, SourceKind.ONE_WAY_FILE),
        )

    @property
    def is_live(self) -> bool:
        """Whether the source gives what it has as it comes, and may keep the reader waiting."""
        return self in (SourceKind.PIPE, SourceKind.ONE_WAY_FILE, SourceKind.LIVE_ITEMS)


def kind_of(source: Any) -> SourceKind:
    """What a caller gave as a video."""
    if isinstance(source, (str, os.PathLike)):
        return SourceKind.PIPE if _is_pipe(source) else SourceKind.PATH
    if isinstance(source, (bytes, bytearray, memoryview)):
        return SourceKind.BYTES
    if isinstance(source, FrameArray):
        return SourceKind.FRAME_ARRAY
    if callable(getattr(source, "read", None)):
        return SourceKind.FILE if can_seek(source) else SourceKind.ONE_WAY_FILE
    # Frames without times, and what may be anything.
    if isinstance(source, (np.ndarray, dict)) or not isinstance(source, Iterable):
        return SourceKind.NOT_A_VIDEO
    return SourceKind.ITEMS if isinstance(source, Sized) else SourceKind.LIVE_ITEMS


def _is_pipe(path: str | os.PathLike[str]) -> bool:
    try:
        mode = os.stat(path).st_mode
    except Exception:  # it is not there, or whatever a foreign `__fspath__` raises: said when it is opened
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
