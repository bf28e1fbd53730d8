"""The sizes that CUDA graphs are captured for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """Tokens, sequences and masked positions of each head that fit; no masked positions: states are wanted."""

    tokens: int
    sequences: int
    masked: int = 0

    def holds(self, other: Bucket) -> bool:
        """Whether a request of these sizes fits."""
        return (
            self.tokens >= other.tokens
            and self.sequences >= other.sequences
            and self.masked >= other.masked
            and bool(self.masked) == bool(other.masked)
        )


# Powers of two: at most half of a bucket is filler. 16,384 tokens are 32 sequences of 512.
TOKENS = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384)
SEQUENCES = (1, 8, 32)
MASKED = (8, 64)


def buckets_for(positions: int, *, masked: bool = False) -> tuple[Bucket, ...]:
    """Every bucket that some request can fill, largest first, so that later captures reuse the memory of the first.

    Args:
        positions: longest sequence.
        masked: buckets for answers at masked positions, instead of those for states.
    """
    reachable = []
    for sequences in SEQUENCES:
        most = sequences * positions
        # Beyond the first that holds the longest request of so many sequences, none is ever chosen.
        enough = min((tokens for tokens in TOKENS if tokens >= most), default=TOKENS[-1])
        reachable += [(tokens, sequences) for tokens in TOKENS if sequences <= tokens <= enough]
    counts = MASKED if masked else (0,)
    return tuple(sorted((Bucket(t, s, m) for t, s in reachable for m in counts), reverse=True))


def smallest(buckets: Iterable[Bucket], request: Bucket) -> Bucket | None:
    """The bucket with the least filler that holds a request; None if it is too large for all."""
    return min((bucket for bucket in buckets if bucket.holds(request)), default=None)
