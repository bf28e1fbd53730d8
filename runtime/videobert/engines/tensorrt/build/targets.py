"""Which GPUs an engine is for, by compute capability, and which arithmetic they have."""

from __future__ import annotations

from collections.abc import Iterable

from videobert.base.errors import UsageError
from videobert.model.precision import GRAPH_PRECISIONS

# What TensorRT-RTX 1.7 builds for without a GPU. Data-centre parts (9.0, 10.0) are TensorRT's.
CAPABILITIES = ("7.5", "8.0", "8.6", "8.9", "12.0", "12.1")
# The builder fails on the first two; with fp8 and no targets listed it would claim GPUs that cannot run the plan.
_LACKING = {"fp32": ("7.5",), "bf16": ("7.5",), "fp8": ("7.5", "8.0", "8.6")}


def capabilities_with(precision: str) -> tuple[str, ...]:
    """All targets that have this arithmetic.

    Raises:
        UsageError: the precision is not known.
    """
    if precision not in GRAPH_PRECISIONS:
        raise UsageError(
            "this precision is not known",
            seen=precision,
            allowed=", ".join(GRAPH_PRECISIONS),
            fix="Leave it out for fp16.",
        )
    return tuple(target for target in CAPABILITIES if target not in _LACKING.get(precision, ()))


def capabilities_to_build(targets: Iterable[str] | None, precision: str) -> tuple[str, ...]:
    """The targets to build for, in ascending order; None means all that have the precision.

    Raises:
        UsageError: an unknown target or precision, no target, or a target that lacks the precision.
    """
    able = capabilities_with(precision)
    if targets is None:
        return able
    wanted = list(dict.fromkeys(targets))
    unknown = [target for target in wanted if target not in CAPABILITIES]
    if unknown or not wanted:
        raise UsageError(
            "this is not a compute capability that TensorRT-RTX builds for" if unknown else "no target was given",
            seen=", ".join(unknown) or None,
            allowed=", ".join(CAPABILITIES),
            fix="For a data-centre GPU (9.0, 10.0) use --target tensorrt on a machine that has one."
            if unknown
            else "Leave --sm out for all of them.",
        )
    lacking = [target for target in wanted if target not in able]
    if lacking:
        raise UsageError(
            f"these GPUs cannot run {precision} engines",
            seen=", ".join(lacking),
            allowed=f"for {precision}: {', '.join(able)}",
            fix="Leave them out, or build with --precision fp16.",
        )
    return tuple(target for target in CAPABILITIES if target in wanted)
