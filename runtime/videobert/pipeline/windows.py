"""Stretches of a video that are answered together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import whole
from videobert.base.errors import InputError
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.watched import Watched

_NO_IDS: npt.NDArray[np.int32] = np.zeros(0, np.int32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Neighbouring clips of a video, `start` to `stop - 1`, with their times and out-of-domain signal.

    Args:
        ids: visual tokens; none in a model without.
        features, pictures: of these clips, see `Watched`.
        scores, sure: see `VisualTokens`.
        percentile: median of the clips'; None where they have none.
    """

    start: int
    stop: int
    ids: npt.NDArray[np.int32]
    start_s: float
    end_s: float
    percentile: float | None
    padded_frames: int
    features: npt.NDArray[np.float32] | None = None
    scores: npt.NDArray[np.float32] | None = None
    sure: npt.NDArray[np.bool_] | None = None
    pictures: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)


def window(watched: Watched, start: int, stop: int) -> Window:
    """The clips `start` to `stop - 1`."""
    clips, tokens = watched.clips, watched.tokens
    here = slice(start, stop)

    def judged(column: Any) -> Any:
        return None if column is None else column[here]

    return Window(
        start=start,
        stop=stop,
        ids=_NO_IDS if tokens is None else tokens.ids[here],
        start_s=float(clips.start_s[start]),
        end_s=float(clips.end_s[stop - 1]),
        percentile=None if tokens is None or tokens.percentiles is None else float(np.median(tokens.percentiles[here])),
        padded_frames=clips.padded_frames if stop == len(clips) else 0,
        features=judged(watched.features),
        scores=None if tokens is None else judged(tokens.scores),
        sure=None if tokens is None else judged(tokens.sure),
        pictures={name: rows[here] for name, rows in watched.pictures.items()},
    )


def window_size(opened: OpenedModel, text_pieces: int, window_clips: int | None = None) -> int:
    """Clips to a window: `window_clips`, or the model's own number, or fewer if the text beside it leaves less room.

    Needs no video, so that what is asked for can be refused before one is read.

    Raises:
        InputError: `window_clips` is out of range.
        LimitExceeded: the text leaves no room for a clip.
    """
    room = opened.family.room(text_pieces)
    if window_clips is None:
        return min(opened.config.window_clips, room)
    return whole(
        "window_clips",
        window_clips,
        least=1,
        most=room,
        allowed=f"1 to {room} beside this text",
        fix="Leave it out for the model's own window.",
        error=InputError,
    )


def clips_heard(watched: Watched) -> int:
    """How many clips say something: all, but for a last one that says nothing of its own, if it is not alone."""
    count = len(watched.clips)
    return count - 1 if watched.standing and count > 1 else count


def windows(watched: Watched, size: int) -> list[Window]:
    """The whole video, cut into windows of `size` clips, the last one perhaps shorter.

    A last clip that says nothing of its own goes with the one before it.
    """
    count, heard = len(watched.clips), clips_heard(watched)
    if heard == count:
        return [window(watched, start, min(start + size, count)) for start in range(0, count, size)]
    found = [window(watched, start, min(start + size, heard)) for start in range(0, heard, size)]
    end_s, padded_frames = float(watched.clips.end_s[-1]), watched.clips.padded_frames
    return [*found[:-1], replace(found[-1], stop=count, end_s=end_s, padded_frames=padded_frames)]
