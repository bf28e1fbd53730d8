"""Sizes and schedules of the chain: `full` makes the bundled model, `smoke` shows that all parts work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from videobert.model.config import EncoderConfig
from videobert.model.recipe import Recipe
from videobert_modeling.train.shapes.backbone import Schedule
from videobert_modeling.train.shapes.pretrain import PretrainSchedule

Scale = Literal["full", "smoke"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything but the seed that decides the model.

    Args:
        stills, films: training pictures without motion, training videos.
        backbone_width: of S3D.
        on_clips, on_clips_again: two cycles of the learning rate. The first one teaches everything but the direction of
            time, by which growing and shrinking differ; the second one, with all else known, teaches that.
        branching: of the codebook's three levels.
        held_out_films: evaluation films for seen and for unseen combinations each.
    """

    recipe: Recipe
    stills: int
    films: int
    backbone_width: float
    on_stills: Schedule
    on_clips: Schedule
    on_clips_again: Schedule
    branching: int
    encoder: EncoderConfig
    pretraining: PretrainSchedule
    held_out_films: int


SETTINGS: dict[Scale, Settings] = {
    "full": Settings(
        recipe=Recipe(),
        stills=24_000,
        films=640,
        backbone_width=0.25,
        on_stills=Schedule(epochs=6, batch=32, rate=3e-3, pull=0.0),
        on_clips=Schedule(epochs=5, batch=16, rate=2e-3, pull=0.5),
        on_clips_again=Schedule(epochs=4, batch=16, rate=2e-3, pull=0.5),
        branching=12,
        encoder=EncoderConfig(layers=3, width=256, heads=4, feed_forward=1024, positions=128),
        pretraining=PretrainSchedule(steps=2200, batch=96, rate=6e-4),
        held_out_films=240,
    ),
    "smoke": Settings(
        recipe=Recipe(short_side=48, crop=48),
        stills=200,
        films=8,
        backbone_width=0.125,
        on_stills=Schedule(epochs=1, batch=16, rate=2e-3, pull=0.0),
        on_clips=Schedule(epochs=1, batch=8, rate=2e-3),
        on_clips_again=Schedule(epochs=1, batch=8, rate=2e-3),
        branching=3,
        encoder=EncoderConfig(layers=2, width=64, heads=2, feed_forward=128, positions=64),
        pretraining=PretrainSchedule(steps=30, batch=16, rate=1e-3),
        held_out_films=4,
    ),
}
