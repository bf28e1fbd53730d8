"""Whether a caller gave clips in place of a video."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from videobert.video.clip import Clip
from videobert.video.source.kind import SourceKind, kind_of
from videobert.video.stream import ClipStream

_NOTHING = object()


def clips_or_video(source: Any) -> tuple[Iterable[Clip] | None, bool, Any]:
    """What a caller gave in place of a video: its clips if it is an iterable of those, whether they are live, and if
    they are none, the video. The first item of an iterator is waited for."""
    if isinstance(source, ClipStream):
        return source, source.live, None
    kind = kind_of(source)
    if kind is SourceKind.ITEMS:
        first = next(iter(source), _NOTHING)
        return (source, False, None) if isinstance(first, Clip) else (None, False, source)
    if kind is not SourceKind.LIVE_ITEMS:
        return None, False, source
    rest = iter(source)
    first = next(rest, _NOTHING)
    again = rest if first is _NOTHING else itertools.chain([first], rest)
    return (again, True, None) if isinstance(first, Clip) else (None, False, again)
