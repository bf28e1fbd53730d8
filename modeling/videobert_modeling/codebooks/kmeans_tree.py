"""Hierarchical k-means over rows on disk: scikit-learn splits a node, exact float64 means finish it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from videobert_modeling.codebooks.spool import FeatureSpool

Rows = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float64]

# A node of more rows than fit into this is split on a random sample, then refined on all of its rows.
_FIT_BYTES = 128 * 2**20
_ROWS_PER_BRANCH = 64
_REFINE_PASSES = 3
_RESTARTS = 3


@dataclass(slots=True)
class Node:
    """A cluster: its mean `(D,)`, its rows, the sum of their squared distances to the mean, and what it splits into."""

    mean: Vectors
    members: Rows
    objective: float
    children: list[Node] = field(default_factory=list)


class Means:
    """Counts, means and squared distances of groups of rows, summed in float64 whatever the number of rows.

    Args:
        groups: how many groups.
        origin: `(D,)`, subtracted from each row first; a point near the data keeps the squared distances exact.
    """

    def __init__(self, groups: int, origin: Vectors) -> None:
        self._origin = origin
        self.counts = np.zeros(groups, np.int64)
        self._sums = np.zeros((groups, len(origin)), np.float64)
        self._squares = np.zeros(groups, np.float64)

    def add(self, rows: npt.NDArray[np.float32], groups: npt.NDArray[np.integer]) -> None:
        """Take in `rows` `(n, D)` that belong to `groups` `(n,)`."""
        if not len(rows):
            return
        order = np.argsort(groups, kind="stable")
        present, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
        shifted = rows[order].astype(np.float64) - self._origin
        self.counts[present] += counts
        self._sums[present] += np.add.reduceat(shifted, starts, axis=0)
        self._squares[present] += np.add.reduceat(np.einsum("nd,nd->n", shifted, shifted), starts)

    @property
    def means(self) -> Vectors:
        """`(groups, D)`; the origin for a group without rows."""
        means: Vectors = self._origin + self._sums / np.maximum(self.counts, 1)[:, None]
        return means

    @property
    def objectives(self) -> Vectors:
        """`(groups,)` sums of squared distances to the mean of the group."""
        inner = np.einsum("gd,gd->g", self._sums, self._sums) / np.maximum(self.counts, 1)
        objectives: Vectors = np.maximum(self._squares - inner, 0.0)
        return objectives


def build_tree(
    spool: FeatureSpool,
    members: Rows,
    *,
    branching: int,
    depth: int,
    seed: int,
    on_rows: Callable[[int, int], None] | None = None,
) -> Node:
    """Split the rows `members` into at most `branching` clusters, each of those again, `depth` times.

    A cluster below the root with fewer rows than `branching`, or with only one distinct row, is not split: the tree
    is then pruned there. The same rows and seed give the same tree. `on_rows(done, total)` counts rows times levels.
    """
    whole = Means(1, spool.take(members[:1])[0].astype(np.float64))
    for part, rows in spool.blocks(members):
        whole.add(rows, np.zeros(len(part), np.int64))
    root = Node(whole.means[0], members, float(whole.objectives[0]))
    level = [root]
    for step in range(depth):
        done = step * len(members)
        for index, node in enumerate(level):
            if node is root or len(node.members) >= branching:
                node.children = _split(spool, node, branching, np.random.SeedSequence([seed, step, index]))
            done += len(node.members)
            if on_rows:
                on_rows(done, depth * len(members))
        level = [child for node in level for child in node.children]
    return root


def leaves(node: Node) -> list[Node]:
    """The nodes without children, left to right."""
    return [leaf for child in node.children for leaf in leaves(child)] if node.children else [node]


def _split(spool: FeatureSpool, node: Node, branching: int, seed: np.random.SeedSequence) -> list[Node]:
    centres = _distinct(spool, node.members, branching + 1)
    if len(centres) == 1:
        return []
    if len(centres) > branching:
        centres = _fit(spool, node, branching, seed)
        sampled = len(node.members) > _sample_rows(spool.dim, branching)
        for _ in range(_REFINE_PASSES if sampled else 0):
            centres = _assign(spool, node, centres)[0].means
    means, groups = _assign(spool, node, centres)
    kept = np.flatnonzero(means.counts)
    if len(kept) == 1:
        return []
    return [Node(means.means[g], node.members[groups == g], float(means.objectives[g])) for g in kept]


def _fit(spool: FeatureSpool, node: Node, branching: int, seed: np.random.SeedSequence) -> Vectors:
    from sklearn.cluster import KMeans

    fit_seed, sample_seed = seed.generate_state(2)
    members, most = node.members, _sample_rows(spool.dim, branching)
    if len(members) > most:
        members = np.sort(np.random.default_rng(sample_seed).choice(members, most, replace=False))
    # Rows far from zero lose the digits that tell them apart unless the node's mean is taken off first.
    rows = (spool.take(members) - node.mean).astype(np.float32)
    model = KMeans(branching, n_init=_RESTARTS, random_state=int(fit_seed), copy_x=False)
    centres: Vectors = model.fit(rows).cluster_centers_ + node.mean
    return centres


def _assign(spool: FeatureSpool, node: Node, centres: Vectors) -> tuple[Means, npt.NDArray[np.int64]]:
    from sklearn.metrics import pairwise_distances_argmin

    means = Means(len(centres), node.mean)
    groups = np.empty(len(node.members), np.int64)
    shifted = (centres - node.mean).astype(np.float32)
    start = 0
    for part, rows in spool.blocks(node.members):
        nearest = pairwise_distances_argmin((rows - node.mean).astype(np.float32), shifted)
        groups[start : start + len(part)] = nearest
        means.add(rows, nearest)
        start += len(part)
    return means, groups


def _distinct(spool: FeatureSpool, members: Rows, enough: int) -> Vectors:
    """The distinct rows in order of appearance, at most `enough` of them."""
    found: dict[bytes, npt.NDArray[np.float32]] = {}
    for _, rows in spool.blocks(members):
        for row in rows + np.float32(0):  # -0.0 becomes 0.0
            found.setdefault(row.tobytes(), row)
            if len(found) == enough:
                return np.stack(list(found.values())).astype(np.float64)
    return np.stack(list(found.values())).astype(np.float64)


def _sample_rows(dim: int, branching: int) -> int:
    return max(_FIT_BYTES // (4 * dim), _ROWS_PER_BRANCH * branching)
