"""Which inputs of a stage are what an earlier stage of the same run gave: said here, so that nothing has to guess.

Names are `STAGE.NAME`, of inputs and of outputs alike. A link holds for every model that has both of its stages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.model.config import ModelConfig
from videobert.model.milnce_stages import VIDEO_EMBEDDING
from videobert.model.next_token_stages import NEXT_TOKEN_HEAD, PAST_ENCODER
from videobert.model.recipe import Recipe
from videobert.model.stage import Stage, StageSpec
from videobert.model.stage_lists import BACKBONE, question_stages, stage_specs
from videobert.model.text_encoder_stage import TEXT_ENCODER
from videobert.model.univl_stages import (
    CROSS_ENCODER,
    DECODER,
    DECODER_MEMORY,
    FEATURE_NORM,
    POOLER,
    VIDEO_ENCODER,
)

Array = npt.NDArray[Any]
Make = Callable[..., Array]


@dataclass(frozen=True, slots=True)
class Link:
    """How an input comes about that nobody gave.

    Args:
        stage, name: the input.
        needs: what it is made of: inputs and outputs of earlier stages, or inputs of the same one.
        how: the same in words.
        make: called with the stage's specification and the arrays that are needed, in order.
    """

    stage: Stage
    name: str
    needs: tuple[str, ...]
    how: str
    make: Make


# Names that people give to what several stages take alike, texts, videos and captions, and those of the programs that
# the checkpoints come from. A name that ends in `mask` is only that; lengths may come as a mask anyway.
ALSO_CALLED: dict[tuple[Stage, str], tuple[str, ...]] = {
    ("encoder", "ids"): ("input_ids",),
    ("encoder", "segments"): ("token_type_ids",),
    ("encoder", "lengths"): ("attention_mask",),
    (TEXT_ENCODER, "ids"): ("text_ids", "input_ids"),
    (TEXT_ENCODER, "lengths"): ("text_lengths", "attention_mask"),
    (VIDEO_ENCODER, "features"): ("video",),
    (VIDEO_ENCODER, "lengths"): ("video_lengths",),
    (DECODER, "ids"): ("caption_ids", "input_caption_ids"),
}


def stage_links(config: ModelConfig, recipe: Recipe) -> tuple[Link, ...]:
    """The links between the stages of a model.

    Args:
        recipe: sizes of a clip.
    """
    specs = {spec.name: spec for spec in stage_specs(config, recipe)}
    heads: tuple[Link, ...] = (
        _all_places("text_head", "encoder"),
        _all_places("visual_head", "encoder"),
        _first_place("alignment_head", "encoder"),
    )
    if config.family == "videobert" and config.encoder.segments == 1:
        one = Link("encoder", "segments", ("encoder.ids",), "the model has one segment", _zeros_like)
        heads = (one, *heads)
    of_features = (Link(spec.name, "features", (f"{BACKBONE}.features",), "as the backbone gave them", _same)
                   for spec in question_stages(config, recipe) if spec.inputs[0].name == "features")  # fmt: skip
    return tuple(
        link
        for link in (*of_features, *heads, *_OTHERS)
        if {link.stage, *(need.partition(".")[0] for need in link.needs)} <= specs.keys()
        and link.name in {tensor.name for tensor in specs[link.stage].inputs}
    )


# What a stage reads beside weights of its own, and what is untrained by that name.
RESTS_ON: dict[Stage, str] = {"visual_head": "visual_tokens"}

VECTORS = "vectors"
"""How the mean of an encoder's states is called beside its outputs."""


def averaged_from(config: ModelConfig, stage: Stage) -> int | None:
    """The first place whose state counts in the mean that stands for a text or a video; None if none does so."""
    return {TEXT_ENCODER: 1, VIDEO_ENCODER: 0}.get(stage) if config.family == "univl" else None


def _same(spec: StageSpec, array: Array) -> Array:
    return array


def _first(spec: StageSpec, states: Array) -> Array:
    return states[:, 0]


def _zeros_like(spec: StageSpec, array: Array) -> Array:
    return np.zeros_like(array)


def _all_places(stage: Stage, encoder: Stage) -> Link:
    return Link(stage, "states", (f"{encoder}.states",), "at every place", _same)


def _first_place(stage: Stage, encoder: Stage) -> Link:
    return Link(stage, "states", (f"{encoder}.states",), "at the first place", _first)


def _of_text(spec: StageSpec, states: Array, text: Array) -> Array:
    return states[:, : text.shape[1]]


def _of_video(spec: StageSpec, states: Array, text: Array) -> Array:
    return states[:, text.shape[1] :]


def _one_video(spec: StageSpec, features: Array) -> Array:
    return features[None]


def _all_clips(spec: StageSpec, clips: Array, features: Array) -> Array:
    return np.full(len(features), features.shape[1], np.int64)


def _real_places(spec: StageSpec, text: Array, text_lengths: Array, video: Array, video_lengths: Array) -> Array:
    sides = ((text, text_lengths), (video, video_lengths))
    masks = [np.arange(states.shape[1])[None] < lengths[:, None] for states, lengths in sides]
    return np.concatenate(masks, axis=1).astype(np.int64)


def _nothing_yet(name: str) -> Make:
    """One place that `past_lengths` says is none: some engines take no empty tensor."""

    def make(spec: StageSpec, ids: Array) -> Array:
        (tensor,) = (tensor for tensor in spec.inputs if tensor.name == name)
        return np.zeros(tensor.shape_with({"batch": len(ids), "past": 1}), tensor.dtype)

    return make


_FUSED = f"{CROSS_ENCODER}.states"
_TEXT_STATES, _VIDEO_STATES = f"{CROSS_ENCODER}.text_states", f"{CROSS_ENCODER}.video_states"
_SIDES = (_TEXT_STATES, f"{CROSS_ENCODER}.text_lengths", _VIDEO_STATES, f"{CROSS_ENCODER}.video_lengths")
_OTHERS = (
    Link(VIDEO_EMBEDDING, "features", (f"{BACKBONE}.features",), "as the backbone gave them", _same),
    _all_places(NEXT_TOKEN_HEAD, PAST_ENCODER),
    Link(VIDEO_ENCODER, "features", (f"{BACKBONE}.features",), "clips of one video", _one_video),
    Link(VIDEO_ENCODER, "lengths", (f"{BACKBONE}.features", f"{VIDEO_ENCODER}.features"), "all clips",
         _all_clips),
    Link(CROSS_ENCODER, "text_states", (f"{TEXT_ENCODER}.states",), "as they are", _same),
    Link(CROSS_ENCODER, "text_lengths", (f"{TEXT_ENCODER}.lengths",), "as they are", _same),
    Link(CROSS_ENCODER, "video_states", (f"{VIDEO_ENCODER}.states",), "as they are", _same),
    Link(CROSS_ENCODER, "video_lengths", (f"{VIDEO_ENCODER}.lengths",), "as they are", _same),
    Link("text_head", "states", (_FUSED, _TEXT_STATES), "at the places of the text", _of_text),
    Link("visual_head", "states", (_FUSED, _TEXT_STATES), "at the places of the video", _of_video),
    Link(FEATURE_NORM, "features", (f"{VIDEO_ENCODER}.features",), "of every clip", _same),
    _first_place(POOLER, CROSS_ENCODER),
    Link("alignment_head", "pooled", (f"{POOLER}.pooled",), "as they are", _same),
    Link(DECODER_MEMORY, "states", (_FUSED,), "as they are", _same),
    *(
        Link(DECODER, name, (f"{DECODER}.ids",), "no word stands before", _nothing_yet(name))
        for name in ("past_keys", "past_values", "past_lengths")
    ),
    Link(DECODER, "memory_keys", (f"{DECODER_MEMORY}.keys",), "as they are", _same),
    Link(DECODER, "memory_values", (f"{DECODER_MEMORY}.values",), "as they are", _same),
    Link(DECODER, "memory_mask", _SIDES, "the real places of both streams", _real_places),
)  # fmt: skip
