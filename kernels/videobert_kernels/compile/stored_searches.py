"""The nearest-centroid searches of a codebook as data: packed centroids, and what to launch for any number of rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from videobert_kernels.compile.cubins import StoredSearch
from videobert_kernels.compile.plan_data import Plan, plan_data, variants_of
from videobert_kernels.ops.nearest_centroid import pack_centroids, pack_tree
from videobert_kernels.ops.nearest_centroid.plan import Launches, plan, plan_tree

_TYPES = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16", torch.int32: "i32"}


def nearest_searches(
    leaves: Tensor, levels: Sequence[tuple[Tensor, Tensor]] | None, capability: int
) -> dict[str, StoredSearch]:
    """`"flat"`, and `"tree"` if there are levels.

    Args:
        leaves: fp32 `(leaves, dim)`.
        levels: as `pack_tree` takes them.
        capability: what the kernels will be compiled for.

    Raises:
        KernelError: the codebook cannot be packed.
    """
    searches = {"flat": _flat(leaves, capability)}
    if levels:
        searches["tree"] = _tree(leaves, levels, capability)
    return searches


def _flat(leaves: Tensor, capability: int) -> StoredSearch:
    count, dim = leaves.shape
    packed = pack_centroids(leaves)

    def planned(rows: int) -> Launches:
        return plan(rows, count, dim, capability, coarse=_TYPES[packed.coarse.dtype], exponent=packed.exponent)

    inputs = {
        "centroids": packed.centroids,
        "codebook": packed.coarse,
        "norms": packed.norms,
        "center": packed.center,
        "bounds": packed.bounds,
    }
    return _search(leaves, inputs, planned)


def _tree(leaves: Tensor, levels: Sequence[tuple[Tensor, Tensor]], capability: int) -> StoredSearch:
    tree = pack_tree(levels, leaves)
    nodes = len(tree.nodes)

    def planned(rows: int) -> Launches:
        return plan_tree(rows, nodes, nodes - tree.leaves, tree.depth, leaves.shape[1], capability)

    return _search(leaves, {"nodes": tree.nodes, "children": tree.children}, planned)


def _search(leaves: Tensor, inputs: dict[str, Tensor], planned: Plan) -> StoredSearch:
    ranges = plan_data(planned)
    return StoredSearch(
        dim=leaves.shape[1],
        leaves=leaves.shape[0],
        inputs={name: (_TYPES[tensor.dtype], tensor) for name, tensor in inputs.items()},
        ranges=ranges,
        variants=variants_of(planned, ranges),
    )
