"""Two models asked in turns, so that whatever disturbs the machine disturbs both."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from videobert.bench.noise import NoiseProbe
from videobert.bench.statistics import Ratio, Verdict, paired_ratio, spread_of, verdict
from videobert.results.bench import Noise
from videobert.results.compare import Speed, SpeedVerdict

FEWEST_PAIRS: Final = 5
_WARM_UPS: Final = 2
_NOISY: Final = "too noisy to say"
_SAID: Final[dict[Verdict, SpeedVerdict]] = {
    "faster": "faster",
    "slower": "slower",
    "same": "no difference",
    "unsure": _NOISY,
}


def time_pairs(
    a: Callable[[], object], b: Callable[[], object], pairs: int, probe: NoiseProbe | None = None
) -> tuple[Speed, Noise]:
    """Ask both, in turns, each as often first as second; those that warm up are left out.

    Args:
        pairs: at least `FEWEST_PAIRS`.
        probe: of the machine; another one in tests.
    """
    for _ in range(_WARM_UPS):
        a()
        b()
    noise = probe or NoiseProbe()
    a_s: list[float] = []
    b_s: list[float] = []
    for number in range(pairs):
        noise.look()
        order = [(a, a_s), (b, b_s)]
        for ask, times in order if number % 2 == 0 else reversed(order):
            began = time.perf_counter()
            ask()
            times.append(time.perf_counter() - began)
    noise.look()
    found = noise.found()
    return speed_of(paired_ratio(a_s, b_s), a_s, b_s, why_none=None if found.quiet else loaded(found)), found


def speed_of(ratio: Ratio, a_s: list[float], b_s: list[float], *, why_none: str | None) -> Speed:
    """A ratio with its verdict.

    Args:
        why_none: what stands against any verdict; None where nothing does.
    """
    said = _SAID[verdict(ratio)] if why_none is None else _NOISY
    why = why_none
    if said == _NOISY and why is None:
        why = f"the ratio lies between {ratio.low:.3g} and {ratio.high:.3g}: more runs would tell"
    return Speed(
        ratio=ratio.median,
        low=ratio.low,
        high=ratio.high,
        pairs=ratio.pairs,
        a=spread_of(a_s),
        b=spread_of(b_s),
        verdict=said,
        why=why,
    )


def loaded(noise: Noise) -> str:
    """Why a machine under load allows no verdict."""
    others = "" if noise.others is None else f", and other processes took {noise.others:.0%} of the processors"
    return (
        f"the machine was under load: the same small work took within {noise.spread:.1%} of the same time{others}, "
        f"where {noise.allowed:.0%} is allowed"
    )
