"""Ways that take turns."""

from __future__ import annotations

import time

from benchmarks.int8.timing import in_turns


def test_a_way_that_takes_twice_as_long_is_told() -> None:
    found = in_turns({"quick": lambda: time.sleep(0.004), "slow": lambda: time.sleep(0.012)}, all_s=0.0)
    assert found["turns"] == 9
    assert found["quick"]["ms"] < found["slow"]["ms"]
    assert 0.15 < found["slow"]["quick_over_it"] < 0.7
    assert found["calls_a_turn"] > 1
