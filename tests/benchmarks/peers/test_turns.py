"""Ours and a peer in turns, neither always first."""

from __future__ import annotations

import pytest

from benchmarks.peers.turns import FEWEST, MOST, Turns, rounds, spread


def test_ours_runs_before_the_peer_in_even_rounds_and_after_it_in_odd_ones() -> None:
    said: list[str] = []
    turns = Turns(lambda: said.append("ours"), settled_s=0.0)
    for _ in range(4):
        turns.before()
        said.append("peer")
        turns.after()
    assert said == ["ours", "peer", "peer", "ours"] * 2
    assert len(turns.ours_s) == 4
    assert set(turns.noise()) == {"spread", "others", "quiet"}


@pytest.mark.parametrize(("round_s", "wanted"), [(10.0, FEWEST), (1e-6, MOST), (0.1, 20), (0.0, MOST)])
def test_as_many_rounds_as_fit(round_s: float, wanted: int) -> None:
    assert rounds(round_s, 2.0) == wanted


def test_the_spread_is_in_milliseconds() -> None:
    assert spread([0.001, 0.002, 0.003]) == {"q1": 1.5, "median": 2.0, "q3": 2.5}
