"""Shapes that an engine is optimised for: one profile for each bucket of lengths or counts."""

from __future__ import annotations

from dataclasses import dataclass

from videobert.model.config import ModelConfig
from videobert.model.recipe import Recipe

Shape = tuple[int, ...]

_BATCH = 8
_COUNT = 64
# Sequences of a few clips with a sentence, paragraphs, everything. Each profile costs plan size and build time.
_LENGTHS = (64, 128)
_FEW = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """For each input its least, most usual and largest shape."""

    inputs: dict[str, tuple[Shape, Shape, Shape]]


def profiles_of(stage: str, config: ModelConfig, recipe: Recipe) -> tuple[Profile, ...]:
    """The profiles of a stage's engine, smallest bucket first; every shape of a later one's bucket is allowed in it.

    Args:
        stage: `"backbone"`, `"encoder"`, `"nearest"` or a head.
    """
    if stage == "backbone":
        clip = (recipe.frames, recipe.crop, recipe.crop, 3)
        return (Profile(inputs={"clips": ((1, *clip), (1, *clip), (_BATCH, *clip))}),)
    if stage == "nearest":
        width, leaves = config.backbone.feature_dim, config.visual_tokens
        fixed: dict[str, tuple[Shape, Shape, Shape]] = {
            "centroids": ((leaves, width),) * 3,
            "squares": ((leaves,),) * 3,
        }
        return (Profile(inputs={"features": ((1, width), (_BATCH, width), (_COUNT, width)), **fixed}),)
    if stage == "encoder":
        longest = config.encoder.positions
        ends = [length for length in _LENGTHS if length < longest] + [longest]
        return tuple(_sequences(end) for end in ends)
    width = config.encoder.width
    return (Profile(inputs={"states": ((1, width), (_FEW, width), (_COUNT, width))}),)


def _sequences(end: int) -> Profile:
    least, usual, largest = (1, 1), (1, end), (_BATCH, end)
    both = (least, usual, largest)
    return Profile(inputs={"ids": both, "segments": both, "lengths": ((1,), (1,), (_BATCH,))})
