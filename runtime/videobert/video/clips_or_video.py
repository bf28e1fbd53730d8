"""Whether a caller gave clips in place of a video."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sized
from typing import Any

import numpy as np

from videobert.video.clip import Clip
from videobert.video.source.frame_array import FrameArray
from videobert.video.stream import ClipStream

_NOTHING = object()


def clips_or_video(source: Any) -> tuple[Iterable[Clip] | None, bool, Any]:
    """What a caller gave in place of a video: its clips if it is an iterable of those, whether they are live, and if
    they are none, the video. The first item of an iterator is waited for."""
    if isinstance(source, ClipStream):
        return source, source.live, None
    if isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview, FrameArray, np.ndarray, dict)):
        return None, False, source
    if callable(getattr(source, "read", None)) or not isinstance(source, Iterable):
        return None, False, source
    if isinstance(source, Sized):
        first = next(iter(source), _NOTHING)
        return (source, False, None) if isinstance(first, Clip) else (None, False, source)
    rest = iter(source)
    first = next(rest, _NOTHING)
    again = rest if first is _NOTHING else itertools.chain([first], rest)
    return (again, True, None) if isinstance(first, Clip) else (None, False, again)
