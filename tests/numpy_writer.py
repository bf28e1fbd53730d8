"""The model of `tests.numpy_univl` with a decoder that writes the colour it is told of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.numpy_univl import NumpyUniVl, write_numpy_univl
from tests.small_univl import config_of, stack

from videobert.base.limits import Limits
from videobert.model.config import HEADS, BackboneConfig
from videobert.model.folder import ModelFolder
from videobert.runtime import Runtime

STACK = stack()
CONFIG_OF_WRITER = config_of()
SEP, WORD_A, WORD_SQUARE = 3, 10, 12
COLOUR_OF = (5, 7, 6)


class Writer(NumpyUniVl):
    """Writes "a COLOUR square" of the colour that most of the clips have."""

    def run_all(self, stage: str, **inputs: Any) -> dict[str, npt.NDArray[Any]]:
        self.calls.append(stage)
        if stage == "decoder_memory":
            kept = np.repeat(inputs["states"][:, None], STACK.layers, axis=1).astype(np.float32)
            return {"keys": kept, "values": kept}
        rows = len(inputs["ids"])
        logits = np.zeros((rows, 1, CONFIG_OF_WRITER.words), np.float32)
        for row, place in enumerate(inputs["past_lengths"].tolist()):
            colour = inputs["memory_keys"][row, 0, :, :3].sum(axis=0).argmax()
            logits[row, 0, (WORD_A, COLOUR_OF[int(colour)], WORD_SQUARE, SEP)[min(place, 3)]] = 8
        new = np.zeros((rows, STACK.layers, 1, STACK.width), np.float32)
        return {"logits": logits, "keys": new, "values": new}


def open_writer(folder: Path, **changes: Any) -> tuple[Runtime, Writer]:
    config = config_of(
        backbone=BackboneConfig(feature_dim=4), window_clips=3, decoder=STACK, heads=(*HEADS, "decoder"), **changes
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_numpy_univl(folder, config)
    engine = Writer()
    return Runtime(ModelFolder(folder), engine, Limits()), engine
