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
    """The profiles of a stage: the buckets of its one free axis beside the batch, or one profile if it has none."""
    lengths = [axis for axis in spec.free_axes if axis.name != spec.batch]
    if not lengths:
        return (_profile(spec, {}),)
    (axis,) = lengths
    return tuple(_profile(spec, {axis.name: end}) for end in _buckets(axis))


def _buckets(axis: Axis) -> list[int]:
    if axis.longest is None:
        return list(_LENGTHS)
    return [*(length for length in _LENGTHS if length < axis.longest), axis.longest]


def _profile(spec: StageSpec, ends: dict[str, int]) -> Profile:
    least = dict.fromkeys((spec.batch, *ends), 1)
    usual, most = {**ends, spec.batch: spec.usual_batch}, {**ends, spec.batch: spec.most_batch}
    return Profile(
        inputs={
            tensor.name: (tensor.shape_with(least), tensor.shape_with(usual), tensor.shape_with(most))
            for tensor in spec.inputs
        }
    )
