"""What can be read from a TensorRT-RTX plan without a GPU: its header, and the kernels that it names.

NVIDIA does not document this. It was found by building the same network for different targets with version 1.7.1, so
another version is read with `known` False and no fusion report rather than believed.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from dataclasses import dataclass

from videobert.base.errors import MismatchError

HEADER_BYTES = 64
READABLE_VERSIONS = ("1.7.1.116",)
_MAGIC = b"vtrt"
# One bit each, from the lowest; the last one stands for GPUs newer than those named.
_TARGET_BITS = ("7.5", "8.0", "8.6", "8.9", "12.0", "12.1", "newer")
_KERNEL = re.compile(rb"function=\{ name=(\w+)")
_FUSED_ATTENTION = "_gemm_mha_v2"
_POINTWISE = "__myl_"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanHeader:
    """The first bytes of a plan.

    Args:
        version: of the library that built it; a plan runs with exactly that version.
        size_bytes: of the whole plan.
        targets: compute capabilities that it runs on.
        weight_bytes: weights that it holds.
        known: whether this version's layout was verified; if not, only `version` is to be trusted.
    """

    version: str
    size_bytes: int
    targets: tuple[str, ...]
    weight_bytes: int
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """Kernels that a plan names: fused attentions, and kernels generated for chains of pointwise operators."""

    attention: int
    pointwise: int


def read_header(plan: bytes | memoryview) -> PlanHeader:
    """The header of a whole plan.

    Raises:
        MismatchError: this is no TensorRT-RTX plan, or not all of one.
    """
    if len(plan) < HEADER_BYTES or bytes(plan[:4]) != _MAGIC:
        raise MismatchError(
            "this is not a TensorRT-RTX plan",
            seen=f"{len(plan)} bytes that begin with {bytes(plan[:4])!r}",
            fix="Build it again with `videobert build --target tensorrt-rtx`.",
        )
    version = ".".join(str(part) for part in bytes(plan[24:28]))
    size, mask = struct.unpack_from("<Q", plan, 16)[0], struct.unpack_from("<I", plan, 32)[0]
    header = PlanHeader(
        version=version,
        size_bytes=size,
        targets=tuple(name for bit, name in enumerate(_TARGET_BITS) if mask >> bit & 1),
        weight_bytes=struct.unpack_from("<Q", plan, 56)[0],
        known=version in READABLE_VERSIONS,
    )
    if header.known and size != len(plan):
        raise MismatchError(
            "this plan is not whole",
            seen=f"{len(plan)} bytes",
            allowed=f"{size} bytes, as its header says",
            fix="Build it again, or copy it again.",
        )
    return header


def read_fusion(plan: bytes) -> Fusion | None:
    """Kernels by kind; None if the plan names none, as one built without detailed profiling or by another version."""
    names = Counter(found.group(1).decode() for found in _KERNEL.finditer(plan))
    if not names or not read_header(plan).known:
        return None
    return Fusion(
        attention=names[_FUSED_ATTENTION],
        pointwise=sum(count for name, count in names.items() if name.startswith(_POINTWISE)),
    )
