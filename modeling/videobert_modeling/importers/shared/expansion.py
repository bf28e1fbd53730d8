"""How much a checkpoint may hold for its size: weights hardly compress, so one that holds more was not made to be read.

Archives can be packed, and a tensor of a few bytes can repeat them along an axis, or share them with others.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from videobert.base.errors import LimitExceeded

MAX_EXPANSION = 20
_FLOOR_BYTES = 64 * 2**20


def check_expansion(name: str, unpacked: int, packed: int) -> None:
    """Refuse files of `packed` bytes that hold `unpacked` bytes, if those are many times more.

    Args:
        name: what they are called in the message.

    Raises:
        LimitExceeded: they are.
    """
    allowed = max(_FLOOR_BYTES, MAX_EXPANSION * packed)
    if unpacked > allowed:
        raise LimitExceeded(f"{name} unpacks to too many bytes", seen=unpacked, allowed=allowed)


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """What tensors take once each has values of its own."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
