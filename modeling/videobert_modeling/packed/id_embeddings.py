"""Embeddings of ids: rows of three tables, summed and normalised (arXiv 1810.04805)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from videobert_kernels.ops.embed_layer_norm.launch import embed_layer_norm
from videobert_modeling.packed.embeddings import moved
from videobert_modeling.packed.packing import HostBatch, check_length, check_range, pack, places_inside


@dataclass(frozen=True, slots=True, kw_only=True)
class IdTables:
    """Tables of one width, and the LayerNorm behind their sum."""

    tokens: Tensor
    positions: Tensor
    segments: Tensor
    norm: Tensor
    norm_bias: Tensor
    eps: float


class IdEmbeddings:
    """See `Embeddings`: of a stage that takes `ids`, `lengths` and, where its sequences have parts, `segments`.

    Args:
        tables: on any device.
        what: the sequence in words, for messages.
        fix: what to do about one that is too long.
    """

    per_token: ClassVar[Mapping[str, int | None]] = MappingProxyType(dict.fromkeys(("ids", "positions", "segments")))

    def __init__(self, tables: IdTables, device: torch.device, dtype: torch.dtype, *, what: str, fix: str) -> None:
        self.tables = moved(tables, device, dtype)
        self._what, self._fix = what, fix
        self.positions = len(tables.positions)
        self.width = tables.tokens.shape[1]

    def pack(self, inputs: Mapping[str, npt.NDArray[Any]]) -> HostBatch:
        """See `Embeddings.pack`: without `segments` all are of the first."""
        ids = inputs["ids"]
        check_length(self._what, ids.shape[1], self.positions, self._fix)
        inside = places_inside(inputs["lengths"], ids.shape[1])
        segments = inputs.get("segments", np.zeros((1, 1), np.int64))
        check_range("an id", ids[inside], 0, len(self.tables.tokens) - 1)
        check_range("a segment", np.broadcast_to(segments, ids.shape)[inside], 0, len(self.tables.segments) - 1)
        return pack(inside, {"ids": ids, "segments": segments})

    def smallest(self, sequences: int) -> HostBatch:
        """See `Embeddings.smallest`."""
        nothing = np.zeros((1, 1), np.int64)
        return pack(np.ones((sequences, 1), np.bool_), {"ids": nothing, "segments": nothing})

    def states(self, tokens: Mapping[str, Tensor]) -> Tensor:
        """See `Embeddings.states`: one launch."""
        tables = self.tables
        return embed_layer_norm(
            tokens["ids"],
            tokens["positions"],
            tokens["segments"],
            tables.tokens,
            tables.positions,
            tables.segments,
            tables.norm,
            tables.norm_bias,
            eps=tables.eps,
        )
