"""Shapes that an engine is optimised for: one profile for each bucket of lengths, all of them for some batches."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

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
    """The profiles of a stage, smallest bucket first, or one profile if nothing but the batch is free.

    Free axes grow together from bucket to bucket, as a profile for each choice of each axis would be many; one with
    fewer buckets than another stays at its last. An axis with a length that most calls have is apart: there are all
    profiles for that length, and all for the longest.
    """
    lengths = [axis for axis in spec.free_axes if axis.name != spec.batch]
    steps = {axis.name: _buckets(axis) for axis in lengths if axis.often is None}
    most = max((len(buckets) for buckets in steps.values()), default=1)
    ends = [{name: buckets[min(step, len(buckets) - 1)] for name, buckets in steps.items()} for step in range(most)]
    apart = [[(axis.name, end) for end in _ends_apart(axis)] for axis in lengths if axis.often is not None]
    return tuple(_profile(spec, _fitting(spec, {**dict(chosen), **end})) for chosen in product(*apart) for end in ends)


def _ends_apart(axis: Axis) -> list[int]:
    often = axis.often or 1
    return sorted({often, axis.longest or often})


def _fitting(spec: StageSpec, ends: dict[str, int]) -> dict[str, int]:
    """The ends, shortened where axes stand behind each other and are longer together than the model can take."""
    for axis in (axis for tensor in spec.outputs for axis in tensor.axes if axis.sum_of):
        *before, last = axis.sum_of
        if axis.longest is not None:
            ends = ends | {last: min(ends[last], axis.longest - sum(ends[name] for name in before))}
    return ends


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
