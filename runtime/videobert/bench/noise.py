"""How steady a machine is while something is measured on it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from videobert.base.others_share import ALLOWED, OthersShare
from videobert.bench.statistics import spread_of
from videobert.results.bench import Noise

_ROUNDS = 20_000
_AT_ONCE = 8


class NoiseProbe:
    """Does the same small work again and again, some between the answers that are measured; and watches the others.

    Args:
        children: processes that work for this one, as long as they live; those it waited for are counted anyway.
    """

    def __init__(self, children: Sequence[int] = ()) -> None:
        self._load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        self._times_s: list[float] = []
        self._others = OthersShare(children)

    def look(self) -> None:
        """A few rounds of work, some milliseconds in all."""
        for _ in range(_AT_ONCE):
            began = time.perf_counter()
            total = 0
            for number in range(_ROUNDS):
                total += number & 7
            self._times_s.append(time.perf_counter() - began)

    def found(self) -> Noise:
        """How it was since this began; `look` at least once before."""
        times = spread_of(self._times_s)
        spread = (times.p75 - times.p25) / 2 / times.p50
        others = self._others.found()
        quiet = spread <= ALLOWED and (others or 0.0) <= ALLOWED
        return Noise(spread=spread, others=others, allowed=ALLOWED, load=self._load, quiet=quiet, work_s=times.p50)
