"""What the operators ask of their arguments, with one wording for all of them."""

from __future__ import annotations

import torch
from torch import Tensor

from videobert_kernels.errors import KernelError

FLOATS = (torch.float32, torch.float16, torch.bfloat16)
# Names of dtypes in Triton's signatures and in names of variants.
SHORT_NAMES = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}


def check_floats(leader: Tensor, **others: Tensor) -> None:
    """All tensors have one dtype, which is fp32, fp16 or bf16, and live on one device."""
    if leader.dtype not in FLOATS:
        raise KernelError("this dtype has no kernel", seen=leader.dtype, allowed=", ".join(map(str, FLOATS)))
    for name, tensor in others.items():
        if tensor.dtype != leader.dtype:
            raise KernelError(f"{name} has another dtype", seen=tensor.dtype, allowed=leader.dtype)
    check_device(leader, **others)


def check_device(leader: Tensor, **others: Tensor) -> None:
    """All tensors live on one device."""
    for name, tensor in others.items():
        if tensor.device != leader.device:
            raise KernelError(f"{name} is on another device", seen=tensor.device, allowed=leader.device)


def check_shape(name: str, tensor: Tensor, *shape: int | None) -> None:
    """The tensor has this shape; None stands for any length."""
    fits = tensor.ndim == len(shape) and all(
        want is None or have == want for have, want in zip(tensor.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise KernelError(f"{name} has the wrong shape", seen=tuple(tensor.shape), allowed=f"({wanted})")


def check_contiguous(**tensors: Tensor) -> None:
    """Rows follow each other without gaps."""
    for name, tensor in tensors.items():
        if not tensor.is_contiguous():
            raise KernelError(f"{name} is not contiguous", seen=f"strides {tensor.stride()}", fix="Call .contiguous().")


def check_indices(**tensors: Tensor) -> None:
    """Indices are int32, one dimension, contiguous."""
    for name, tensor in tensors.items():
        if tensor.dtype != torch.int32:
            raise KernelError(f"{name} has the wrong dtype", seen=tensor.dtype, allowed=torch.int32)
        check_shape(name, tensor, None)
    check_contiguous(**tensors)
