"""How well a text fits stretches of one video, each given by its clips."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.pipeline.locating import Judged
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.scoring import Clips
from videobert.pipeline.text_fit import TextFit
from videobert.pipeline.watched import Watched

_NO_IDS: npt.NDArray[np.int32] = np.zeros(0, np.int32)


class Fitting:
    """One text held against one video.

    Args:
        opened: the model.
        fit: judges the text.
        watched: the video.
        cancel: ends the work.

    Raises:
        LimitExceeded: the text leaves no room for a clip.
    """

    def __init__(self, opened: OpenedModel, fit: TextFit, watched: Watched, cancel: Event | None) -> None:
        self._fit, self._watched, self._cancel = fit, watched, cancel
        self._room = opened.family.room(fit.longest)

    def judge(self, stretches: Sequence[Sequence[int]]) -> Judged:
        """The fit of stretches; of one with more clips than there is room for, the mean over equal parts of it."""
        parts = [
            [part for part in np.array_split(np.array(clips), -(-len(clips) // self._room))] for clips in stretches
        ]
        found = self._fit.of([clips_of(self._watched, part) for several in parts for part in several], self._cancel)
        rows = np.split(np.arange(len(found.values)), np.cumsum([len(several) for several in parts])[:-1])
        return Judged(
            np.array([found.values[row].mean() for row in rows]),
            np.array([2 * found.sure[row].sum() >= len(row) for row in rows]),
        )


def clips_of(watched: Watched, clips: Sequence[int] | npt.NDArray[np.integer]) -> Clips:
    """Some clips of a video as one stretch."""
    here = np.asarray(clips)
    tokens = watched.tokens

    def judged(column: Any) -> Any:
        return None if column is None else column[here]

    return Clips(
        ids=_NO_IDS if tokens is None else tokens.ids[here],
        features=judged(watched.features),
        scores=None if tokens is None else judged(tokens.scores),
        sure=None if tokens is None else judged(tokens.sure),
        pictures={name: rows[here] for name, rows in watched.pictures.items()},
    )
