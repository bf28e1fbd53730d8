"""Whether something became slower between two measurements that were taken apart: other processes, other days.

What lies between two runs of the same code is more than what lies between two answers of one run: memory falls
elsewhere, the clock of the processor differs, neighbours come and go. So one run's answers are no independent draws,
and a single statistic of them is easily off. Here blocks of neighbouring answers are drawn again, two statistics must
tell the same story, and what the machine's own speed changed meanwhile counts for neither side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.bench.statistics import Ratio

FEWEST: Final = 3
_RESAMPLES = 2000
_QUARTILE, _MEDIAN = 25, 50


def ratio_between(old: Sequence[float], new: Sequence[float], *, machine: float = 1.0, seed: int = 0) -> Ratio:
    """How many times as long the new takes as the old; `videobert.bench.statistics.verdict` says what that means.

    The lower quartiles and the medians are compared, and the ratio that is nearer to 1 counts: what really became
    slower did so in all answers, and stragglers move a median alone.

    Args:
        old, new: what was measured, in order, at least `FEWEST` of each: seconds, or for each pair of a run the ratio
            to a peer that was measured in turns with it, which leaves the machine out.
        machine: how many times as long the same plain work took beside the new ones; the interval holds the ratio with
            and without it.
        seed: of the resampling.

    Raises:
        InputError: too few of either, or something that is no time.
    """
    one, other = _times(old), _times(new)
    if not (np.isfinite(machine) and machine > 0):
        raise InputError("the machine's own speed is no ratio", seen=machine, allowed="above 0")
    rng = np.random.default_rng(seed)
    drawn = _shift(_drawn(one, rng), _drawn(other, rng))
    found = float(_shift(one[None], other[None])[0])
    low, high = (float(value) for value in np.percentile(drawn, (0.5, 99.5)))
    # The resampled intervals of few answers may leave out what was found.
    low, high = min(low, found), max(high, found)
    corrected = found / machine
    # Where the machine explains more than all of it, nothing is left.
    ratio = 1.0 if (found - 1) * (corrected - 1) < 0 else _nearer(found, corrected)
    return Ratio(ratio, min(low, low / machine), max(high, high / machine), min(len(one), len(other)))


def _times(given: Sequence[float]) -> npt.NDArray[np.float64]:
    times = np.asarray(given, np.float64)
    if times.ndim != 1 or len(times) < FEWEST or not np.all(np.isfinite(times) & (times > 0)):
        raise InputError(
            "these times cannot be compared",
            seen=f"{len(given)} values",
            allowed=f"{FEWEST} or more, each above 0",
            fix="Measure again with more --runs.",
        )
    return times


def _drawn(times: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draws of as many times, `(resamples, count)`, in blocks of neighbours, which share what disturbed them."""
    count = len(times)
    length = max(1, round(count ** (1 / 2)))
    blocks = -(-count // length)
    starts = rng.integers(0, count, (_RESAMPLES, blocks, 1))
    places = ((starts + np.arange(length)) % count).reshape(_RESAMPLES, -1)[:, :count]
    return np.asarray(times[places])


def _shift(old: npt.NDArray[np.float64], new: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of each row, the ratio of quartiles or of medians, whichever is nearer to 1; 1 where they disagree."""
    quartile, median = (
        np.percentile(new, each, axis=1) / np.percentile(old, each, axis=1) for each in (_QUARTILE, _MEDIAN)
    )
    nearer = np.where(np.abs(np.log(quartile)) < np.abs(np.log(median)), quartile, median)
    return np.where((quartile - 1) * (median - 1) < 0, 1.0, nearer)


def _nearer(one: float, other: float) -> float:
    return min(one, other, key=lambda ratio: abs(float(np.log(ratio))))
