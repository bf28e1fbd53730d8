"""Padded batches to packed ones and back, on the host, where lengths are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError

Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostBatch:
    """Sequences one after the other.

    Args:
        parts: by name what is known of each token: int32 `(tokens,)`, or float32 `(tokens, values)`.
        offsets: int32 `(sequences + 1,)`.
        key_ranges: int32 `(sequences, 2)`, first and end token that each attends to.
        inside: bool `(batch, length)`, which places of the padded batch they came from.
    """

    parts: Mapping[str, npt.NDArray[Any]]
    offsets: Int32
    key_ranges: Int32
    inside: npt.NDArray[np.bool_]

    @property
    def tokens(self) -> int:
        """Of all sequences."""
        return int(self.offsets[-1])

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


def pack(
    inside: npt.NDArray[np.bool_], parts: Mapping[str, npt.NDArray[Any]], *, streams_meet_at: int | None = None
) -> HostBatch:
    """Pack a padded batch; what stands at other places is not read.

    Args:
        inside: bool `(batch, length)`, the real places.
        parts: `(batch, length)` whole numbers or `(batch, length, values)` floats; both may be broadcast.
        streams_meet_at: where a row holds two streams that attend to each other and not to themselves, the place at
            which the second begins; each is then a sequence. None where a row is one sequence.
    """
    packed = {"positions": np.broadcast_to(np.arange(inside.shape[1]), inside.shape)[inside].astype(np.int32)}
    for name, part in parts.items():
        kept = np.broadcast_to(part, (*inside.shape, *part.shape[2:]))[inside]
        packed[name] = kept.astype(np.float32 if kept.dtype.kind == "f" else np.int32)
    streams = [inside] if streams_meet_at is None else [inside[:, :streams_meet_at], inside[:, streams_meet_at:]]
    counts = np.stack([stream.sum(axis=1) for stream in streams], axis=1)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    ranges = np.stack([offsets[:-1], offsets[1:]], axis=1).reshape(-1, len(streams), 2)
    return HostBatch(parts=packed, offsets=offsets, key_ranges=ranges[:, ::-1].reshape(-1, 2), inside=inside)


def places_inside(lengths: npt.NDArray[Any], length: int, least: int = 1) -> npt.NDArray[np.bool_]:
    """bool `(batch, length)`: the first places of each sequence.

    Args:
        lengths: `(batch,)`, each `least` to `length`.

    Raises:
        InputError: a length is out of range.
    """
    check_range("a length", lengths, least, length)
    inside: npt.NDArray[np.bool_] = np.arange(length) < lengths[:, None]
    return inside


def check_range(what: str, values: npt.NDArray[Any], least: int, most: int) -> None:
    """Whether whole numbers lie where they should; what they are is said in the error.

    Raises:
        InputError: one does not.
    """
    if values.size and (values.min() < least or values.max() > most):
        seen = int(values[(values < least) | (values > most)][0])
        raise InputError(f"{what} is out of range", seen=seen, allowed=f"{least} to {most}")


def check_length(what: str, length: int, most: int, fix: str) -> None:
    """Whether a padded batch fits the table of positions.

    Raises:
        InputError: it does not.
    """
    if length > most:
        raise InputError(f"{what} is too long", seen=f"{length} positions", allowed=f"at most {most}", fix=fix)
