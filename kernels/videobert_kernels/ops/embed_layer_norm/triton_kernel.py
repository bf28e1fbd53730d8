"""Embedding gather and LayerNorm: one program for each packed token."""

from __future__ import annotations

import triton
import triton.language as tl

from videobert_kernels.ops.row_norm import layer_norm_row


@triton.jit
def load_row(table, index, rows, width, columns):
    """Row `index` of a table in fp32; zeros if there is no such row, so that a bad id never reads outside."""
    inside = (columns < width) & (index >= 0) & (index < rows)
    return tl.load(table + index * width + columns, mask=inside, other=0.0).to(tl.float32)


@triton.jit(do_not_specialize=["token_rows", "visual_rows", "position_rows", "segment_rows"])
def embed_layer_norm_kernel(
    ids,
    positions,
    segments,
    token_table,
    visual_table,
    position_table,
    segment_table,
    weight,
    bias,
    out,
    token_rows,
    visual_rows,
    position_rows,
    segment_rows,
    width,
    eps,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    token = tl.load(ids + row).to(tl.int64)
    position = tl.load(positions + row).to(tl.int64)
    segment = tl.load(segments + row).to(tl.int64)
    # Of the two token tables at most one has the row; a load that is masked off as a whole costs nothing.
    states = load_row(token_table, token, token_rows, width, columns)
    states += load_row(visual_table, token - token_rows, visual_rows, width, columns)
    states += load_row(position_table, position, position_rows, width, columns)
    states += load_row(segment_table, segment, segment_rows, width, columns)
    normal = layer_norm_row(states, columns, width, weight, bias, eps)
    tl.store(out + row * width + columns, normal.to(out.dtype.element_ty), mask=columns < width)
