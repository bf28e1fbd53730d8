"""Nearest centroid in plain torch: also the CPU path, and exact."""

from __future__ import annotations

import torch
from torch import Tensor

_SCORES = 1 << 22
_VALUES = 1 << 21
_ROUNDING = 2.0**-24
_TINY = 2.0**-126


def nearest(points: Tensor, centroids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Labels, distances and margins as `nearest_centroid` defines them.

    An fp32 product proposes, with a margin for its worst rounding (dim 2^-24 of both lengths, and two roundings of the
    sum); float64 decides.

    Args:
        points: `(n, dim)`.
        centroids: fp32 `(count, dim)`.

    Returns:
        int32 `(n,)`, fp32 `(n,)`, fp32 `(n,)`.
    """
    labels = torch.full((len(points),), -1, dtype=torch.int32, device=points.device)
    first = torch.full((len(points),), torch.nan, dtype=torch.float64, device=points.device)
    second = first.clone()
    norms = torch.cat([block.double().square().sum(dim=1) for block in torch.split(centroids, 4096)])
    good = torch.isfinite(points).all(dim=1).nonzero().flatten()
    for rows in torch.split(good, max(1, _SCORES // len(centroids))):
        block = points[rows].float()
        row, column = _candidates(block, centroids, norms)
        labels[rows], first[rows], second[rows] = _decide(block, centroids, row, column)
    return labels, _single(first), _single(second - first)


def descend(points: Tensor, nodes: Tensor, children: Tensor, depth: int, leaves: int) -> tuple[Tensor, Tensor, Tensor]:
    """Labels, distances and margins as `nearest_centroid_tree` defines them; arguments as in `PackedTree`."""
    node = torch.full((len(points),), -1, dtype=torch.int64, device=points.device)
    distance = torch.full((len(points),), torch.nan, device=points.device)
    margin = distance.clone()
    good = torch.isfinite(points).all(dim=1)
    for _ in range(depth):
        child = node.clone()
        for parent in sorted(set(node[good].tolist())):
            rows = (good & (node == parent)).nonzero().flatten()
            start, end = children[parent + 1].tolist()
            nearest_child, distance[rows], margin[rows] = nearest(points[rows], nodes[start:end])
            child[rows] = nearest_child.long() + start
        node = child
    return torch.where(good, node - (len(nodes) - leaves), -1).int(), distance, margin


def _candidates(points: Tensor, centroids: Tensor, norms: Tensor) -> tuple[Tensor, Tensor]:
    """Pairs (row, centroid), sorted, with each row's true nearest two centroids among them."""
    length = points.double().square().sum(dim=1).sqrt()
    longest = norms.max().sqrt()
    # Who allows torch to round the operands of products (to TF32, or to bf16 on a CPU) gets more candidates.
    plain = torch.get_float32_matmul_precision() == "highest"
    error = 2 * (points.shape[1] + 2) * (_ROUNDING * length * longest + _TINY) + (
        0 if plain else 2.0**-6 * length * longest
    )
    error += 4 * _ROUNDING * (longest.square() + 2 * length * longest)
    scores = norms.float() - 2 * (points @ centroids.T)
    limit = scores.kthvalue(min(2, len(centroids)), dim=1).values + 2 * error
    # Values so large that fp32 overflows leave the decision to float64 alone.
    limit[~torch.isfinite(limit) | (longest.square() + 2 * length * longest > 1e37)] = torch.inf
    row, column = (~(scores > limit[:, None])).nonzero(as_tuple=True)
    return row, column


def _decide(points: Tensor, centroids: Tensor, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Label, distance and second distance of each row, float64."""
    step = max(1, _VALUES // points.shape[1])
    parts = zip(torch.split(row, step), torch.split(column, step), strict=True)
    squared = torch.cat([(points[r].double() - centroids[c].double()).square().sum(dim=1) for r, c in parts])
    best = torch.full((len(points),), torch.inf, dtype=torch.float64, device=points.device)
    best = best.scatter_reduce(0, row, squared, "amin")
    tied = torch.where(squared == best[row], column, len(centroids))
    label = torch.full((len(points),), len(centroids), device=points.device).scatter_reduce(0, row, tied, "amin")
    rest = torch.where(column == label[row], torch.inf, squared)
    second = torch.full_like(best, torch.inf).scatter_reduce(0, row, rest, "amin")
    return label.int(), best.sqrt(), second.sqrt()


def _single(values: Tensor) -> Tensor:
    """fp32; finite values beyond its range become its largest."""
    largest = torch.finfo(torch.float32).max
    return torch.where(torch.isfinite(values), values.clamp(max=largest), values).float()
