"""Shapes that an engine is optimised for: one profile for each bucket of lengths, all of them for some batches."""

from __future__ import annotations

from dataclasses import dataclass

from videobert.model.config import ModelConfig
from videobert.model.recipe import Recipe
from videobert.model.stage import Axis, Stage, StageSpec
from videobert.model.stage_lists import stage_spec

Shape = tuple[int, ...]

# Sequences of a few clips with a sentence, paragraphs, everything. Each profile costs plan size and build time.
_LENGTHS = (64, 128)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """For each input its least, most usual and largest shape."""

    inputs: dict[str, tuple[Shape, Shape, Shape]]


def profiles_of(stage: Stage, config: ModelConfig, recipe: Recipe) -> tuple[Profile, ...]:
    """The profiles of a stage's engine, smallest bucket first; every shape of a later one's bucket is allowed in it.

    Raises:
        ModelError: the model has no such stage.
    """
    return profiles_for(stage_spec(stage, config, recipe))


def profiles_for(spec: StageSpec) -> tuple[Profile, ...]:
    """The profiles of a stage: the buckets of its free axes beside the batch, smallest of all first."""
    ends = {axis.name: _buckets(axis) for axis in spec.free_axes if axis.name != spec.batch}
    most = max((len(buckets) for buckets in ends.values()), default=1)
    # An axis with fewer buckets than another stays at its last.
    each = ({name: buckets[min(place, len(buckets) - 1)] for name, buckets in ends.items()} for place in range(most))
    return tuple(_profile(spec, sizes) for sizes in each)


def _buckets(axis: Axis) -> list[int]:
    if axis.prepared is not None:
        return [axis.prepared]
    if axis.longest is None:
        return list(_LENGTHS)
    return [*(length for length in _LENGTHS if length < axis.longest), axis.longest]


def _profile(spec: StageSpec, ends: dict[str, int]) -> Profile:
    exact = {axis.name: axis.prepared for axis in spec.free_axes if axis.prepared is not None}
    least = dict.fromkeys((spec.batch, *ends), 1) | exact
    usual, most = {**ends, spec.batch: spec.usual_batch}, {**ends, spec.batch: spec.most_batch}
    return Profile(
        inputs={
            tensor.name: (tensor.shape_with(least), tensor.shape_with(usual), tensor.shape_with(most))
            for tensor in spec.inputs
        }
    )
