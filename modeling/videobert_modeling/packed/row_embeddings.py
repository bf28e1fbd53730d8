"""Embeddings of what are numbers already: features of clips, or states of other encoders. In plain torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from videobert_modeling.packed.embeddings import moved
from videobert_modeling.packed.packing import HostBatch, check_length, pack, places_inside


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTables:
    """What is done to a row before the layers, in this order; what is None is left out.

    Args:
        raw_norm, raw_norm_bias, raw_eps: a LayerNorm over the row as it comes.
        matrix, matrix_bias: to the width of the states, `(width, values)`.
        positions, segments: tables of that width, whose rows are added.
        norm, norm_bias, eps: the LayerNorm behind the sum.
    """

    positions: Tensor
    norm: Tensor
    norm_bias: Tensor
    eps: float
    segments: Tensor | None = None
    matrix: Tensor | None = None
    matrix_bias: Tensor | None = None
    raw_norm: Tensor | None = None
    raw_norm_bias: Tensor | None = None
    raw_eps: float = 0.0


@dataclass(frozen=True, slots=True)
class RowSource:
    """An input of rows, float32 `(batch, length, values)`, and the input that says how many of them are real.

    Args:
        least: the smallest length.
    """

    rows: str
    lengths: str
    least: int = 1


class RowEmbeddings:
    """See `Embeddings`: of one or more sources, put behind each other, each a segment.

    Positions are those of the padded sequence: the second source's begin behind all places of the first, real or not.

    Args:
        tables: on any device.
        sources: in order.
        meet: whether two sources attend to each other and not to themselves.
        what, fix: see `IdEmbeddings`.
    """

    def __init__(
        self,
        tables: RowTables,
        sources: tuple[RowSource, ...],
        device: torch.device,
        dtype: torch.dtype,
        *,
        meet: bool = False,
        what: str,
        fix: str,
    ) -> None:
        self._tables, self._dtype = moved(tables, device, dtype), dtype
        self._sources, self._meet, self._what, self._fix = sources, meet, what, fix
        self.positions, self.width = tables.positions.shape
        self._values = self.width if tables.matrix is None else tables.matrix.shape[1]
        self.per_token: Mapping[str, int | None] = {"positions": None, "segments": None, "rows": self._values}

    def pack(self, inputs: Mapping[str, npt.NDArray[Any]]) -> HostBatch:
        """See `Embeddings.pack`."""
        parts = [inputs[source.rows] for source in self._sources]
        lengths = [part.shape[1] for part in parts]
        check_length(self._what, sum(lengths), self.positions, self._fix)
        inside = [
            places_inside(inputs[source.lengths], length, source.least)
            for source, length in zip(self._sources, lengths, strict=True)
        ]
        return pack(
            np.concatenate(inside, axis=1),
            {"rows": np.concatenate(parts, axis=1), "segments": np.repeat(np.arange(len(parts)), lengths)[None]},
            streams_meet_at=lengths[0] if self._meet else None,
        )

    def smallest(self, sequences: int) -> HostBatch:
        """See `Embeddings.smallest`."""
        rows = np.zeros((1, 1, self._values), np.float32)
        return pack(np.ones((sequences, 1), np.bool_), {"rows": rows, "segments": np.zeros((1, 1), np.int64)})

    def states(self, tokens: Mapping[str, Tensor]) -> Tensor:
        """See `Embeddings.states`: sums and statistics are fp32 whatever the dtype."""
        tables, states = self._tables, tokens["rows"]
        if tables.raw_norm is not None:
            states = _normalised(states, tables.raw_norm, tables.raw_norm_bias, tables.raw_eps)
        if tables.matrix is not None:
            states = functional.linear(states.to(self._dtype), tables.matrix, tables.matrix_bias).float()
        states = states + tables.positions[tokens["positions"]].float()
        if tables.segments is not None:
            states = states + tables.segments[tokens["segments"]].float()
        return _normalised(states, tables.norm, tables.norm_bias, tables.eps).to(self._dtype)


def _normalised(states: Tensor, weight: Tensor, bias: Tensor | None, eps: float) -> Tensor:
    return functional.layer_norm(states, states.shape[-1:], weight.float(), None if bias is None else bias.float(), eps)
