"""What a video is called in a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from videobert.visual.tokens import VisualTokens
from videobert.visual.video_features import VideoFeatures


def video_name(video: Any) -> str:
    """The name of its file, or a word for other kinds of source."""
    if isinstance(video, (str, Path)):
        return Path(video).name
    if isinstance(video, VisualTokens):
        return "tokens"
    if isinstance(video, VideoFeatures):
        return "features"
    if isinstance(video, (bytes, bytearray, memoryview)):
        return "bytes"
    name = getattr(video, "name", None)
    return Path(name).name if isinstance(name, str) else "frames"
