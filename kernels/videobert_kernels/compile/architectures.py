"""What one thread block may use on each GPU architecture; decides what can be shipped for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from videobert_kernels.errors import KernelError
from videobert_kernels.variant import CAPABILITIES

_KIB: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """Limits of one compute capability.

    Args:
        capability: major * 10 + minor.
        registers: per thread; what does not fit goes to the stack, in device memory.
        shared_bytes: per block, with the opt-in attribute that launches above 48 KiB need. One KiB that the system
            keeps for itself is taken off already.
        tensor_memory_columns: 32-bit columns of 128 lanes per multiprocessor, of the fifth tensor core generation; 0
            where there are none.
    """

    capability: int
    registers: int = 255
    shared_bytes: int
    tensor_memory_columns: int = 0

    @property
    def target(self) -> str:
        """The name of the folder in a model's `engines/`, and of the target of `videobert build`."""
        return f"cuda-sm{self.capability}"


# CUDA C++ programming guide, table of technical specifications per compute capability.
_ARCHITECTURES: Final = {
    each.capability: each
    for each in (
        Architecture(capability=80, shared_bytes=163 * _KIB),
        Architecture(capability=86, shared_bytes=99 * _KIB),
        Architecture(capability=89, shared_bytes=99 * _KIB),
        Architecture(capability=90, shared_bytes=227 * _KIB),
        Architecture(capability=100, shared_bytes=227 * _KIB, tensor_memory_columns=512),
        Architecture(capability=120, shared_bytes=99 * _KIB),
    )
}


def architecture(capability: int) -> Architecture:
    """The limits of `capability`.

    Raises:
        KernelError: nothing is shipped for it.
    """
    try:
        return _ARCHITECTURES[capability]
    except KeyError:
        allowed = ", ".join(map(str, CAPABILITIES))
        raise KernelError("nothing is compiled for this capability", seen=capability, allowed=allowed) from None
