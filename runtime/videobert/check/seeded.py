"""Inputs made from a seed, for every stage by itself: small, of odd sizes, and within what the model can take."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.check.ranges import Ranges, most_places
from videobert.model.masks import axis_of, is_lengths, is_mask
from videobert.model.stage import StageSpec, TensorSpec

Array = npt.NDArray[Any]
_BATCH = 3
# Of the free axes behind the batch, in the order in which a stage tells them.
_SIZES = (7, 5, 9)
# Of stages whose items are whole clips.
_CLIPS = 2


def seeded(specs: Iterable[StageSpec], ranges: Ranges, seed: int) -> dict[str, Array]:
    """The inputs of stages by `STAGE.NAME`; those of a stage depend on the seed and its name alone."""
    found: dict[str, Array] = {}
    for spec in specs:
        random = np.random.default_rng((seed, zlib.crc32(spec.name.encode())))
        sizes = _sizes(spec)
        for tensor in spec.inputs:
            found[f"{spec.name}.{tensor.name}"] = _made(spec, tensor, sizes, ranges, random)
    return found


def _sizes(spec: StageSpec) -> dict[str, int]:
    batch = _CLIPS if spec.inputs[0].dtype == "uint8" else _BATCH
    sizes, left = {spec.batch: batch}, list(_SIZES)
    for axis in spec.free_axes:
        if axis.name != spec.batch:
            size = left.pop(0) if left else _SIZES[-1]
            sizes[axis.name] = min(size, axis.longest or size)
    return sizes


def _made(
    spec: StageSpec, tensor: TensorSpec, sizes: dict[str, int], ranges: Ranges, random: np.random.Generator
) -> Array:
    shape = tensor.shape_with(sizes)
    if is_lengths(tensor):
        places = most_places(axis_of(spec, tensor), sizes)
        least = ranges.of(spec, tensor)[0]
        # The last item is full, so that no place is padding for all.
        return np.array([*random.integers(least, places + 1, shape[0] - 1), places], np.int64)
    if tensor.dtype == "float32":
        return random.standard_normal(shape).astype(np.float32)
    if is_mask(tensor):
        real = random.integers(1, shape[1] + 1, shape[0])
        return (np.arange(shape[1])[None] < real[:, None]).astype(tensor.dtype)
    least, most = ranges.of(spec, tensor)
    return random.integers(least, most + 1, shape).astype(tensor.dtype)
