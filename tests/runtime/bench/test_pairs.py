"""Times taken in turns: who is slower is told on a quiet machine, and on one under load nobody is."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from videobert.base.cpu_threads import processors
from videobert.bench import pairs
from videobert.bench.noise import NoiseProbe
from videobert.bench.pairs import speed_of, time_pairs
from videobert.bench.statistics import Ratio
from videobert.results.bench import Noise


class QuietProbe(NoiseProbe):
    """Looks nowhere: the machine of a test need not be idle."""

    def look(self) -> None:
        pass

    def found(self) -> Noise:
        return Noise(spread=0.0, others=0.0, allowed=0.05, load=0.0, quiet=True, work_s=1e-3)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Callable[[], None]]:
    """Work that takes as long as it is told to, by a clock that does nothing else."""
    now = [0.0]
    monkeypatch.setattr(pairs.time, "perf_counter", lambda: now[0])

    def work(length_s: float) -> Callable[[], None]:
        def done() -> None:
            now[0] += length_s

        return done

    return work


@pytest.mark.parametrize(("b_s", "said"), [(1.2, "slower"), (0.8, "faster"), (1.0, "no difference")])
def test_the_verdict_is_of_b(clock: Any, b_s: float, said: str) -> None:
    speed, noise = time_pairs(clock(1.0), clock(b_s), 7, QuietProbe())
    assert speed.verdict == said
    assert speed.ratio == pytest.approx(b_s)
    assert (speed.pairs, speed.why, noise.quiet) == (7, None, True)
    assert speed.b.p50 == pytest.approx(b_s)


def test_who_is_first_changes_from_pair_to_pair(clock: Any) -> None:
    asked: list[str] = []

    def named(name: str) -> Callable[[], None]:
        work = clock(1.0)

        def done() -> None:
            asked.append(name)
            work()

        return done

    time_pairs(named("a"), named("b"), 4, QuietProbe())
    assert "".join(asked[-8:]) == "abbaabba"


def test_an_open_interval_is_no_verdict() -> None:
    speed = speed_of(Ratio(1.2, 0.8, 1.6, 5), [1.0] * 5, [1.2] * 5, why_none=None)
    assert speed.verdict == "too noisy to say"
    assert "0.8 and 1.6" in str(speed.why)


@pytest.mark.alone
def test_a_machine_under_load_has_no_verdict() -> None:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processors())]
    try:
        time.sleep(0.3)
        # Twice as long is plain to see, and all the same nothing is said of it.
        speed, noise = time_pairs(lambda: time.sleep(0.02), lambda: time.sleep(0.04), 10)
    finally:
        for child in busy:
            child.kill()
            child.wait()
    assert not noise.quiet
    assert noise.others is None or noise.others > 0.5
    assert speed.verdict == "too noisy to say"
    assert "under load" in str(speed.why)
