"""UniVL's encoders and heads once more: written from their public description in float64, one sequence at a time."""

from __future__ import annotations

from math import erf, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
_EPS = 1e-12
_erf = np.vectorize(erf)


class PlainUniVl:
    """A checkpoint by the names that it has.

    Args:
        state: the tensors as arrays.
        heads: attention heads of every part.
    """

    def __init__(self, state: dict[str, npt.NDArray[Any]], heads: int) -> None:
        self._state = {name: value.astype(np.float64) for name, value in state.items()}
        self._heads = heads

    def text(self, ids: npt.NDArray[np.int64]) -> Array:
        """States `(words, width)` of a text without padding."""
        state = self._state
        rows = state["bert.embeddings.word_embeddings.weight"][ids]
        rows = rows + state["bert.embeddings.position_embeddings.weight"][: len(ids)]
        rows = rows + state["bert.embeddings.token_type_embeddings.weight"][0]
        return self._layers("bert", rows)

    def normalized(self, features: npt.NDArray[np.float32]) -> Array:
        """Features as the rest of the model sees them."""
        return self._norm("normalize_video.visual_norm2d", features.astype(np.float64))

    def video(self, features: npt.NDArray[np.float32]) -> Array:
        """States `(clips, width)` of a film without padding."""
        rows = self._linear("visual.embeddings.word_embeddings", self.normalized(features))
        rows = rows + self._state["visual.embeddings.position_embeddings.weight"][: len(features)]
        return self._layers("visual", rows)

    def fused(self, text: Array, video: Array, places: int) -> Array:
        """Fused states of a text and a film, whose positions begin at `places`."""
        rows = np.concatenate([text, video])
        positions = [*range(len(text)), *range(places, places + len(video))]
        segments = [0] * len(text) + [1] * len(video)
        rows = rows + self._state["cross.embeddings.position_embeddings.weight"][positions]
        rows = rows + self._state["cross.embeddings.token_type_embeddings.weight"][segments]
        return self._layers("cross", rows)

    def pooled(self, fused: Array) -> Array:
        """Of the first fused state."""
        return np.tanh(self._linear("cross.pooler.dense", fused[0]))

    def similarity(self, pooled: Array) -> float:
        """After the cross encoder."""
        return float(self._linear("similarity_dense", pooled)[0])

    def mean_text(self, text: Array) -> Array:
        """The first place, `[CLS]`, is left out."""
        return text[1:].mean(axis=0)

    def words(self, fused: Array) -> Array:
        """Logits of hidden words."""
        told = self._transformed("cls", fused)
        return told @ self._state["bert.embeddings.word_embeddings.weight"].T + self._state["cls.predictions.bias"]

    def features(self, fused: Array) -> Array:
        """Hidden features, as `normalized` gives them."""
        told = self._transformed("cls_visual", fused)
        weight = self._state["visual.embeddings.word_embeddings.weight"]
        return told @ weight + self._state["cls_visual.predictions.bias"]

    def _transformed(self, head: str, rows: Array) -> Array:
        name = f"{head}.predictions.transform."
        return self._norm(f"{name}LayerNorm", _gelu(self._linear(f"{name}dense", rows)))

    def _layers(self, part: str, rows: Array) -> Array:
        rows = self._norm(f"{part}.embeddings.LayerNorm", rows)
        index = 0
        while f"{part}.encoder.layer.{index}.output.dense.weight" in self._state:
            rows = self._layer(f"{part}.encoder.layer.{index}.", rows)
            index += 1
        return rows

    def _layer(self, name: str, rows: Array) -> Array:
        query, key, value = (self._linear(f"{name}attention.self.{part}", rows) for part in ("query", "key", "value"))
        size = rows.shape[1] // self._heads
        mixed = np.empty_like(rows)
        for head in range(self._heads):
            part = slice(head * size, (head + 1) * size)
            scores = query[:, part] @ key[:, part].T / sqrt(size)
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            mixed[:, part] = weights / weights.sum(axis=1, keepdims=True) @ value[:, part]
        out = self._linear(f"{name}attention.output.dense", mixed)
        rows = self._norm(f"{name}attention.output.LayerNorm", rows + out)
        wide = _gelu(self._linear(f"{name}intermediate.dense", rows))
        return self._norm(f"{name}output.LayerNorm", rows + self._linear(f"{name}output.dense", wide))

    def _linear(self, name: str, rows: Array) -> Array:
        return rows @ self._state[f"{name}.weight"].T + self._state[f"{name}.bias"]

    def _norm(self, name: str, rows: Array) -> Array:
        centred = rows - rows.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + _EPS)
        return scaled * self._state[f"{name}.weight"] + self._state[f"{name}.bias"]


def _gelu(rows: Array) -> Array:
    return rows * 0.5 * (1 + _erf(rows / sqrt(2)))
