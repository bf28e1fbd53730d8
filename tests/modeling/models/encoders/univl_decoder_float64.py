"""UniVL's decoder once more: written from its public description in float64, one word and one head after the other."""

from __future__ import annotations

from math import erf, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
_EPS = 1e-12


class PlainDecoder:
    """The decoder of a checkpoint, by the names that it has there; recomputes everything for every word.

    Args:
        state: `decoder.*` of the checkpoint.
        heads: attention heads.
    """

    def __init__(self, state: dict[str, npt.NDArray[Any]], heads: int) -> None:
        self._state = {name: value.astype(np.float64) for name, value in state.items()}
        self._heads = heads
        self._layers = len({name.split(".")[3] for name in state if name.startswith("decoder.decoder.layer.")})

    def logits(self, ids: list[int], memory: Array, mask: npt.NDArray[Any]) -> Array:
        """Logits `(length, words)` of what follows each of `ids`, told of `memory` `(places, width)` where `mask`."""
        told = memory[mask.astype(bool)].astype(np.float64)
        words, positions = self._of("embeddings.word_embeddings"), self._of("embeddings.position_embeddings")
        rows = [self._norm("embeddings.LayerNorm", words[word] + positions[at]) for at, word in enumerate(ids)]
        for index in range(self._layers):
            name = f"decoder.layer.{index}."
            rows = [self._attended(f"{name}slf_attn.", row, rows[: at + 1]) for at, row in enumerate(rows)]
            rows = [self._attended(f"{name}enc_attn.", row, list(told)) for row in rows]
            rows = [self._fed(name, row) for row in rows]
        return np.stack([self._told(row) for row in rows])

    def _attended(self, name: str, row: Array, seen: list[Array]) -> Array:
        query = self._linear(f"{name}att.query", row)
        keys = np.stack([self._linear(f"{name}att.key", each) for each in seen])
        values = np.stack([self._linear(f"{name}att.value", each) for each in seen])
        size = len(query) // self._heads
        mixed = np.empty_like(query)
        for head in range(self._heads):
            part = slice(head * size, (head + 1) * size)
            scores = keys[:, part] @ query[part] / sqrt(size)
            weights = np.exp(scores - scores.max())
            mixed[part] = weights / weights.sum() @ values[:, part]
        return self._norm(f"{name}output.LayerNorm", row + self._linear(f"{name}output.dense", mixed))

    def _fed(self, name: str, row: Array) -> Array:
        wide = _gelu(self._linear(f"{name}intermediate.dense", row))
        return self._norm(f"{name}output.LayerNorm", row + self._linear(f"{name}output.dense", wide))

    def _told(self, row: Array) -> Array:
        name = "classifier.cls.predictions."
        row = self._norm(f"{name}transform.LayerNorm", _gelu(self._linear(f"{name}transform.dense", row)))
        return self._of(f"{name}decoder") @ row + self._state[f"decoder.{name}bias"]

    def _of(self, name: str, kind: str = "weight") -> Array:
        return self._state[f"decoder.{name}.{kind}"]

    def _linear(self, name: str, row: Array) -> Array:
        return self._of(name) @ row + self._of(name, "bias")

    def _norm(self, name: str, row: Array) -> Array:
        centred = row - row.mean()
        return centred / np.sqrt((centred**2).mean() + _EPS) * self._of(name) + self._of(name, "bias")


def _gelu(row: Array) -> Array:
    return row * np.array([0.5 * (1 + erf(value / sqrt(2))) for value in row])
