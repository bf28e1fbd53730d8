"""The plane between two centroids that lies nearest to a feature."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from videobert.visual.codebook import Codebook, Level, classifier_leaves
from videobert.visual.near_ties import NearTies


def codebook(leaves: np.ndarray, **more: object) -> Codebook:
    return Codebook(
        leaves=leaves.astype(np.float32),
        distances=np.array([0, 1], np.float32),
        backbone_hash="00",
        clip_hash="00",
        **more,  # type: ignore[arg-type]
    )


def test_it_lies_half_way_to_the_second_nearest() -> None:
    ties = NearTies(codebook(np.array([[0.0, 0], [4, 0], [0, 40]])))
    plane = ties.nearest_plane(np.array([1.5, 0], np.float32))
    assert plane.margin == pytest.approx(0.5 / 1.5)
    np.testing.assert_allclose(plane.normal, [1, 0], atol=1e-6)


def test_an_error_below_the_margin_never_changes_a_token_and_one_above_does() -> None:
    random = np.random.default_rng(0)
    book = codebook(random.normal(size=(40, 6)))
    ties = NearTies(book)
    points = random.normal(size=(200, 6)).astype(np.float32)
    planes = [ties.nearest_plane(point) for point in points]
    margins = np.array([plane.margin for plane in planes]) * np.linalg.norm(points, axis=1)
    normals = np.array([plane.normal for plane in planes])
    tokens = book.assign(points)[0]
    moved = {
        share: book.assign((points + share * margins[:, None] * normals).astype(np.float32))[0]
        for share in (0.98, 1.02)
    }
    assert (moved[0.98] == tokens).all()
    assert (moved[1.02] != tokens).all()
    # No error of that length changes one, wherever it leads.
    errors = random.normal(size=points.shape)
    errors *= 0.98 * margins[:, None] / np.linalg.norm(errors, axis=1, keepdims=True)
    assert (book.assign((points + errors).astype(np.float32))[0] == tokens).all()


def test_of_a_classifier_it_is_the_plane_between_two_logits() -> None:
    random = np.random.default_rng(1)
    weight, bias = random.normal(size=(12, 5)), random.normal(size=12)
    book = codebook(classifier_leaves(weight, bias), lifted=True)
    ties = NearTies(book)
    for point in random.normal(size=(50, 5)).astype(np.float32):
        logits = weight @ point + bias
        first = int(logits.argmax())
        others = [k for k in range(12) if k != first]
        distances = [(logits[first] - logits[k]) / np.linalg.norm(weight[first] - weight[k]) for k in others]
        assert ties.nearest_plane(point).margin == pytest.approx(min(distances) / np.linalg.norm(point), rel=1e-3)


def test_in_a_tree_every_level_that_is_gone_down_counts() -> None:
    leaves = np.array([[-5.0, 0], [-3, 0], [3, 0], [5, 0]])
    inner = Level(np.array([[-4.0, 0], [4, 0]], np.float32), np.array([0, 2, 4], np.int64))
    ties = NearTies(codebook(leaves, levels=(inner,)))
    # Near the plane between both nodes, and between two leaves of different nodes.
    assert ties.nearest_plane(np.array([0.5, 0], np.float32), "tree").margin == pytest.approx(1.0)
    # Near the plane between two leaves of one node.
    assert ties.nearest_plane(np.array([4.5, 0], np.float32), "tree").margin == pytest.approx(0.5 / 4.5)


def test_one_centroid_has_no_plane() -> None:
    ties = NearTies(codebook(np.ones((1, 3))))
    assert ties.nearest_plane(np.ones(3, np.float32)).margin == np.inf


def test_a_feature_of_zeros_is_never_sure() -> None:
    assert NearTies(codebook(np.eye(3))).nearest_plane(np.zeros(3, np.float32)).margin == 0


def plane_of_all(book: Codebook, point: np.ndarray) -> float:
    """How far the nearest of all planes is, in float64, as a share of the feature's length."""
    leaves, wide = book.leaves.astype(np.float64), book.lift(point[None])[0].astype(np.float64)
    squared = np.square(wide - leaves).sum(axis=1)
    nearest = int(squared.argmin())
    lengths = np.linalg.norm(leaves[:, : book.dim] - leaves[nearest, : book.dim], axis=1)
    others = np.arange(len(leaves)) != nearest
    planes = (squared - squared[nearest])[others] / (2 * lengths[others])
    return float(planes.min() / np.linalg.norm(point.astype(np.float64)))


def disagreements(book: Codebook, points: np.ndarray, margins: np.ndarray) -> int:
    """How often `is_sure` says something else than what all planes say."""
    ties, planes = NearTies(book), [plane_of_all(book, point) for point in points]
    return sum(
        ties.is_sure(point, float(margin)) != (plane >= margin)
        for (point, plane), margin in product(zip(points, planes, strict=True), margins)
    )


def test_what_is_sure_is_known_without_looking_at_every_centroid() -> None:
    random = np.random.default_rng(2)
    # Large enough that the search leaves most of it out; among the margins are some that nearly all lie within.
    centres = random.normal(size=(40, 48))
    leaves = (centres[:, None] + 0.3 * random.normal(size=(40, 20, 48))).reshape(-1, 48)
    first, second = (leaves[random.integers(0, len(leaves), 150)] for _ in range(2))
    shares = random.uniform(0, 0.6, (150, 1))
    points = ((1 - shares) * first + shares * second).astype(np.float32)
    margins = np.array([1e-4, 1e-3, 1e-2, 0.1, 9.0])
    assert disagreements(codebook(leaves), points, margins) == 0
    ties = NearTies(codebook(leaves))
    sure = [[ties.is_sure(point, float(margin)) for point in points] for margin in margins]
    assert sum(sure[0]) > 100
    assert 0 < sum(sure[3]) < sum(sure[2]) < sum(sure[1])
    assert not any(sure[4])


def test_just_below_its_plane_a_feature_is_sure_and_just_above_not() -> None:
    random = np.random.default_rng(3)
    book = codebook(random.normal(size=(300, 64)))
    ties = NearTies(book)
    for point in random.normal(size=(60, 64)).astype(np.float32):
        margin = plane_of_all(book, point)
        assert ties.is_sure(point, margin * 0.999)
        assert not ties.is_sure(point, margin * 1.001)


def test_logits_that_are_near_each_other_are_not_sure() -> None:
    random = np.random.default_rng(4)
    leaves = classifier_leaves(random.normal(size=(400, 32)), random.normal(size=400))
    points = random.normal(size=(100, 32)).astype(np.float32)
    assert disagreements(codebook(leaves, lifted=True), points, np.array([1e-3, 1e-2, 0.05, 0.3])) == 0


def test_in_a_tree_it_is_sure_of_the_way_down() -> None:
    leaves = np.array([[-5.0, 0], [-3, 0], [3, 0], [5, 0]])
    inner = Level(np.array([[-4.0, 0], [4, 0]], np.float32), np.array([0, 2, 4], np.int64))
    ties = NearTies(codebook(leaves, levels=(inner,)))
    for point, margin in (([0.5, 0], 1.0), ([4.5, 0], 0.5 / 4.5)):
        feature = np.array(point, np.float32)
        assert ties.is_sure(feature, margin * 0.99, "tree")
        assert not ties.is_sure(feature, margin * 1.01, "tree")


def test_of_one_centroid_alone_everything_is_sure_and_of_two_alike_nothing() -> None:
    assert NearTies(codebook(np.ones((1, 3)))).is_sure(np.zeros(3, np.float32), 1.0)
    twins = NearTies(codebook(np.array([[1.0, 0], [1, 0], [9, 0]])))
    assert not twins.is_sure(np.array([1.0, 0], np.float32), 1e-9)
    assert twins.is_sure(np.array([1.0, 0], np.float32), 0.0)
    assert not NearTies(codebook(np.eye(3))).is_sure(np.zeros(3, np.float32), 1e-9)
