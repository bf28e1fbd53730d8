"""Arithmetic by name: one vocabulary for engines, graphs, kernels and the command line."""

from __future__ import annotations

from typing import Literal

# What a model may be loaded with; "auto" is bf16 where the hardware multiplies it natively, else fp32, or "int8" for a
# model that is known to be as right in it. "exact" is bf16 or fp32 likewise, but clips whose token could be another in
# fp32 are computed again in it. "int8" is the same, with the backbone on 8-bit values in a model that was made ready
# for it or is known.
Precision = Literal["auto", "fp32", "bf16", "exact", "int8"]
PRECISIONS = ("auto", "fp32", "bf16", "exact", "int8")
# Types that a graph computes in as it is, and those that its products are quantised to.
FLOAT_PRECISIONS = ("fp32", "fp16", "bf16")
QUANTISED = ("int8", "fp8")
# What graphs and engines for a target may be made in.
GRAPH_PRECISIONS = (*FLOAT_PRECISIONS, *QUANTISED)
