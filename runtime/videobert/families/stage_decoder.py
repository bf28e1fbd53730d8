"""A decoder that is two stages of a model: what it is told, prepared once, and one word a step."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from videobert.families.family import Remembered, RunStages, States, Told
from videobert.model.config import EncoderConfig
from videobert.model.univl_stages import DECODER, DECODER_MEMORY


class StageDecoder:
    """See `videobert.families.family.WordDecoder`.

    Args:
        run: runs stages.
        sizes: of the decoder.
        words, begin, end, barred: see `WordDecoder`.
    """

    def __init__(
        self, run: RunStages, sizes: EncoderConfig, *, words: int, begin: int, end: int, barred: Collection[int]
    ) -> None:
        self._run = run
        self.words, self.begin, self.end, self.barred = words, begin, end, barred
        self.layers, self.width, self.positions = sizes.layers, sizes.width, sizes.positions

    def remember(self, told: Told) -> Remembered:
        """See `WordDecoder.remember`."""
        given = self._run.run_all(DECODER_MEMORY, states=np.ascontiguousarray(told.states))
        return Remembered(given["keys"], given["values"], told.mask)

    def step(
        self,
        words: npt.NDArray[np.int64],
        keys: States,
        values: States,
        lengths: npt.NDArray[np.int64],
        remembered: Remembered,
    ) -> tuple[States, States, States]:
        """See `WordDecoder.step`."""
        given = self._run.run_all(
            DECODER,
            ids=words[:, None],
            past_keys=keys,
            past_values=values,
            past_lengths=lengths,
            memory_keys=remembered.keys,
            memory_values=remembered.values,
            memory_mask=remembered.mask,
        )
        return given["logits"][:, 0], given["keys"][:, :, 0], given["values"][:, :, 0]
