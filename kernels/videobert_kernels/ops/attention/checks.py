"""What every attention operator asks of its tensors, checked on the host without waiting for the device."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.attention.configs import HEAD_SIZES
from videobert_kernels.ops.checks import check_floats

_MOST_ROWS = 2**31 - 1


def check_heads(**tensors: Tensor) -> None:
    """Tensors `(..., heads, head_size)` of one dtype, device, number of heads and supported head size.

    Strides are free but for the last axis, which must be contiguous.

    Raises:
        KernelError: naming the tensor that does not fit.
    """
    leader = next(iter(tensors.values()))
    heads, head_size = leader.shape[-2:]
    if head_size not in HEAD_SIZES:
        raise KernelError("this head size is not supported", seen=head_size, allowed=HEAD_SIZES)
    check_floats(leader, **tensors)
    for name, tensor in tensors.items():
        if tensor.shape[-2:] != (heads, head_size):
            raise KernelError(
                f"{name} has other heads", seen=tuple(tensor.shape), allowed=f"(..., {heads}, {head_size})"
            )
        if tensor.numel() and tensor.stride(-1) != 1:
            raise KernelError(
                f"the last axis of {name} is not contiguous",
                seen=f"strides {tensor.stride()}",
                fix="Call .contiguous().",
            )
        if tensor.shape[0] > _MOST_ROWS:
            raise KernelError(f"{name} has too many rows", seen=tensor.shape[0], allowed=f"at most {_MOST_ROWS}")


def check_axes(count: int, **tensors: Tensor) -> None:
    """The tensors have `count` axes."""
    for name, tensor in tensors.items():
        if tensor.dim() != count:
            raise KernelError(f"{name} has the wrong number of axes", seen=tensor.dim(), allowed=count)


def check_scale(scale: float | None) -> None:
    """A factor on scores that keeps their order; None is the default."""
    if scale is not None and not 0.0 < scale < float("inf"):
        raise KernelError("scale must be positive and finite", seen=scale)


@functools.cache
def capability_of(device: torch.device) -> int:
    """major * 10 + minor of a GPU; the interpreter plays an H100."""
    if device.type != "cuda":
        return 90
    major, minor = torch.cuda.get_device_capability(device)
    return major * 10 + minor
