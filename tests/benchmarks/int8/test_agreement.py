"""Tokens counted beside fp32's, near ties apart."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.int8.agreement import Judge, counted, wilson
from videobert.visual.codebook import Codebook


@pytest.fixture
def judge() -> Judge:
    leaves = np.array([[0, 0], [10, 0], [0, 10]], np.float32)
    codebook = Codebook(leaves=leaves, distances=None, backbone_hash="a", clip_hash="b")
    true = np.array([[1, 0], [9, 0], [5.001, 0], [0, 8]], np.float32)
    return Judge(codebook, true, [frozenset({0}), frozenset({0, 1}), frozenset(), frozenset({1})])


def test_the_same_features_have_the_same_tokens(judge: Judge) -> None:
    found = judge.of(np.array([[1, 0], [9, 0], [5.001, 0], [0, 8]], np.float32))
    assert (found["same_token"]["hits"], found["same_token"]["of"]) == (4, 4)
    assert found["same_token_not_near_a_tie"]["of"] == 3
    assert (found["median_error"], found["surest_other_share"]) == (0, 0)
    assert (found["right_label"]["hits"], found["right_label"]["of"]) == (2, 3)


def test_what_changed_is_counted_where_it_belongs(judge: Judge) -> None:
    near = judge.of(np.array([[1, 0], [9, 0], [4.9, 0], [0, 8]], np.float32))
    assert near["same_token"]["hits"] == 3
    assert near["same_token_not_near_a_tie"]["hits"] == 3
    assert near["surest_other_share"] == pytest.approx(0.001 / 5.001, rel=0.01)
    far = judge.of(np.array([[1, 0], [9, 0], [5.001, 0], [0, 2]], np.float32))
    assert far["same_token"]["hits"] == 3
    assert far["same_token_not_near_a_tie"]["hits"] == 2
    assert far["largest_error"] == pytest.approx(0.75)
    assert far["surest_other_share"] == pytest.approx(3 / 8)


def test_wilson() -> None:
    # Newcombe 1998, table I: 81 of 263 and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert counted(0, 0)["ci95"] == [0, 1]
