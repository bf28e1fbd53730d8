"""Validation, registration with torch and launching."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.dispatch import Backend, choose, on_device_of
from videobert_kernels.ops.nearest_centroid import reference
from videobert_kernels.ops.nearest_centroid.pack import PackedCentroids, PackedTree
from videobert_kernels.ops.nearest_centroid.plan import Launches, plan, plan_tree
from videobert_kernels.variant import FP_FUSION

_TYPES: Final = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}
_DTYPES: Final = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16, "i32": torch.int32}

_Answer = tuple[Tensor, Tensor, Tensor]


def nearest_centroid(
    points: Tensor,
    packed: PackedCentroids,
    *,
    return_distance: bool = False,
    return_margin: bool = False,
    backend: Backend = "auto",
) -> Tensor | tuple[Tensor, ...]:
    """The nearest centroid of each point, exactly.

    A label is that of float64 brute force over the fp32 centroids and the points as given (outside ties of a few
    float64 rounding units), ties go to the lowest index, and a row's answer does not depend on the other rows. It waits
    for nothing and launches the same three kernels for the same shapes, so it can sit in a CUDA graph.

    Args:
        points: fp32, fp16 or bf16 `(n, dim)`, on the codebook's device; n may be 0.
        packed: what `pack_centroids` made.
        return_distance: also return Euclidean distances, correct to a few fp32 rounding units, for any dim; what lies
            beyond fp32 is its largest value.
        return_margin: also return by how much the second nearest centroid is farther than the nearest (0 if they tie,
            infinite if there is one centroid), from float64 distances. Dearer: both of them are sought.
        backend: `"auto"` runs the kernels on a GPU and plain torch on the CPU.

    Returns:
        int32 `(n,)` labels; with `return_distance` fp32 `(n,)` distances; with `return_margin` fp32 `(n,)` margins. A
        point with a NaN or infinite value gets the label -1, and NaN for the others.

    Raises:
        KernelError: shape, dtype or device do not fit, or the kernels cannot run here.

    Cost:
        `2 n count dim` tensor-core operations and at least `2 count dim` bytes: up to 64 points it is bound by reading
        the coarse codebook once, from some 300 on by the tensor cores. Besides, once each: the points read twice and
        written in two bytes, `16 n count / 128` bytes of tile scores, and 4 to 8 `dim` bytes of fp32 centroids a point.
        Where near-ties leave many candidates, these are read too: at worst `4 count dim` bytes a point.
    """
    chosen = _checked(points, packed.centroids, backend)
    margin = bool(return_margin)
    answer = torch.ops.videobert_kernels.nearest_centroid(
        points, packed.centroids, packed.coarse, packed.norms, packed.center, packed.bounds, packed.exponent, margin,
        chosen,
    )  # fmt: skip
    return _picked(answer, return_distance, margin)


def nearest_centroid_tree(
    points: Tensor,
    tree: PackedTree,
    *,
    return_distance: bool = False,
    return_margin: bool = False,
    backend: Backend = "auto",
) -> Tensor | tuple[Tensor, ...]:
    """The leaf that is reached from the root by the nearest child, level by level: one launch.

    Each choice is that of float64 (outside ties of a few of its rounding units), ties go to the lowest index. The leaf
    need not be the nearest of all leaves.

    Args:
        points: fp32, fp16 or bf16 `(n, dim)`, on the tree's device; n may be 0.
        tree: what `pack_tree` made.
        return_distance: as in `nearest_centroid`: to the leaf.
        return_margin: likewise: among the leaf's siblings.
        backend: as there.

    Returns:
        As `nearest_centroid`.

    Raises:
        KernelError: shape, dtype or device do not fit, or the kernel cannot run here.

    Cost:
        With c children a node and d levels: `3 c d dim` fp32 operations and `4 c d dim` bytes a point, mostly from L2:
        48 centroids instead of 20,736 in a tree of 4 x 12.
    """
    chosen = _checked(points, tree.nodes, backend)
    margin = bool(return_margin)
    answer = torch.ops.videobert_kernels.nearest_centroid_tree(
        points, tree.nodes, tree.children, tree.depth, tree.leaves, margin, chosen
    )
    return _picked(answer, return_distance, margin)


def _picked(answer: _Answer, distance: bool, margin: bool) -> Tensor | tuple[Tensor, ...]:
    if not distance and not margin:
        return answer[0]
    return (answer[0], *answer[1:2][: int(distance)], *answer[2:][: int(margin)])


def _checked(points: Tensor, table: Tensor, backend: Backend) -> str:
    """The backend that runs."""
    dim = table.shape[1]
    if points.dtype not in _TYPES or points.dim() != 2 or points.shape[1] != dim:
        raise KernelError(
            "points do not fit the centroids",
            seen=f"{points.dtype}{tuple(points.shape)}",
            allowed=f"float32, float16 or bfloat16 (n, {dim})",
        )
    if points.device != table.device:
        raise KernelError(
            "points are not where the centroids are", seen=points.device, allowed=table.device, fix="Move one of them."
        )
    return choose(backend, points)


@torch.library.custom_op("videobert_kernels::nearest_centroid", mutates_args=())
def _nearest_op(
    points: Tensor, centroids: Tensor, coarse: Tensor, norms: Tensor, center: Tensor, bounds: Tensor, exponent: int,
    margin: bool, backend: str,
) -> _Answer:  # fmt: skip
    if backend == "reference":
        label, distance, gap = reference.nearest(points, centroids)
        return label, distance, gap if margin else gap[:0].clone()
    work = plan(
        len(points), len(centroids), points.shape[1], _capability(points), points=_TYPES[points.dtype],
        coarse=_TYPES[coarse.dtype], margin=margin, exponent=exponent,
    )  # fmt: skip
    given = {
        "points": points.contiguous(), "centroids": centroids, "codebook": coarse, "norms": norms, "center": center,
        "bounds": bounds,
    }  # fmt: skip
    return _run(work, given)


@torch.library.custom_op("videobert_kernels::nearest_centroid_tree", mutates_args=())
def _tree_op(
    points: Tensor, nodes: Tensor, children: Tensor, depth: int, leaves: int, margin: bool, backend: str
) -> _Answer:
    if backend == "reference":
        label, distance, gap = reference.descend(points, nodes, children, depth, leaves)
        return label, distance, gap if margin else gap[:0].clone()
    work = plan_tree(
        len(points), len(nodes), len(nodes) - leaves, depth, points.shape[1], _capability(points),
        points=_TYPES[points.dtype], margin=margin,
    )  # fmt: skip
    return _run(work, {"points": points.contiguous(), "nodes": nodes, "children": children})


def _fake(points: Tensor, margin: bool) -> _Answer:
    rows = points.shape[0]
    return (
        points.new_empty((rows,), dtype=torch.int32),
        points.new_empty((rows,), dtype=torch.float32),
        points.new_empty((rows if margin else 0,), dtype=torch.float32),
    )


@_nearest_op.register_fake
def _(points: Tensor, centroids: Tensor, coarse: Tensor, norms: Tensor, center: Tensor, bounds: Tensor, exponent: int,
      margin: bool, backend: str) -> _Answer:  # fmt: skip
    return _fake(points, margin)


@_tree_op.register_fake
def _(points: Tensor, nodes: Tensor, children: Tensor, depth: int, leaves: int, margin: bool, backend: str) -> _Answer:
    return _fake(points, margin)


def _capability(points: Tensor) -> int | None:
    if not points.is_cuda:
        return None
    major, minor = torch.cuda.get_device_capability(points.device)
    return major * 10 + minor


def _run(work: Launches, given: dict[str, Tensor]) -> _Answer:
    """Allocate what the plan asks for and launch it."""
    device = given["points"].device
    memory = dict(given)
    for buffer in work.buffers:
        if buffer.role != "input":
            memory[buffer.name] = torch.empty(buffer.shape, dtype=_DTYPES[buffer.dtype], device=device)
    with on_device_of(given["points"]):
        for launch in work.launches:
            kernel = launch.variant.load()
            values = [memory[value] if isinstance(value, str) else value for value in launch.arguments]
            kernel[launch.grid](
                *values,
                **launch.variant.constants,
                num_warps=launch.variant.warps,
                num_stages=launch.variant.stages,
                enable_fp_fusion=FP_FUSION,
            )
    return memory["labels"], memory["distances"], memory["margins"]
