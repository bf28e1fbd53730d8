"""`embed_layer_norm`: validation, registration and launch."""

from __future__ import annotations

import torch
from torch import Tensor

from videobert_kernels.ops.checks import check_contiguous, check_device, check_floats, check_indices, check_shape
from videobert_kernels.ops.dispatch import Backend, choose, on_device_of
from videobert_kernels.ops.embed_layer_norm.configs import STAGES
from videobert_kernels.ops.embed_layer_norm.reference import embed_layer_norm_reference
from videobert_kernels.ops.row_blocks import WARPS, block_for
from videobert_kernels.variant import FP_FUSION


def embed_layer_norm(
    ids: Tensor,
    positions: Tensor,
    segments: Tensor,
    token_table: Tensor,
    position_table: Tensor,
    segment_table: Tensor,
    weight: Tensor,
    bias: Tensor,
    *,
    eps: float = 1e-12,
    visual_table: Tensor | None = None,
    backend: Backend = "auto",
) -> Tensor:
    """BERT's input states: LayerNorm of token, position and segment embedding (arXiv 1810.04805, section 3.2).

    Sums and statistics are fp32 whatever the dtype, so a sum of fp16 embeddings cannot overflow. An id outside its
    table never reads memory: it counts as a row of zeros.

    Args:
        ids: int32 `(tokens,)`, packed without padding; rows of `token_table`, then of `visual_table`.
        positions: int32 `(tokens,)`, place of each token in its own sequence.
        segments: int32 `(tokens,)`.
        token_table: `(words, width)`, or the joint table of words and visual tokens.
        position_table: `(positions, width)`.
        segment_table: `(segments, width)`.
        weight, bias: `(width,)` of the LayerNorm.
        eps: added to the variance.
        visual_table: `(visual tokens, width)` for models that keep it apart: id `words + i` is its row `i`.
        backend: see `dispatch.choose`.

    Returns:
        `(tokens, width)` in the tables' dtype (fp32, fp16 or bf16).

    Raises:
        KernelError: shapes, dtypes or devices do not fit together, a tensor is not contiguous, or the width is not
            1 to 4,096.

    Cost: one launch; reads 3 rows for each token and writes one; about 8 operations for each value.
    """
    check_shape("token_table", token_table, None, None)
    width = token_table.shape[1]
    tables = {"position_table": position_table, "segment_table": segment_table}
    if visual_table is not None:
        tables["visual_table"] = visual_table
    for name, table in tables.items():
        check_shape(name, table, None, width)
    check_floats(token_table, weight=weight, bias=bias, **tables)
    check_shape("weight", weight, width)
    check_shape("bias", bias, width)
    check_indices(ids=ids, positions=positions, segments=segments)
    check_shape("positions", positions, len(ids))
    check_shape("segments", segments, len(ids))
    check_device(token_table, ids=ids, positions=positions, segments=segments)
    check_contiguous(token_table=token_table, weight=weight, bias=bias, **tables)
    block_for(width)
    out: Tensor = _embed_layer_norm(
        ids,
        positions,
        segments,
        token_table,
        position_table,
        segment_table,
        weight,
        bias,
        eps,
        visual_table,
        choose(backend, token_table),
    )
    return out


@torch.library.custom_op("videobert_kernels::embed_layer_norm", mutates_args=())
def _embed_layer_norm(
    ids: Tensor,
    positions: Tensor,
    segments: Tensor,
    token_table: Tensor,
    position_table: Tensor,
    segment_table: Tensor,
    weight: Tensor,
    bias: Tensor,
    eps: float,
    visual_table: Tensor | None,
    backend: str,
) -> Tensor:
    if backend == "reference":
        return embed_layer_norm_reference(
            ids, positions, segments, token_table, position_table, segment_table, weight, bias, eps, visual_table
        )
    from videobert_kernels.ops.embed_layer_norm.triton_kernel import embed_layer_norm_kernel

    rows, width = len(ids), token_table.shape[1]
    out = torch.empty((rows, width), dtype=token_table.dtype, device=token_table.device)
    if rows == 0:
        return out
    block = block_for(width)
    with on_device_of(token_table):
        embed_layer_norm_kernel[(rows,)](
            ids,
            positions,
            segments,
            token_table,
            token_table if visual_table is None else visual_table,
            position_table,
            segment_table,
            weight,
            bias,
            out,
            len(token_table),
            0 if visual_table is None else len(visual_table),
            len(position_table),
            len(segment_table),
            width,
            eps,
            BLOCK=block,
            num_warps=WARPS[block],
            num_stages=STAGES,
            enable_fp_fusion=FP_FUSION,
        )
    return out


@_embed_layer_norm.register_fake
def _(
    ids: Tensor,
    positions: Tensor,
    segments: Tensor,
    token_table: Tensor,
    position_table: Tensor,
    segment_table: Tensor,
    weight: Tensor,
    bias: Tensor,
    eps: float,
    visual_table: Tensor | None,
    backend: str,
) -> Tensor:
    return token_table.new_empty((ids.shape[0], token_table.shape[1]))
