"""A tiny decoder in numpy, with a cache for the search and without one for the reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from videobert.families.family import Remembered, Told

Array = npt.NDArray[np.float64]


class TinyDecoder:
    """One layer of attention over words and one over what is told; see `videobert.families.family.WordDecoder`.

    Attributes:
        shapes: rows and room of every step.
    """

    begin, end, layers = 1, 2, 1

    def __init__(self, seed: int, words: int = 14, width: int = 6, positions: int = 24, sharp: float = 3.0) -> None:
        random = np.random.default_rng(seed)
        self.words, self.width, self.positions, self.barred = words, width, positions, (0, 3)
        self._words, self._places = random.standard_normal((words, width)), random.standard_normal((positions, width))
        self._own, self._told = random.standard_normal((2, 4, width, width)) / np.sqrt(width)
        self._out = sharp * random.standard_normal((words, width)) / np.sqrt(width)
        # Sentences of this many words are usual.
        self._bias = np.zeros(words)
        self._bias[self.end] = random.uniform(-1, 2)
        self.shapes: list[tuple[int, int]] = []

    def windows(self, count: int, seed: int = 0) -> Told:
        """What some windows tell, with places that have no meaning."""
        random = np.random.default_rng(seed)
        mask = (random.random((count, 5)) < 0.6).astype(np.int64)
        mask[:, 0] = 1
        return Told(random.standard_normal((count, 5, self.width)).astype(np.float32), mask)

    def full(self, ids: Sequence[int], states: npt.NDArray[np.float32], mask: npt.NDArray[np.int64]) -> Array:
        """Log-probabilities of the word that follows a whole sequence, in float64 and from the beginning."""
        rows = np.array([self._words[word] + self._places[at] for at, word in enumerate(ids)])
        told = states[mask > 0].astype(np.float64)
        query, key, value, out = self._own
        state = rows[-1] + _mixed(rows[-1] @ query, rows @ key, rows @ value) @ out
        query, key, value, out = self._told
        state = state + _mixed(state @ query, told @ key, told @ value) @ out
        logits = self._out @ np.tanh(state) + self._bias
        return logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()

    def remember(self, told: Told) -> Remembered:
        states = told.states.astype(np.float64)
        keys, values = (states @ self._told[part] for part in (1, 2))
        return Remembered(keys[:, None].astype(np.float32), values[:, None].astype(np.float32), told.mask)

    def step(
        self,
        words: npt.NDArray[np.int64],
        keys: npt.NDArray[np.float32],
        values: npt.NDArray[np.float32],
        lengths: npt.NDArray[np.int64],
        remembered: Remembered,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        assert keys.shape == values.shape == (len(words), self.layers, keys.shape[2], self.width)
        assert keys.flags.c_contiguous
        self.shapes.append((len(words), keys.shape[2]))
        given = [
            self._step(word, keys[row, 0, :length], values[row, 0, :length], [part[row] for part in remembered])
            for row, (word, length) in enumerate(zip(words, lengths, strict=True))
        ]
        logits, new_keys, new_values = (np.array(part, np.float32) for part in zip(*given, strict=True))
        return logits, new_keys[:, None], new_values[:, None]

    def _step(self, word: int, keys: Array, values: Array, told: list[npt.NDArray[np.generic]]) -> tuple[Array, ...]:
        row = self._words[word] + self._places[len(keys)]
        query, to_key, to_value, out = self._own
        key, value = row @ to_key, row @ to_value
        state = row + _mixed(row @ query, np.vstack([keys, key]), np.vstack([values, value])) @ out
        told_keys, told_values, mask = told
        real = mask > 0
        state = state + _mixed(state @ self._told[0], told_keys[0][real], told_values[0][real]) @ self._told[3]
        return self._out @ np.tanh(state) + self._bias, key, value


def _mixed(query: Array, keys: Array, values: Array) -> Array:
    scores = keys @ query / np.sqrt(len(query))
    weights = np.exp(scores - scores.max())
    mixed: Array = weights / weights.sum() @ values
    return mixed
