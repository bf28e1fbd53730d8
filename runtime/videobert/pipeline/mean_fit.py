"""How well a text fits stretches of clips of any length, 0 to 1: the mean over windows, as `align` takes it.

`text_fit`, which `locate` and `answer` stand on, asks something else: whether a text is true of a few clips, by labels'
sentences or by the words that the video makes likelier where a model has no better way. Here spans of a film are held
against what the whole summary should be about, only by models that align, so that what a summary says of a span is what
`align` says of it. One in the place of the other would change what either answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.pipeline.fitting import clips_of
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.scoring import Clips
from videobert.pipeline.watched import Watched
from videobert.pipeline.windows import window_size

Floats = npt.NDArray[np.float64]


class Fits(NamedTuple):
    """How well a text fits.

    Args:
        scores: float64 `(stretches,)`, 0 to 1.
        calibrated: they are probabilities; if not, the worst of these stretches has 0 and the best 1.
        of: scores of other stretches of the video, on the same scale.
    """

    scores: Floats
    calibrated: bool
    of: Callable[[Sequence[Sequence[int]]], Floats]


def text_fits(
    opened: OpenedModel,
    watched: Watched,
    pieces: Sequence[int],
    stretches: Sequence[Sequence[int]],
    cancel: Event | None,
) -> Fits:
    """The fit of a text to stretches, each given by its clips: the mean over windows, as `align` takes it.

    Raises:
        ModelError: the model does not align.
        LimitExceeded: the text leaves no room for a clip.
    """
    family, size = opened.aligns, window_size(opened, len(pieces))
    compares = opened.compares

    def means(stretches: Sequence[Sequence[int]]) -> Floats:
        windows: list[Clips] = []
        begins = []
        for clips in stretches:
            begins.append(len(windows))
            windows += [clips_of(watched, clips[at : at + size]) for at in range(0, len(clips), size)]
        if compares is None:
            rows = family.log_odds(pieces, windows, cancel).astype(np.float64)
        else:
            rows = compares.similarity(pieces, windows, cancel).astype(np.float64)
        counts = np.diff([*begins, len(windows)])
        found: Floats = np.add.reduceat(rows, begins) / counts
        return found

    values = means(stretches)
    if compares is None:
        return Fits(_squashed(values), True, lambda others: _squashed(means(others)))
    low, high = float(values.min()), float(values.max())

    def scaled(found: Floats) -> Floats:
        return (found - low) / (high - low) if high > low else np.ones_like(found)

    return Fits(scaled(values), False, lambda others: scaled(means(others)))


def _squashed(log_odds: Floats) -> Floats:
    squashed: Floats = np.exp(-np.logaddexp(0.0, -log_odds))
    return squashed
