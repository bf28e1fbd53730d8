"""`nearest_centroid_tree`, interpreted or on a GPU, and its plain reference, against a float64 descent."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.nearest_centroid import nearest_centroid, nearest_centroid_tree, pack_centroids, pack_tree

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
BF16 = pytest.param(torch.bfloat16, marks=pytest.mark.needs_cuda)
BACKENDS = ["triton", "reference"]
Levels = list[tuple[Tensor, Tensor]]


def grown(counts: list[list[int]], dim: int) -> tuple[Levels, Tensor]:
    """A tree whose nodes of level i have `counts[i]` children each, as levels and leaves."""
    levels: Levels = []
    for children in counts:
        offsets = torch.tensor([0, *children]).cumsum(0)
        levels.append((torch.randn(len(children), dim), offsets))
    return levels, torch.randn(sum(counts[-1]), dim)


def descent(points: Tensor, levels: Levels, leaves: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Labels, distances and margins by float64 at each level."""
    labels, distances, margins = [], [], []
    tables = [*(table for table, _ in levels), leaves]
    for point in points:
        first, end = 0, len(tables[0])
        for depth, table in enumerate(tables):
            squared = (table[first:end].double() - point.double()).square().sum(dim=1)
            ordered, index = squared.sort(stable=True)
            node = first + int(index[0])
            if depth < len(levels):
                first, end = levels[depth][1][node : node + 2].tolist()
        labels.append(node)
        distances.append(ordered[0].sqrt())
        margins.append(ordered[1].sqrt() - ordered[0].sqrt() if len(ordered) > 1 else torch.tensor(torch.inf))
    return torch.tensor(labels, dtype=torch.int32), torch.stack(distances), torch.stack(margins).double()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, BF16])
@pytest.mark.parametrize(
    ("counts", "rows", "dim"),
    [
        ([[3] * 3, [3] * 9, [3] * 27], 33, 20),
        ([[12] * 12], 65, 33),
        ([[2, 1, 5], [1, 20, 3, 1, 1, 2, 4, 1]], 40, 100),
        ([[1]], 3, 16),
    ],
    ids=["full", "twelve", "pruned", "one_leaf"],
)
def test_leaves_are_those_of_a_float64_descent(
    counts: list[list[int]], rows: int, dim: int, dtype: torch.dtype, backend: str, device: str
) -> None:
    levels, leaves = grown(counts, dim)
    points = torch.randn(rows, dim).to(dtype)
    labels, distances, margins = descent(points, levels, leaves)
    tree = pack_tree([(table.to(device), offsets) for table, offsets in levels], leaves.to(device))
    found = nearest_centroid_tree(points.to(device), tree, return_distance=True, return_margin=True, backend=backend)
    assert torch.equal(found[0].cpu(), labels)
    torch.testing.assert_close(found[1].cpu().double(), distances, rtol=2.0**-22, atol=0)
    torch.testing.assert_close(found[2].cpu().double(), margins, rtol=2.0**-22, atol=1e-14)
    assert torch.equal(nearest_centroid_tree(points.to(device), tree, backend=backend), found[0])


def test_a_tree_without_inner_levels_is_the_flat_search(device: str) -> None:
    leaves, points = torch.randn(50, 24, device=device), torch.randn(20, 24, device=device)
    found = nearest_centroid_tree(points, pack_tree([], leaves), backend="triton")
    assert torch.equal(found, nearest_centroid(points, pack_centroids(leaves), backend="triton"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_ties_and_near_ties_at_every_level(backend: str, device: str) -> None:
    """Doubles of whole numbers, and neighbours one rounding unit apart that fp32 sums cannot order."""
    levels, leaves = grown([[6] * 8], 30)
    base = torch.randn(30)
    levels[0][0][:] = torch.nextafter(base, torch.full((30,), 9.0))
    levels[0][0][3:7] = base
    leaves[:] = torch.randint(-1, 2, (3, 30)).float().repeat(16, 1)
    points = torch.cat([base + torch.randn(20, 30), torch.randint(-1, 2, (12, 30)).float()])
    expected = descent(points, levels, leaves)[0]
    tree = pack_tree([(table.to(device), offsets) for table, offsets in levels], leaves.to(device))
    assert torch.equal(nearest_centroid_tree(points.to(device), tree, backend=backend).cpu(), expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_points_and_points_that_are_not_finite(backend: str, device: str) -> None:
    levels, leaves = grown([[3, 4]], 18)
    tree = pack_tree([(table.to(device), offsets) for table, offsets in levels], leaves.to(device))
    assert nearest_centroid_tree(torch.empty(0, 18, device=device), tree, backend=backend).shape == (0,)
    points = torch.randn(4, 18)
    points[1, 17], points[3, 0] = torch.nan, torch.inf
    label, distance, margin = nearest_centroid_tree(
        points.to(device), tree, return_distance=True, return_margin=True, backend=backend
    )
    assert (label.cpu() < 0).tolist() == [False, True, False, True]
    assert distance.isnan().tolist() == margin.isnan().tolist() == [False, True, False, True]


def test_wrong_trees_are_refused() -> None:
    table, leaves = torch.randn(2, 8), torch.randn(5, 8)
    for offsets in ([0, 5], [1, 2, 5], [0, 2, 4], [0, 0, 5], [0, 6, 5]):
        with pytest.raises(KernelError, match="offsets of level 0"):
            pack_tree([(table, torch.tensor(offsets))], leaves)
    with pytest.raises(KernelError, match="level 0 does not fit"):
        pack_tree([(torch.randn(2, 7), torch.tensor([0, 2, 5]))], leaves)
    with pytest.raises(KernelError, match="leaves cannot be used"):
        pack_tree([], torch.zeros(0, 8))
    with pytest.raises(KernelError, match="points do not fit"):
        nearest_centroid_tree(torch.randn(3, 9), pack_tree([], leaves))


def test_offsets_whose_differences_overflow_are_refused():
    offsets = torch.tensor([0, 2**63 - 1, -(2**63), -1, 5])
    with pytest.raises(KernelError, match="offsets of level 0"):
        pack_tree([(torch.randn(4, 8), offsets)], torch.randn(5, 8))
