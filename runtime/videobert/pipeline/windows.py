"""Stretches of a video that one joint sequence holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import whole
from videobert.base.errors import InputError
from videobert.families.family import Asked
from videobert.pipeline.opened import OpenedModel
from videobert.visual.tokens import VisualTokens


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


def windows(tokens: VisualTokens, size: int) -> list[Window]:
    """The whole video, cut into windows of `size` clips, the last one perhaps shorter."""
    return [window(tokens, start, min(start + size, len(tokens))) for start in range(0, len(tokens), size)]


def states_of(
    opened: OpenedModel, asked: Sequence[Asked], cancel: Event | None = None
) -> Iterator[npt.NDArray[np.float32]]:
    """As `Family.states`, but equal sequences, such as a picture that stands still gives, are encoded once."""
    distinct: dict[tuple[int, bytes, tuple[int, ...]], int] = {}
    places, first = [], []
    for sequence, positions in asked:
        key = (sequence.visual_start, sequence.ids.tobytes(), tuple(positions))
        if key not in distinct:
            first.append((sequence, positions))
        places.append(distinct.setdefault(key, len(distinct)))
    to_come = Counter(places)
    encoded = enumerate(opened.family.states(first, cancel))
    # Held only until its last window has come: memory stays flat where no two are the same.
    held: dict[int, npt.NDArray[np.float32]] = {}
    for place in places:
        if place not in held:
            held.update([next(encoded)])
        yield held[place]
        to_come[place] -= 1
        if not to_come[place]:
            del held[place]
