"""numpy's matrix products use no more threads than the block allows, and what was set before afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from videobert.base.blas_threads import _openblas, blas_threads
from videobert.visual import nearest
from videobert.visual.nearest import NearestCentroids


@pytest.fixture
def told() -> object:
    found = _openblas()
    if found is None or found[0]() < 2:
        pytest.skip("numpy has no OpenBLAS with several threads here")
    return found[0]


def test_the_number_holds_for_the_block(told: object) -> None:
    before = told()
    with blas_threads(1):
        assert told() == 1
        with blas_threads(8):
            assert told() == 1, "never more than before"
    assert told() == before
    with pytest.raises(KeyError), blas_threads(1):
        raise KeyError
    assert told() == before


def test_a_codebook_is_packed_within_it(told: object, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    directions = nearest.directions
    monkeypatch.setattr(nearest, "directions", lambda table: (seen.append(told()), directions(table))[1])
    table = np.random.default_rng(0).normal(size=(2048, 256)).astype(np.float32)
    one = NearestCentroids(table).search(table[:9], threads=1)
    many = NearestCentroids(table).search(table[:9], threads=told())
    assert seen == [1, told()]
    for a, b in zip(one, many, strict=True):
        np.testing.assert_array_equal(a, b)
