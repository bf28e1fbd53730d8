"""Made films: the size that was asked for, the same bytes from the same seed, cuts, sizes out of range."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import numpy as np
import pytest

from videobert.base.errors import UsageError
from videobert.bench.film import write_generated_film


def test_a_film_has_the_size_and_length_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_generated_film(path, width=96, height=64, seconds=9, fps=10)
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    assert len(frames) == 90
    assert frames[0].shape == (64, 96, 3)
    changes = [np.abs(a - b).mean() for a, b in itertools.pairwise(frames)]
    # A cut every four seconds, and between them pictures that move.
    assert set(np.argsort(changes)[-2:]) == {39, 79}
    assert np.median(changes) > 1


def test_one_seed_gives_one_film(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_generated_film(tmp_path / f"{name}.mp4", width=64, height=64, seconds=1, fps=5, seed=seed)
    a, b, c = ((tmp_path / f"{name}.mp4").read_bytes() for name in "abc")
    assert a == b
    assert a != c


@pytest.mark.parametrize("asked", [{"width": 8}, {"height": 9000}, {"seconds": 0}, {"fps": 500}], ids=str)
def test_a_size_out_of_range_is_refused(tmp_path: Path, asked: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(asked))):
        write_generated_film(tmp_path / "a.mp4", **({"width": 64, "height": 64, "seconds": 1} | asked))
    assert not (tmp_path / "a.mp4").exists()
