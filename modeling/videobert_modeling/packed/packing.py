"""Padded batches to packed ones and back, on the host, where lengths are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError

Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What bounds an input: rows of the tables."""

    vocabulary: int
    positions: int
    segments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostBatch:
    """Sequences one after the other.

    Args:
        ids, positions, segments: int32 `(tokens,)`.
        offsets: int32 `(sequences + 1,)`.
        inside: bool `(batch, length)`, which places of the padded batch they came from.
    """

    ids: Int32
    positions: Int32
    segments: Int32
    offsets: Int32
    inside: npt.NDArray[np.bool_]

    @property
    def tokens(self) -> int:
        """Of all sequences."""
        return len(self.ids)

    @property
    def sequences(self) -> int:
        """How many there are."""
        return len(self.offsets) - 1

    @property
    def longest(self) -> int:
        """Length of the longest sequence; 0 if there is none."""
        return int(np.diff(self.offsets).max(initial=0))

    def padded(self, states: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """States `(tokens, width)` in the layout of the padded batch, `(batch, length, width)`; zeros elsewhere."""
        out = np.zeros((*self.inside.shape, states.shape[1]), np.float32)
        out[self.inside] = states
        return out


def pack(ids: npt.NDArray[Any], segments: npt.NDArray[Any], lengths: npt.NDArray[Any], sizes: Sizes) -> HostBatch:
    """Pack a padded batch; what stands past a sequence's length is not read.

    Args:
        ids, segments: whole numbers `(batch, length)`.
        lengths: `(batch,)`, each 1 to `length`.
        sizes: of the model.

    Raises:
        InputError: a length, id or segment is out of range, or a sequence is longer than the table of positions.
    """
    length = ids.shape[1]
    if length > sizes.positions:
        raise InputError(
            "the joint sequence is too long",
            seen=f"{length} positions",
            allowed=f"at most {sizes.positions}",
            fix="Pass less text or fewer clips.",
        )
    _check("a length", lengths, 1, length)
    columns = np.arange(length)
    inside = columns < lengths[:, None]
    kept_ids, kept_segments = ids[inside], segments[inside]
    _check("an id", kept_ids, 0, sizes.vocabulary - 1)
    _check("a segment", kept_segments, 0, sizes.segments - 1)
    return HostBatch(
        ids=kept_ids.astype(np.int32),
        positions=np.broadcast_to(columns, inside.shape)[inside].astype(np.int32),
        segments=kept_segments.astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
        inside=inside,
    )


def _check(what: str, values: npt.NDArray[Any], least: int, most: int) -> None:
    if values.size and (values.min() < least or values.max() > most):
        seen = int(values[(values < least) | (values > most)][0])
        raise InputError(f"{what} is out of range", seen=seen, allowed=f"{least} to {most}")
