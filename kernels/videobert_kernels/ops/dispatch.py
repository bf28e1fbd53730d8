"""Which implementation of an operator runs: the Triton kernel or the plain torch reference."""

from __future__ import annotations

import importlib.util
import os
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor

from videobert_kernels.errors import KernelError

Backend = Literal["auto", "triton", "reference"]
BACKENDS = ("auto", "triton", "reference")
# Looked up once: torch.compile cannot look inside the search for a module (torch 2.11).
HAS_TRITON = importlib.util.find_spec("triton") is not None


def interpreting() -> bool:
    """Whether Triton kernels are interpreted on the CPU (`TRITON_INTERPRET=1`), which is slow and for tests."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def choose(backend: Backend, tensor: Tensor) -> Literal["triton", "reference"]:
    """The implementation that runs for `tensor`'s device.

    `"auto"` is the kernel on CUDA devices (and on the CPU under the interpreter), else the reference. It never
    replaces a kernel that should run by the reference: without Triton, CUDA tensors are an error.

    Raises:
        KernelError: an unknown name, or the kernel cannot run here.
    """
    if backend not in BACKENDS:
        raise KernelError("this backend is not known", seen=backend, allowed=", ".join(BACKENDS))
    if backend == "reference":
        return "reference"
    runs_kernels = tensor.is_cuda or interpreting()
    if backend == "auto" and not runs_kernels:
        return "reference"
    if not runs_kernels:
        raise KernelError(
            "Triton kernels do not run on this device",
            seen=tensor.device,
            allowed="cuda",
            fix='Move the tensors to a GPU, or use backend="reference".',
        )
    if not HAS_TRITON:
        raise KernelError(
            "Triton is not installed", fix="Install it: pip install 'triton>=3.6', or use backend=\"reference\"."
        )
    return "triton"


def on_device_of(tensor: Tensor) -> AbstractContextManager[object]:
    """While it lasts, launches go to the GPU that holds `tensor`, whichever GPU is the current one."""
    return torch.cuda.device(tensor.device) if tensor.is_cuda else nullcontext()
