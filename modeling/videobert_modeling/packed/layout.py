"""Where the parts of a request lie in one flat int32 buffer, so that one copy takes them to the device."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from videobert_kernels.ops.packed_encoder import Spans
from videobert_modeling.packed.buckets import Bucket
from videobert_modeling.packed.packing import HostBatch, Int32

# In int32 values: parts start at multiples of 128 bytes, which kernels may read in one piece.
_ALIGNMENT = 32


class Layout:
    """The parts of a request that has the sizes of `bucket`.

    Args:
        per_token: by name how many values a part has for each token: None for one int32, else so many float32.
    """

    def __init__(self, bucket: Bucket, per_token: Mapping[str, int | None]) -> None:
        self.bucket = bucket
        self._per_token = dict(per_token)
        lengths = {name: bucket.tokens * (values or 1) for name, values in per_token.items()}
        lengths |= {"offsets": bucket.sequences + 1, "key_ranges": 2 * bucket.sequences}
        self._parts: dict[str, slice] = {}
        self.size = 0
        for name, length in lengths.items():
            self._parts[name] = slice(self.size, self.size + length)
            self.size += -(-length // _ALIGNMENT) * _ALIGNMENT

    def part(self, buffer: Tensor, name: str) -> Tensor:
        """One part of a flat buffer, as int32."""
        return buffer[self._parts[name]]

    def tokens(self, buffer: Tensor) -> dict[str, Tensor]:
        """What is known of each token: int32 `(tokens,)` or float32 `(tokens, values)`, by name."""
        return {
            name: self.part(buffer, name)
            if values is None
            else self.part(buffer, name).view(torch.float32).view(-1, values)
            for name, values in self._per_token.items()
        }

    def spans(self, buffer: Tensor, longest: int) -> Spans:
        """Where the sequences lie."""
        ranges = self.part(buffer, "key_ranges").view(-1, 2)
        return Spans(offsets=self.part(buffer, "offsets"), key_ranges=ranges, longest=longest)

    def fill(self, buffer: Int32, batch: HostBatch) -> None:
        """Write a request. What is left of the bucket are tokens of no sequence and sequences of no tokens."""
        for name in self._per_token:
            part = buffer[self._parts[name]]
            given = np.ascontiguousarray(batch.parts[name]).view(np.int32).reshape(-1)
            part[: len(given)] = given
            part[len(given) :] = 0
        offsets = buffer[self._parts["offsets"]]
        offsets[: batch.sequences + 1] = batch.offsets
        offsets[batch.sequences + 1 :] = batch.tokens
        ranges = buffer[self._parts["key_ranges"]].reshape(-1, 2)
        ranges[: batch.sequences] = batch.key_ranges
        ranges[batch.sequences :] = batch.tokens
