"""Ours beside every round of a peer that pytest-benchmark times.

`benchmark.pedantic` times one function. Its `setup` and `teardown` run beside each of its rounds, outside of its
clock: ours runs there and is timed likewise, before the peer in even rounds and after it in odd ones. So a round is a
pair whose members stand next to each other in time, and neither is always the first.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from videobert.bench.noise import NoiseProbe

# Threads of one library may go on waiting for work for some milliseconds before they sleep, and would disturb the next.
SETTLED_S: Final = 0.01
FEWEST, MOST = 5, 61


class Turns:
    """The rounds of one peer.

    Args:
        ours: one run of ours.
    """

    def __init__(self, ours: Callable[[], Any], *, settled_s: float = SETTLED_S) -> None:
        self._ours = ours
        self._settled_s = settled_s
        self._round = 0
        self._noise = NoiseProbe()
        self.ours_s: list[float] = []

    def before(self) -> None:
        """For `setup`."""
        # Threads of the peer that still wait for work would count as noise.
        time.sleep(self._settled_s)
        self._noise.look()
        if self._round % 2 == 0:
            self._time()
        time.sleep(self._settled_s)

    def after(self) -> None:
        """For `teardown`."""
        if self._round % 2:
            self._time()
        self._round += 1

    def noise(self) -> dict[str, Any]:
        """How steady the machine was since this began."""
        found = self._noise.found()
        others = None if found.others is None else round(found.others, 3)
        return {"spread": round(found.spread, 3), "others": others, "quiet": found.quiet}

    def _time(self) -> None:
        time.sleep(self._settled_s)
        began = time.perf_counter()
        self._ours()
        self.ours_s.append(time.perf_counter() - began)


def rounds(round_s: float, budget_s: float) -> int:
    """How many rounds of this length fit, at least `FEWEST` and at most `MOST`."""
    return max(FEWEST, min(MOST, int(budget_s / round_s))) if round_s > 0 else MOST


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Median and quartiles, in ms."""
    low, middle, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return {"q1": _ms(low), "median": _ms(middle), "q3": _ms(high)}


def _ms(seconds: float) -> float:
    return float(f"{1e3 * seconds:.4g}")
