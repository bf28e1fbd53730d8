"""Which whole numbers the inputs of a model's stages may hold: an engine reads its tables at whatever it is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.check.fit import check_values
from videobert.families.registry import FAMILIES
from videobert.model.config import ModelConfig
from videobert.model.masks import axis_of, is_lengths, is_mask
from videobert.model.stage import Axis, StageSpec, TensorSpec


class Ranges:
    """The ranges of one model."""

    def __init__(self, config: ModelConfig) -> None:
        self._most = {
            "ids": FAMILIES[config.family].word_table(config).rows - 1,
            "segments": config.encoder.segments - 1,
        }

    def of(self, spec: StageSpec, tensor: TensorSpec) -> tuple[int, int]:
        """Least and most that an input of whole numbers may hold; of lengths the most is left to the call."""
        if tensor.dtype == "uint8":
            return 0, 255
        if is_lengths(tensor):
            # Nothing needs to stand before the first words; all else has at least one place.
            return int(axis_of(spec, tensor).before is None), np.iinfo(np.int64).max
        return 0, 1 if is_mask(tensor) else self._most[tensor.name]

    def check(self, spec: StageSpec, inputs: Mapping[str, npt.NDArray[Any]], lengths: Mapping[str, int]) -> None:
        """Refuse inputs of a stage that are out of range.

        Args:
            inputs: by name, as the stage takes them.
            lengths: see `StageSpec.lengths_of`.

        Raises:
            InputError: one is.
        """
        for tensor in spec.inputs:
            if tensor.dtype == "int64":
                least, most = self.of(spec, tensor)
                if is_lengths(tensor):
                    most = most_places(axis_of(spec, tensor), lengths)
                name, value = f"{spec.name}.{tensor.name}", inputs[tensor.name]
                check_values(name, value, least, most)
                if is_mask(tensor) and not value.any(axis=1).all():
                    raise InputError(
                        f"{name} has a row without a real place",
                        seen=f"row {int(np.argmin(value.any(axis=1)))}",
                        fix="Leave out such rows: there is nothing to attend to.",
                    )


def most_places(axis: Axis, lengths: Mapping[str, int]) -> int:
    """How many of an axis' places can be real in a call, see `Axis.before`."""
    places = lengths[axis.name]
    if axis.before is None or axis.longest is None:
        return places
    return min(places, axis.longest - lengths[axis.before])
