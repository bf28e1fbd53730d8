"""Which sequences share a call of an encoder: as cheap as any way to lay them out, and never too many places."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import numpy as np
import pytest

from videobert.families.batches import batches, padded_ids

CALL = 32


def cost(calls: Sequence[Sequence[int]], lengths: Sequence[int]) -> int:
    return sum(CALL + len(rows) * max(lengths[row] for row in rows) for rows in calls)


def every_way(lengths: Sequence[int]) -> int:
    """The least cost of all ways to cut the rows, by length, into calls."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)

    def keeps_states(rows: Sequence[int]) -> bool:
        """Only up to 32 places does padding change no bit."""
        of_rows = {lengths[row] for row in rows}
        return len(of_rows) == 1 or max(of_rows) <= 32

    cuts = itertools.product((False, True), repeat=len(order) - 1)
    ways = ([0, *(place for place, cut in enumerate(cut, 1) if cut), len(order)] for cut in cuts)
    calls = ([order[a:b] for a, b in itertools.pairwise(way)] for way in ways)
    return min(cost(each, lengths) for each in calls if all(map(keeps_states, each)))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("longest", [9, 40, 400])
def test_no_other_way_costs_less(seed: int, longest: int) -> None:
    draw = random.Random(seed)
    lengths = [draw.randint(1, longest) for _ in range(draw.randint(1, 10))]
    calls = batches(lengths)
    assert sorted(row for rows in calls for row in rows) == list(range(len(lengths)))
    assert cost(calls, lengths) == every_way(lengths)


def test_none_and_one() -> None:
    assert batches([]) == []
    assert batches([7]) == [[0]]


def test_long_ones_are_not_padded() -> None:
    assert sorted(batches([32, 33, 31, 34, 33])) == [[1, 4], [2, 0], [3]]


def test_lengths_that_are_far_apart_are_not_padded() -> None:
    assert sorted(batches([8, 100, 8, 100, 9])) == [[0, 2, 4], [1, 3]]


@pytest.mark.parametrize("length", [1, 64, 65, 512, 4096, 5000])
def test_a_call_has_no_more_places_than_the_bound(length: int) -> None:
    calls = batches([length] * 64)
    assert sorted(row for rows in calls for row in rows) == list(range(64))
    assert all(len(rows) * length <= 4096 or len(rows) == 1 for rows in calls)
    assert max(map(len, calls)) - min(map(len, calls)) <= len(calls), "parts of nearly one size"


def test_ids_are_padded_at_their_ends() -> None:
    ids, lengths = padded_ids([[5], np.array([1, 2, 3]), []], 9)
    assert (ids.dtype, lengths.dtype) == (np.int64, np.int64)
    assert (ids.tolist(), lengths.tolist()) == ([[5, 9, 9], [1, 2, 3], [9, 9, 9]], [1, 3, 0])
