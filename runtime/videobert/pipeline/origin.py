"""What a video, or tokens or features in place of one, add to the origin of an answer."""

from __future__ import annotations

import dataclasses
from typing import Any

from videobert.results.origin import Origin, TokensFrom
from videobert.visual.tokens import VisualTokens
from videobert.visual.video_features import VideoFeatures

_READ = ("decoder", "decoder_fallback", "track", "tracks", "frames_left_out", "stills_cut")


def origin_of_saved(origin: Origin, saved: VisualTokens | VideoFeatures) -> Origin:
    """`origin` with what made tokens or features. Those that never were in a file still know what decoded them."""
    made_by = TokensFrom(engine=saved.engine, precision=saved.precision)
    known = saved.origin
    read = {} if known is None else {name: getattr(known, name) for name in _READ}
    return dataclasses.replace(origin, tokens_from=made_by, **read)


def origin_of_video(origin: Origin, info: dict[str, Any]) -> Origin:
    """`origin` with what decoded the video, and what is not as in any video.

    Args:
        info: the fields of `VideoInfo`; empty where nothing is known.
    """
    several = info.get("tracks", 1) > 1
    return dataclasses.replace(
        origin,
        decoder=None if info.get("decoder") == "none" else info.get("decoder"),
        decoder_fallback=info.get("decoder_fallback"),
        track=info["track"] if several else None,
        tracks=info["tracks"] if several else None,
        frames_left_out=info.get("frames_left_out") or None,
        stills_cut=info.get("stills_cut") or None,
    )
