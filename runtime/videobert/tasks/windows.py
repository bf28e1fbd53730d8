"""Stretches of a video that one joint sequence holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from videobert.errors import InputError
from videobert.stages import Stages
from videobert.token_file import VisualTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Neighbouring clips of a video, `start` to `stop - 1`, with their times and out-of-domain signal."""

    start: int
    stop: int
    ids: npt.NDArray[np.int32]
    start_s: float
    end_s: float
    percentile: float
    padded_frames: int


def window(tokens: VisualTokens, start: int, stop: int) -> Window:
    """The clips `start` to `stop - 1`."""
    return Window(
        start=start,
        stop=stop,
        ids=tokens.ids[start:stop],
        start_s=float(tokens.start_s[start]),
        end_s=float(tokens.end_s[stop - 1]),
        percentile=float(np.median(tokens.percentiles[start:stop])),
        padded_frames=tokens.padded_frames if stop == len(tokens) else 0,
    )


def windows(stages: Stages, tokens: VisualTokens, text_pieces: int, size: int | None = None) -> list[Window]:
    """The whole video, cut into windows of `size` clips (default: the model's), the last one perhaps shorter.

    A window is smaller if the text beside it leaves less room.

    Raises:
        InputError: `size` is out of range.
        LimitExceeded: the text leaves no room for a clip.
    """
    room = stages.builder.room(text_pieces)
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= room):
        raise InputError(
            "window_clips is out of range",
            seen=size,
            allowed=f"1 to {room} beside this text",
            fix="Leave it out for the model's own window.",
        )
    size = min(size or stages.config.window_clips, room)
    return [window(tokens, start, min(start + size, len(tokens))) for start in range(0, len(tokens), size)]
