"""The median of a stream, held to numpy's."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from videobert.pipeline.percentiles import Percentiles


@pytest.mark.parametrize("count", [1, 2, 3, 10, 101, 1000])
def test_it_is_numpy_s_to_the_bit(count: int) -> None:
    random = np.random.default_rng(count)
    values = np.round(random.uniform(0, 100, count), 1)
    percentiles = Percentiles()
    for value in values:
        percentiles.add(float(value))
    assert percentiles.median() == float(np.median(values.astype(np.float32)))


def test_of_nothing_there_is_none() -> None:
    assert Percentiles().median() is None


def test_masked_arrays_are_not_imported_for_it() -> None:
    code = (
        "import sys; from videobert.pipeline.percentiles import Percentiles; seen = Percentiles(); "
        "seen.add(1.5); seen.add(2.5); print(seen.median(), 'numpy.ma' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "2.0 False"
