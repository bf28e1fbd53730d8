"""The sizes that CUDA graphs are captured for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """Tokens and sequences that fit."""

    tokens: int
    sequences: int

    def holds(self, other: Bucket) -> bool:
        """Whether a request of these sizes fits."""
        return self.tokens >= other.tokens and self.sequences >= other.sequences


# Powers of two: at most half of a bucket is filler. 16,384 tokens are 32 sequences of 512.
TOKENS = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384)
SEQUENCES = (1, 8, 32)


def buckets_for(positions: int) -> tuple[Bucket, ...]:
    """Every bucket that some request can fill, largest first, so that later captures reuse the memory of the first.

    Args:
        positions: longest sequence.
    """
    reachable = []
    for sequences in SEQUENCES:
        most = sequences * positions
        # Beyond the first that holds the longest request of so many sequences, none is ever chosen.
        enough = min((tokens for tokens in TOKENS if tokens >= most), default=TOKENS[-1])
        reachable += [(tokens, sequences) for tokens in TOKENS if sequences <= tokens <= enough]
    return tuple(sorted((Bucket(*sizes) for sizes in reachable), reverse=True))


def smallest(buckets: Iterable[Bucket], request: Bucket) -> Bucket | None:
    """The bucket with the least filler that holds a request; None if it is too large for all."""
    return min((bucket for bucket in buckets if bucket.holds(request)), default=None)
