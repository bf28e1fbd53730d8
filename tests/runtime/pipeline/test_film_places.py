"""The places of a film: each look one, until there are too many; then like ones together, and what is rare apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from videobert.pipeline.clip_vectors import ClipVectors
from videobert.pipeline.film_places import film_places
from videobert.pipeline.film_units import Unit


def unit_rows(rows: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def units_of(sizes: list[int]) -> list[Unit]:
    ends = np.cumsum(sizes)
    return [
        Unit(first=int(end - size), stop=int(end), start_s=1.5 * (end - size), end_s=1.5 * end)
        for size, end in zip(sizes, ends.tolist(), strict=True)
    ]


def test_similarities_are_those_of_the_looks() -> None:
    rng = np.random.default_rng(0)
    vectors = ClipVectors(unit_rows(rng.normal(size=(6, 5)) + 1), 0.3, 0.75)
    units = units_of([1, 3, 2])
    places = film_places(vectors, units)
    cosines = vectors.rows.astype(np.float64) @ vectors.rows.T
    expected = np.clip((cosines - 0.3) / 0.7, 0, 1)
    np.testing.assert_allclose(places.similar, expected, atol=1e-6)
    np.testing.assert_allclose(places.seconds, 1.5)
    nearest = np.stack([expected[:, unit.first : unit.stop].max(axis=1) for unit in units], axis=1)
    np.testing.assert_allclose(places.to_units(), nearest, atol=1e-6)


def test_a_long_unit_has_eight_looks_and_all_of_its_seconds() -> None:
    vectors = ClipVectors(unit_rows(np.ones((20, 3))), 0.0, 0.75)
    places = film_places(vectors, units_of([20]))
    assert len(places.of_looks) == 8
    np.testing.assert_allclose(places.seconds.sum(), 30)


def test_a_clip_that_says_nothing_is_like_itself_alone() -> None:
    rows = unit_rows(np.eye(2))
    rows[1] = 0
    places = film_places(ClipVectors(rows, 0.0, 0.75), units_of([1, 1]))
    np.testing.assert_array_equal(places.similar, np.eye(2))


def test_of_too_many_looks_like_ones_share_a_place_and_the_rare_one_keeps_its_own() -> None:
    rng = np.random.default_rng(1)
    scenes = rng.normal(size=(4, 32))
    rows = scenes[rng.integers(0, 4, 900)] + rng.normal(size=(900, 32)) * 0.2
    rows[613] = rng.normal(size=32) * 3
    vectors = ClipVectors(unit_rows(rows), 0.0, 0.75)
    units = units_of([1] * 900)
    places = film_places(vectors, units, most=40)
    assert len(places.seconds) <= 40
    np.testing.assert_allclose(places.seconds.sum(), 1350)
    assert (places.of_looks == places.of_looks[613]).sum() == 1
    # Those who share a place look alike.
    for place in range(len(places.seconds)):
        here = vectors.rows[places.of_looks == place]
        assert (here @ here.T).min() > 0.5
    assert places.to_units().shape == (len(places.seconds), 900)


def test_where_all_differ_the_number_is_kept_all_the_same() -> None:
    rows = unit_rows(np.random.default_rng(2).normal(size=(500, 64)))
    places = film_places(ClipVectors(rows, 0.0, 0.75), units_of([1] * 500), most=30)
    assert len(places.seconds) <= 30
    np.testing.assert_allclose(places.seconds.sum(), 750)
