"""Assignment against float64 brute force, percentiles, refusal of what does not fit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from videobert.base.errors import InputError, MismatchError, ModelError
from videobert.visual.codebook import Codebook, Level
from videobert.visual.nearest import nearest

Array = npt.NDArray[np.float32]


def codebook(leaves: Array, levels: tuple[Level, ...] | None = None) -> Codebook:
    return Codebook(
        leaves=leaves,
        levels=levels,
        distances=np.array([1, 2, 2, 4, 9], np.float32),
        backbone_hash="b" * 16,
        clip_hash="c" * 16,
    )


def brute_force(points: Array, leaves: Array) -> npt.NDArray[np.int64]:
    return np.array([np.square(p.astype(np.float64) - leaves).sum(axis=1).argmin() for p in points], np.int64)


@pytest.mark.parametrize(("n", "k", "dim"), [(1, 1, 1), (63, 65, 7), (257, 1728, 96), (9, 20_736, 256)])
def test_flat_assignment_is_that_of_float64_brute_force(n: int, k: int, dim: int) -> None:
    random = np.random.default_rng(k)
    leaves = random.normal(size=(k, dim)).astype(np.float32)
    points = random.normal(size=(n, dim)).astype(np.float32)
    ids, distances = codebook(leaves).assign(points)
    assert ids.dtype == np.int32
    assert distances.dtype == np.float32
    np.testing.assert_array_equal(ids, brute_force(points, leaves))
    exact = np.sqrt(np.square(points.astype(np.float64) - leaves[ids]).sum(axis=1))
    np.testing.assert_allclose(distances, exact, rtol=1e-6)


def test_leaves_that_are_nearly_as_near_are_found() -> None:
    book = codebook(np.array([[0.0, 0], [4, 0], [0, 5]], np.float32))
    feature = np.array([1.0, 0], np.float32)
    for more, wanted in ((0.0, [0]), (1.99, [0]), (2.0, [0, 1]), (4.2, [0, 1, 2])):
        nearest, near = book.near(feature, more)
        assert (nearest, near.tolist()) == (0, wanted)


def test_ties_go_to_the_lowest_index() -> None:
    leaves = np.repeat(np.arange(5, dtype=np.float32), 3)[:, None] * np.ones(4, np.float32)
    ids, _ = codebook(leaves).assign(leaves)
    np.testing.assert_array_equal(ids, np.repeat(np.arange(0, 15, 3), 3))
    halfway = np.full((1, 4), 1.5, np.float32)
    assert codebook(leaves).assign(halfway)[0] == 3


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e4, 1e30])
def test_near_ties_far_from_the_origin_are_decided_in_float64(scale: float) -> None:
    """Distances that differ in the last bits of float32, where a float32 product alone is wrong every other time."""
    random = np.random.default_rng(5)
    centre = (100 + random.normal(size=64)).astype(np.float32)
    leaves = (centre + 1e-4 * random.normal(size=(300, 64))).astype(np.float32) * np.float32(scale)
    points = (centre + 1e-4 * random.normal(size=(200, 64))).astype(np.float32) * np.float32(scale)
    wanted = brute_force(points, leaves)
    np.testing.assert_array_equal(nearest(points, leaves)[0], wanted)
    if scale == 1.0:
        naive = (np.square(leaves).sum(axis=1) - 2 * points @ leaves.T).argmin(axis=1)
        assert (naive != wanted).mean() > 0.2


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    random = np.random.default_rng(1)
    leaves = random.normal(size=(1728, 48)).astype(np.float32)
    points = random.normal(size=(130, 48)).astype(np.float32)
    book = codebook(leaves)
    ids, distances = book.assign(points)
    order = random.permutation(len(points))
    shuffled = book.assign(points[order])
    np.testing.assert_array_equal(shuffled[0], ids[order])
    np.testing.assert_array_equal(shuffled[1], distances[order])
    for row in (0, 64, 129):
        alone = book.assign(points[row : row + 1])
        assert (alone[0][0], alone[1][0]) == (ids[row], distances[row])


def test_values_near_the_end_of_float32_still_have_a_nearest_leaf() -> None:
    leaves = np.array([[3e38, 0], [-3e38, 0], [0, 0]], np.float32)
    points = np.array([[3.1e38, 1e38], [-1e38, 3e38], [1e-40, 0]], np.float32)
    ids, distances = codebook(leaves).assign(points)
    np.testing.assert_array_equal(ids, [0, 2, 2])
    assert np.isfinite(distances).all()


def tree(random: np.random.Generator) -> Codebook:
    """Two inner levels; nodes have 1 to 4 children, as in a pruned tree."""
    widths = [random.integers(1, 5, 4)]
    widths.append(random.integers(1, 5, int(widths[0].sum())))
    tables = [random.normal(size=(4, 6)).astype(np.float32)]
    for width in widths:
        tables.append(np.repeat(tables[-1], width, axis=0) + 0.3 * random.normal(size=(int(width.sum()), 6)))
    tables = [table.astype(np.float32) for table in tables]
    offsets = [np.concatenate([[0], np.cumsum(width)]).astype(np.int64) for width in widths]
    return codebook(tables[2], (Level(tables[0], offsets[0]), Level(tables[1], offsets[1])))


def test_tree_assignment_goes_down_the_nearest_child_of_a_pruned_tree() -> None:
    random = np.random.default_rng(2)
    book = tree(random)
    points = random.normal(size=(200, 6)).astype(np.float32)
    assert book.levels is not None
    wanted = []
    for point in points:
        first, end = 0, len(book.levels[0].centroids)
        for level in book.levels:
            node = first + int(brute_force(point[None], level.centroids[first:end])[0])
            first, end = int(level.offsets[node]), int(level.offsets[node + 1])
        wanted.append(first + int(brute_force(point[None], book.leaves[first:end])[0]))
    ids, distances = book.assign(points, "tree")
    np.testing.assert_array_equal(ids, wanted)
    flat, flat_distances = book.assign(points)
    assert 0.5 < (flat == ids).mean() < 1
    assert (distances >= flat_distances).all()


def test_the_tree_of_a_codebook_without_one_is_refused() -> None:
    with pytest.raises(InputError, match="no tree"):
        codebook(np.ones((2, 2), np.float32)).assign(np.ones((1, 2), np.float32), "tree")


def test_no_features_give_no_tokens() -> None:
    ids, distances = codebook(np.ones((3, 4), np.float32)).assign(np.empty((0, 4), np.float32))
    assert ids.shape == distances.shape == (0,)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_an_error_that_names_the_row(value: float) -> None:
    points = np.ones((9, 4), np.float32)
    points[7, 2] = value
    with pytest.raises(InputError, match="row 7 "):
        codebook(np.ones((3, 4), np.float32)).assign(points)


def test_features_of_another_shape_type_or_method_are_refused() -> None:
    book = codebook(np.ones((3, 4), np.float32))
    for wrong in (np.ones((2, 5), np.float32), np.ones(4, np.float32), np.ones((2, 4), np.int64)):
        with pytest.raises(InputError, match="do not fit"):
            book.assign(wrong)
    with pytest.raises(InputError, match="flat"):
        book.assign(np.ones((2, 4), np.float32), "guess")  # type: ignore[arg-type]


def test_percentile_never_falls_as_the_distance_grows() -> None:
    book = codebook(np.ones((1, 1), np.float32))
    grid = np.linspace(0, 20, 999, dtype=np.float32)
    percentiles = book.percentile(grid)
    assert (np.diff(percentiles) >= 0).all()
    np.testing.assert_allclose(book.percentile([0, 1, 4, 9, 20]), [0, 0, 75, 100, 100])
    assert percentiles.min() == 0
    assert percentiles.max() == 100


def test_offsets_whose_differences_overflow_are_refused() -> None:
    leaves = np.ones((6, 4), np.float32)
    offsets = np.array([0, 2**63 - 1, -(2**63), -1, 6])
    with pytest.raises(ModelError, match="offsets"):
        Codebook(
            leaves=leaves,
            levels=(Level(np.ones((4, 4), np.float32), offsets),),
            distances=np.zeros(2, np.float32),
            backbone_hash="b",
            clip_hash="c",
        )


def test_check_refuses_another_backbone_and_another_recipe() -> None:
    book = codebook(np.ones((1, 1), np.float32))
    book.check("b" * 16, "c" * 16)
    with pytest.raises(MismatchError, match="another backbone"):
        book.check("x" * 16, "c" * 16)
    with pytest.raises(MismatchError, match="another clip recipe"):
        book.check("b" * 16, "x" * 16)


def test_the_hash_names_every_value_that_changes_a_token() -> None:
    random = np.random.default_rng(3)
    book = tree(random)
    assert book.levels is not None
    moved = book.leaves.copy()
    moved[-1, -1] = np.nextafter(moved[-1, -1], np.float32(9), dtype=np.float32)
    others = [
        codebook(moved, book.levels),
        codebook(book.leaves),
        codebook(book.leaves, (Level(-book.levels[0].centroids, book.levels[0].offsets), book.levels[1])),
    ]
    assert len({book.hash, *(other.hash for other in others)}) == 4
    assert codebook(book.leaves.copy(), book.levels).hash == book.hash


@pytest.mark.parametrize(
    "offsets",
    [[0, 1, 1], [1, 2, 3], [0, 2, 4], [0, 3], [0, -1, 3]],
    ids=["childless", "late start", "past the end", "too few", "backwards"],
)
def test_a_tree_that_does_not_reach_every_leaf_once_is_refused(offsets: list[int]) -> None:
    level = Level(np.ones((2, 2), np.float32), np.array(offsets, np.int64))
    with pytest.raises(ModelError, match="offsets"):
        codebook(np.ones((3, 2), np.float32), (level,))
