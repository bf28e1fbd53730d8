"""Figures of the nearest centroid: 20,736 centroids of 1,024 values, the codebook of the paper's size.

Many points are held against flash-kmeans' assignment (where its package can be imported) and against the bare matrix
product; few points against torch's product and argmin in a graph; the tree against our own flat search.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.gpu.case import Case, Prepared, device, tiny
from videobert_kernels import nearest_centroid, nearest_centroid_tree, pack_centroids, pack_tree

_COUNT, _DIM = 20_736, 1_024
_NAMES = {torch.float16: "fp16", torch.bfloat16: "bf16", torch.float32: "fp32"}
Rivals = dict[str, Callable[[], object]]


def cases() -> list[Case]:
    """Many points twice, once for each bar; few points; the tree."""
    found = []
    for rows in (4096, 16_384):
        for dtype in (torch.float16, torch.bfloat16):
            found.append(_case("flash-kmeans", rows, dtype, 1.3, "1.3x flash-kmeans", _flash_kmeans))
            found.append(_case("gemm", rows, dtype, 1 / 1.1, "within 1.1x of the product alone", _product))
    for rows in (1, 32, 64):
        found.append(_case("few", rows, torch.float16, 4.0, "4x torch product + argmin, in a graph", _torch_argmin))
    found += [_tree_case(rows) for rows in (1, 64, 1024)]
    return found


def _case(
    what: str,
    rows: int,
    dtype: torch.dtype,
    bar: float,
    bar_text: str,
    rivals: Callable[[Tensor, Tensor], tuple[Rivals, str]],
) -> Case:
    return Case(
        name=f"nearest/{what}/{_NAMES[dtype]}-n{rows}-k{_COUNT}-d{_DIM}",
        bar=bar,
        bar_text=bar_text,
        prepare=lambda: _prepare(rows, dtype, rivals),
    )


def _tree_case(rows: int) -> Case:
    return Case(
        name=f"nearest/tree/fp32-n{rows}-12x12x12x12-d{_DIM}",
        bar=None,
        bar_text="no bar",
        prepare=lambda: _prepare_tree(rows),
    )


def _data(rows: int, dtype: torch.dtype, count: int, dim: int) -> tuple[Tensor, Tensor]:
    """Points near centroids, as features lie; the centroids are exact in the dtype, so that rivals lose nothing."""
    torch.manual_seed(0)
    centroids = torch.randn(count, dim, device=device()).to(dtype).float()
    chosen = torch.randint(count, (rows,), device=device())
    return (centroids[chosen] + torch.randn(rows, dim, device=device())).to(dtype), centroids


def _prepare(rows: int, dtype: torch.dtype, rivals: Callable[[Tensor, Tensor], tuple[Rivals, str]]) -> Prepared:
    rows, count, dim = (min(rows, 4), 70, 32) if tiny() else (rows, _COUNT, _DIM)
    points, centroids = _data(rows, torch.float16 if tiny() else dtype, count, dim)
    packed = pack_centroids(centroids)
    others, note = rivals(points, centroids)

    def ours() -> Tensor:
        return nearest_centroid(points, packed)

    return Prepared(
        ours=ours,
        rivals=others,
        parity=lambda: _parity(ours(), points, centroids),
        note=note,
        graph=True,
        bytes=2 * count * dim + points.numel() * points.element_size(),
        operations=2 * rows * count * dim,
    )


def _prepare_tree(rows: int) -> Prepared:
    branch, dim = (2, 32) if tiny() else (12, _DIM)
    rows = min(rows, 4) if tiny() else rows
    points, leaves = _data(rows, torch.float32, branch**4, dim)
    tables = [leaves]
    for _ in range(3):
        tables.insert(0, tables[0].view(-1, branch, dim).mean(dim=1))
    levels = [(table, torch.arange(len(table) + 1) * branch) for table in tables[:-1]]
    tree, packed = pack_tree(levels, leaves), pack_centroids(leaves)

    def ours() -> Tensor:
        return nearest_centroid_tree(points, tree)

    def parity() -> str | None:
        wrong = int((ours() != nearest_centroid_tree(points, tree, backend="reference")).sum())
        return f"{wrong} of {rows} labels differ from the plain descent" if wrong else None

    agree = (ours() == nearest_centroid(points, packed)).float().mean().item()
    return Prepared(
        ours=ours,
        rivals={"our flat search": lambda: nearest_centroid(points, packed)},
        parity=parity,
        note=f"the descent need not end at the nearest leaf: {agree:.1%} of the labels are the flat search's",
        graph=True,
        bytes=4 * rows * dim * (1 + 4 * branch),
        operations=3 * rows * 4 * branch * dim,
    )


def _parity(labels: Tensor, points: Tensor, centroids: Tensor) -> str | None:
    """Against float64 brute force for up to 256 points, and the plain fp32 + float64 search for all."""
    some = slice(0, 256)
    wide = centroids.double()
    exact = torch.stack([(wide - point).square().sum(dim=1).argmin() for point in points[some].double()])
    wrong = int((labels[some] != exact).sum())
    if wrong:
        return f"{wrong} of {len(exact)} labels differ from float64 brute force"
    packed = pack_centroids(centroids)
    wrong = int((labels != nearest_centroid(points, packed, backend="reference")).sum())
    return f"{wrong} of {len(labels)} labels differ from the plain search" if wrong else None


def _flash_kmeans(points: Tensor, centroids: Tensor) -> tuple[Rivals, str]:
    """Its assignment with all norms given; it takes points and centroids in one dtype."""
    try:
        assign = importlib.import_module("flash_kmeans.assign_euclid_triton").euclid_assign_triton
    except Exception as error:
        # The package is optional, and its import has been seen to raise more than ImportError.
        return {}, f"flash-kmeans is not here: {type(error).__name__}"
    x, c = points[None], centroids.to(points.dtype)[None]
    x_squared, c_squared = points.float().square().sum(1)[None], centroids.square().sum(1)[None]
    return {"flash-kmeans": lambda: assign(x, c, x_squared, c_sq=c_squared)}, "flash-kmeans' labels are not exact"


def _product(points: Tensor, centroids: Tensor) -> tuple[Rivals, str]:
    table = centroids.to(points.dtype)
    scores = torch.empty(len(points), len(table), dtype=points.dtype, device=points.device)
    return {"product alone": lambda: torch.mm(points, table.T, out=scores)}, "the product finds no labels"


def _torch_argmin(points: Tensor, centroids: Tensor) -> tuple[Rivals, str]:
    table = centroids.to(points.dtype)
    norms = centroids.square().sum(1).to(points.dtype)
    fused = norms[None].expand(len(points), -1)

    def plain() -> Tensor:
        return (norms - 2 * (points @ table.T)).argmin(1)

    def addmm() -> Tensor:
        return torch.addmm(fused, points, table.T, alpha=-2).argmin(1)

    return {"product + argmin": plain, "addmm + argmin": addmm}, "torch's labels are not exact"
