"""Where the parts of a request lie in one flat int32 buffer, so that one copy takes them to the device."""

from __future__ import annotations

from torch import Tensor

from videobert_kernels.ops.packed_encoder import PackedInputs
from videobert_modeling.packed.buckets import Bucket
from videobert_modeling.packed.packing import HostBatch, Int32

# In int32 values: parts start at multiples of 128 bytes, which kernels may read in one piece.
_ALIGNMENT = 32


class Layout:
    """The parts of a request that has the sizes of `bucket`."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        lengths = {
            "ids": bucket.tokens,
            "positions": bucket.tokens,
            "segments": bucket.tokens,
            "offsets": bucket.sequences + 1,
            "key_ranges": 2 * bucket.sequences,
        }
        self._parts: dict[str, slice] = {}
        self.size = 0
        for name, length in lengths.items():
            self._parts[name] = slice(self.size, self.size + length)
            self.size += -(-length // _ALIGNMENT) * _ALIGNMENT

    def part(self, buffer: Tensor, name: str) -> Tensor:
        """One part of a flat buffer."""
        return buffer[self._parts[name]]

    def inputs(self, buffer: Tensor, longest: int) -> PackedInputs:
        """The encoder's inputs in a flat buffer."""
        names = ("ids", "positions", "segments", "offsets")
        ranges = self.part(buffer, "key_ranges").view(-1, 2)
        return PackedInputs(**{name: self.part(buffer, name) for name in names}, key_ranges=ranges, longest=longest)

    def fill(self, buffer: Int32, batch: HostBatch) -> None:
        """Write a request. What is left of the bucket are tokens of no sequence and sequences of no tokens."""
        for name in ("ids", "positions", "segments"):
            part = buffer[self._parts[name]]
            part[: batch.tokens] = getattr(batch, name)
            part[batch.tokens :] = 0
        offsets = buffer[self._parts["offsets"]]
        offsets[: batch.sequences + 1] = batch.offsets
        offsets[batch.sequences + 1 :] = batch.tokens
        ranges = buffer[self._parts["key_ranges"]].reshape(-1, 2)
        ranges[:, 0], ranges[:, 1] = offsets[:-1], offsets[1:]
