"""The stages of each model family: the graphs of its folders and the engines that are built from them.

They are part of the folder's format, so they stand below the engines; what is done with them is in
`videobert.families`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from videobert.base.errors import ModelError
from videobert.model.config import (
    HEADS,
    VISUAL_TOKENS,
    EncoderConfig,
    ModelConfig,
    ShotsConfig,
    TwoStreamsConfig,
    TwoTowersConfig,
)
from videobert.model.milnce_stages import two_tower_stages
from videobert.model.next_token_stages import next_token_stages
from videobert.model.questions import QuestionConfig, question_stage
from videobert.model.recipe import Recipe
from videobert.model.stage import Axis, Stage, StageSpec, TensorSpec
from videobert.model.text_encoder_stage import text_encoder
from videobert.model.univl_stages import two_stream_stages

# The stages of the visual side, which every family has.
BACKBONE = "backbone"
NEAREST = "nearest"
# Of films, not of clips: one that a model may have beside them.
SHOT_BOUNDARIES = "shot_boundaries"
# The size of the frames that the network of shot boundaries sees (arXiv 2008.04838, section 3), and how many at a time:
# published are 100, of which the middle half is used; with half as many the same shots are found, see docs/everyday.md.
SHOT_FRAMES, SHOT_HEIGHT, SHOT_WIDTH = 50, 27, 48
# Nearest centroids that an engine proposes: near ties are then decided exactly, as on the CPU.
CANDIDATES = 8
_STATES_AT_ONCE = 64

StageList = Callable[[ModelConfig, Recipe], tuple[StageSpec, ...]]


def stage_specs(config: ModelConfig, recipe: Recipe) -> tuple[StageSpec, ...]:
    """The stages of a model in the order in which data passes them; heads only as far as the model has them.

    Args:
        recipe: sizes of a clip.

    Raises:
        ModelError: this release does not know the family.
    """
    if config.family not in STAGE_LISTS:
        raise ModelError(
            "this model's family is not known",
            seen=config.family,
            allowed=", ".join(STAGE_LISTS),
            fix="Install the videobert release that wrote the folder.",
        )
    return STAGE_LISTS[config.family](config, recipe)


def stage_spec(stage: Stage, config: ModelConfig, recipe: Recipe) -> StageSpec:
    """One stage of a model.

    Raises:
        ModelError: the model has no such stage, or this release does not know the family.
    """
    specs = {spec.name: spec for spec in stage_specs(config, recipe)}
    if stage not in specs:
        raise ModelError(
            f"this model has no {stage}",
            allowed=", ".join(specs),
            fix="Name a stage that it has, or use another model.",
        )
    return specs[stage]


def stage_names(config: ModelConfig, *, gpu: bool) -> tuple[Stage, ...]:
    """The names alone, which do not depend on a recipe.

    Args:
        gpu: with the stages that only engines on a GPU have.
    """
    return tuple(spec.name for spec in stage_specs(config, Recipe()) if gpu or not spec.gpu_only)


def check_untrained(config: ModelConfig) -> None:
    """Refuse an `untrained` with what the model does not have: an answer that rests on it could not say so.

    Raises:
        ModelError: there is such a name.
    """
    known = (*stage_names(config, gpu=True), VISUAL_TOKENS)
    unknown = [name for name in config.untrained if name not in known]
    if unknown:
        raise ModelError(
            "config.json: untrained names parts that the model does not have",
            seen=", ".join(unknown),
            allowed=", ".join(known),
            fix="Correct it in config.json.",
        )


def all_stage_names() -> tuple[Stage, ...]:
    """The names of every stage that a model of any family can have."""
    return tuple(dict.fromkeys(spec.name for spec in _all_stages()))


def stages_with_lengths() -> frozenset[Stage]:
    """The names of the stages of any family whose attention takes lengths; a name means the same in all of them."""
    return frozenset(spec.name for spec in _all_stages() if spec.lengths is not None)


def encoder_stages() -> frozenset[Stage]:
    """The names of the encoders of any family, with lengths or masks of their own."""
    return frozenset(spec.name for spec in _all_stages() if spec.is_encoder)


def _all_stages() -> tuple[StageSpec, ...]:
    return tuple(spec for family, listed in STAGE_LISTS.items() for spec in listed(_largest(family), Recipe()))


def _largest(family: str) -> ModelConfig:
    """A model of a family with every part that one can have."""
    plain = ModelConfig(name="any", words=1, visual_tokens=1, shots=ShotsConfig(), two_towers=TwoTowersConfig())
    if family != "univl":
        return plain
    streams = TwoStreamsConfig(video=EncoderConfig(), fusion=EncoderConfig(), decoder=EncoderConfig())
    return replace(plain, two_streams=streams, heads=(*HEADS, "decoder"))


def head_stage(head: str) -> Stage:
    """The stage of one of `config.heads`."""
    return f"{head}_head"


def question_stages(config: ModelConfig, recipe: Recipe) -> Iterator[StageSpec]:
    """The stages that answer a model's questions without an encoder, in the order of the questions."""
    for name, question in config.questions.items():
        stage = question_stage(name, question)
        if stage is not None:
            yield _question_stage(stage, question, config, recipe)


def _question_stage(stage: Stage, question: QuestionConfig, config: ModelConfig, recipe: Recipe) -> StageSpec:
    batch, labels = Axis("batch"), Axis("labels", len(question.labels))
    pictures = (batch, Axis("height", recipe.crop), Axis("width", recipe.crop), Axis("channels", 3))
    of_features = question.answered_by == "features"
    return StageSpec(
        name=stage,
        inputs=(_features(config) if of_features else TensorSpec("pictures", "uint8", pictures),),
        outputs=(TensorSpec("logits", "float32", (batch, labels)),),
        batch=batch.name,
        keeps_fp32=of_features,
        usual_batch=4,
        most_batch=64 if of_features else 8,
    )


def _shot_boundaries(config: ModelConfig) -> tuple[StageSpec, ...]:
    if config.shots is None:
        return ()
    batch, frames = Axis("batch"), Axis("frames", SHOT_FRAMES)
    picture = (Axis("height", SHOT_HEIGHT), Axis("width", SHOT_WIDTH), Axis("channels", 3))
    return (
        StageSpec(
            name=SHOT_BOUNDARIES,
            inputs=(TensorSpec("frames", "uint8", (batch, frames, *picture)),),
            outputs=(TensorSpec("logits", "float32", (batch, frames)),),
            batch=batch.name,
            most_batch=4,
        ),
    )


def backbone(config: ModelConfig, recipe: Recipe) -> StageSpec:
    """Clips as the decoder gives them to features; the recipe's normalisation is inside."""
    batch = Axis("batch")
    side = recipe.crop
    clip = (Axis("frames", recipe.frames), Axis("height", side), Axis("width", side), Axis("channels", 3))
    return StageSpec(
        name=BACKBONE,
        inputs=(TensorSpec("clips", "uint8", (batch, *clip)),),
        outputs=(_features(config),),
        batch=batch.name,
        one_at_a_time=True,
    )


def nearest(config: ModelConfig) -> StageSpec:
    """Features to their nearest centroids, which are given: `scores` are squared distances less the feature's square.

    The codebook stays outside, so that one copy of it on the device serves everything.
    """
    batch, leaves = Axis("batch"), Axis("visual_tokens", config.visual_tokens)
    found = Axis("candidates", min(CANDIDATES, config.visual_tokens))
    return StageSpec(
        name=NEAREST,
        inputs=(
            _features(config, config.codebook_dim),
            TensorSpec("centroids", "float32", (leaves, Axis("feature_dim", config.codebook_dim))),
            TensorSpec("squares", "float32", (leaves,)),
        ),
        outputs=(TensorSpec("scores", "float32", (batch, found)), TensorSpec("ids", "int64", (batch, found))),
        batch=batch.name,
        usual_batch=8,
        most_batch=64,
        gpu_only=True,
    )


def nearest_with_codebook(config: ModelConfig) -> StageSpec:
    """Features to visual tokens and their distances, the codebook inside: for a server, which has nowhere else for it.

    It belongs to no folder: the graph is made when it is served.
    """
    batch, one = Axis("batch"), Axis("nearest", 1)
    return StageSpec(
        name=NEAREST,
        inputs=(_features(config),),
        outputs=(TensorSpec("ids", "int64", (batch, one)), TensorSpec("distances", "float32", (batch, one))),
        batch=batch.name,
    )


def _features(config: ModelConfig, dim: int | None = None) -> TensorSpec:
    width = config.backbone.feature_dim if dim is None else dim
    return TensorSpec("features", "float32", (Axis("batch"), Axis("feature_dim", width)))


def _videobert(config: ModelConfig, recipe: Recipe) -> tuple[StageSpec, ...]:
    """One encoder over words and visual tokens, and its heads (arXiv 1904.01766, section 3)."""
    batch, length = Axis("batch"), Axis("length", longest=config.encoder.positions)
    count, width = Axis("count"), Axis("width", config.encoder.width)
    encoder = StageSpec(
        name="encoder",
        inputs=(
            TensorSpec("ids", "int64", (batch, length)),
            TensorSpec("segments", "int64", (batch, length)),
            TensorSpec("lengths", "int64", (batch,)),
        ),
        outputs=(TensorSpec("states", "float32", (batch, length, width)),),
        batch=batch.name,
        lengths="lengths",
        attentions=config.encoder.layers,
        of_text=True,
    )
    choices: dict[str, tuple[Axis, ...]] = {
        "text": (Axis("words", config.words),),
        "visual": (Axis("visual_tokens", config.visual_tokens),),
        # Log-odds that text and video belong together, of the states of `[CLS]`.
        "alignment": (),
    }
    heads = tuple(
        StageSpec(
            name=head_stage(head),
            inputs=(TensorSpec("states", "float32", (count, width)),),
            outputs=(TensorSpec("logits", "float32", (count, *choices[head])),),
            batch=count.name,
            keeps_fp32=True,
            of_text=head == "text",
            scores_candidates=bool(choices[head]),
            usual_batch=4,
            most_batch=_STATES_AT_ONCE,
        )
        for head in config.heads
    )
    seen = (backbone(config, recipe), nearest(config), *_shot_boundaries(config), *question_stages(config, recipe))
    return (*seen, encoder, *heads)


def _conse(config: ModelConfig, recipe: Recipe) -> tuple[StageSpec, ...]:
    """A classifier of clips and an encoder of texts, for whose vectors the labels' texts stand."""
    seen = (backbone(config, recipe), nearest(config), *_shot_boundaries(config), *question_stages(config, recipe))
    return (*seen, text_encoder(config))


def _univl(config: ModelConfig, recipe: Recipe) -> tuple[StageSpec, ...]:
    """Text and video in streams of their own, joined (arXiv 2002.06353); visual tokens only where there are some."""
    if config.two_streams is None:
        raise ModelError("config.json: a model of the family univl has two_streams", fix="Import the checkpoint again.")
    tokens = (nearest(config),) if config.visual_tokens else ()
    seen = (backbone(config, recipe), *tokens, *_shot_boundaries(config), *question_stages(config, recipe))
    return (*seen, *two_stream_stages(config, config.two_streams))


def _milnce(config: ModelConfig, recipe: Recipe) -> tuple[StageSpec, ...]:
    """Clips and texts, each to a vector of their common space; visual tokens only where there are some."""
    if config.two_towers is None:
        raise ModelError("config.json: a model of the family milnce has two_towers", fix="Import the checkpoint again.")
    tokens = (nearest(config),) if config.visual_tokens else ()
    seen = (backbone(config, recipe), *tokens, *_shot_boundaries(config), *question_stages(config, recipe))
    return (*seen, *two_tower_stages(config, config.two_towers))


def _next_token(config: ModelConfig, recipe: Recipe) -> tuple[StageSpec, ...]:
    """Visual tokens, and a network that tells which one comes next."""
    seen = (backbone(config, recipe), nearest(config), *_shot_boundaries(config), *question_stages(config, recipe))
    return (*seen, *next_token_stages(config))


STAGE_LISTS: dict[str, StageList] = {
    "videobert": _videobert,
    "conse": _conse,
    "univl": _univl,
    "milnce": _milnce,
    "next_token": _next_token,
}
