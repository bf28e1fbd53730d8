"""Which sequences an encoder is given in one call, padded beside longer ones where that costs less than a call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]

# What a call costs beside its places, in places. Measured: 24 of an encoder of BERT-base's size, 35 of a small one.
_CALL = 32
# Places of one call, padding among them, so that its activations stay small.
_MOST_PLACES = 4096
# Beside longer ones kernels may add up longer sequences in other parts: their states then differ in their last bits.
_LONGEST_PADDED = 32


def batches(lengths: Sequence[int]) -> list[list[int]]:
    """For each call the rows that it takes, so that calls and padded places together cost the least.

    With OpenVINO on a CPU the states of a sequence do not depend on what it shares a call with: short ones alone are
    padded, and only to the length of short ones. With other engines their last bits may.

    Args:
        lengths: of each row's sequence, 1 or more.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    # Of the first rows so many, up to the last one of a length: what they cost, and where their last call begins.
    cheapest = {0: (0, 0)}
    for end in range(1, len(order) + 1):
        longest = lengths[order[end - 1]]
        if end == len(order) or lengths[order[end]] > longest:
            costs = (
                (cost + _CALL + (end - start) * longest, start)
                for start, (cost, _) in cheapest.items()
                if longest <= _LONGEST_PADDED or lengths[order[start]] == longest
            )
            cheapest[end] = min(costs)
    calls: list[list[int]] = []
    end = len(order)
    while end:
        start = cheapest[end][1]
        calls += _split(order[start:end], max(1, _MOST_PLACES // lengths[order[end - 1]]))
        end = start
    return calls


def padded_ids(sequences: Sequence[Sequence[int] | Ids], pad: int) -> tuple[Ids, Ids]:
    """The ids of one call, int64 `(rows, places)` with `pad` at their ends, and their lengths, int64 `(rows,)`."""
    lengths = np.array([len(sequence) for sequence in sequences], np.int64)
    ids = np.full((len(sequences), int(lengths.max())), pad, np.int64)
    for row, sequence in zip(ids, sequences, strict=True):
        row[: len(sequence)] = sequence
    return ids, lengths


def _split(rows: list[int], most: int) -> list[list[int]]:
    """Rows in as few parts as hold them, of nearly one size."""
    parts = -(-len(rows) // most)
    size = -(-len(rows) // parts)
    return [rows[start : start + size] for start in range(0, len(rows), size)]
