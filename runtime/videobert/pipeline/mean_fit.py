"""How well a text fits stretches of clips of any length, 0 to 1: the mean over windows, as `align` takes it."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.watched import Watched
from videobert.pipeline.windows import Window, window, window_size


class Fits(NamedTuple):
    """How well a text fits.

    Args:
        scores: float64 `(stretches,)`, 0 to 1.
        calibrated: they are probabilities; if not, the worst of these stretches has 0 and the best 1.
    """

    scores: npt.NDArray[np.float64]
    calibrated: bool


def text_fits(
    opened: OpenedModel,
    watched: Watched,
    pieces: Sequence[int],
    stretches: Sequence[tuple[int, int]],
    cancel: Event | None,
) -> Fits:
    """The fit of a text to stretches of clips, `first` to `stop - 1` each: the mean over windows, as `align` takes it.

    Raises:
        ModelError: the model does not align.
        LimitExceeded: the text leaves no room for a clip.
    """
    family, size = opened.aligns, window_size(opened, len(pieces))
    windows: list[Window] = []
    begins = []
    for first, stop in stretches:
        begins.append(len(windows))
        windows += [window(watched, at, min(at + size, stop)) for at in range(first, stop, size)]
    compares = opened.compares
    if compares is None:
        rows = family.log_odds(pieces, windows, cancel).astype(np.float64)
    else:
        rows = compares.similarity(pieces, windows, cancel).astype(np.float64)
    counts = np.diff([*begins, len(windows)])
    means = np.add.reduceat(rows, begins) / counts
    if compares is None:
        return Fits(np.exp(-np.logaddexp(0.0, -means)), True)
    low, high = float(means.min()), float(means.max())
    return Fits((means - low) / (high - low) if high > low else np.ones_like(means), False)
